#include "runtime/metrics.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t read_number(void *context) {
    return *(int64_t *)context;
}

static void assert_rendered(const struct metrics *metrics, const char *expected) {
    struct strbuf out;
    strbuf_init(&out);
    metrics_render(metrics, &out);
    assert_string_equal(out.data, expected);
    strbuf_release(&out);
}

static void metrics_render__shows_a_counter_with_its_help_and_type(void **state) {
    (void)state;
    struct metrics *metrics = metrics_new();
    struct counter *orders = metrics_counter(metrics, "orders_total", "Accepted orders.", "");
    assert_rendered(metrics, "# HELP orders_total Accepted orders.\n"
                             "# TYPE orders_total counter\n"
                             "orders_total 0\n");
    counter_add(orders, 2);
    counter_add(orders, 3);
    assert_rendered(metrics, "# HELP orders_total Accepted orders.\n"
                             "# TYPE orders_total counter\n"
                             "orders_total 5\n");
    metrics_free(metrics);
}

static void metrics_render__says_help_once_for_counters_of_one_name(void **state) {
    (void)state;
    struct metrics *metrics = metrics_new();
    char labels[] = "topic=\"a\"";
    struct counter *a = metrics_counter(metrics, "events_total", "Events.", labels);
    labels[7] = 'b';
    metrics_counter(metrics, "events_total", "Events.", labels);
    counter_add(a, 1);
    assert_rendered(metrics, "# HELP events_total Events.\n"
                             "# TYPE events_total counter\n"
                             "events_total{topic=\"a\"} 1\n"
                             "events_total{topic=\"b\"} 0\n");
    metrics_free(metrics);
}

static void metrics_render__reads_a_gauge_when_it_is_shown(void **state) {
    (void)state;
    struct metrics *metrics = metrics_new();
    int64_t backlog = 7;
    metrics_gauge(metrics, "backlog_events", "Events that wait.", read_number, &backlog);
    assert_rendered(metrics, "# HELP backlog_events Events that wait.\n"
                             "# TYPE backlog_events gauge\n"
                             "backlog_events 7\n");
    backlog = -1;
    assert_rendered(metrics, "# HELP backlog_events Events that wait.\n"
                             "# TYPE backlog_events gauge\n"
                             "backlog_events -1\n");
    metrics_free(metrics);
}

static void read_lags(void *context, struct metric_samples *samples) {
    const char *const *groups = context;
    for (int64_t i = 0; groups[i]; i++) {
        const struct metric_label labels[] = {{"group", groups[i]}, {"topic", "orders"}};
        metric_samples_add(samples, labels, 2, i);
    }
}

static void metrics_render__shows_the_samples_that_a_gauge_has_now(void **state) {
    (void)state;
    struct metrics *metrics = metrics_new();
    const char *groups[] = {"a", "\"b\\\n", NULL};
    metrics_gauges(metrics, "lag", "Lag.", read_lags, groups);
    assert_rendered(metrics, "# HELP lag Lag.\n"
                             "# TYPE lag gauge\n"
                             "lag{group=\"a\",topic=\"orders\"} 0\n"
                             "lag{group=\"\\\"b\\\\\\n\",topic=\"orders\"} 1\n");
    groups[0] = NULL;
    assert_rendered(metrics, "# HELP lag Lag.\n# TYPE lag gauge\n");
    metrics_free(metrics);
}

static void metrics_render__shows_the_largest_count(void **state) {
    (void)state;
    struct metrics *metrics = metrics_new();
    counter_add(metrics_counter(metrics, "n_total", "N.", ""), INT64_MAX);
    assert_rendered(metrics, "# HELP n_total N.\n# TYPE n_total counter\n"
                             "n_total 9223372036854775807\n");
    metrics_free(metrics);
}

static void metrics_render__shows_nothing_when_nothing_is_registered(void **state) {
    (void)state;
    struct metrics *metrics = metrics_new();
    assert_rendered(metrics, "");
    metrics_free(metrics);
    metrics_free(NULL);
}

/* Prometheus' text format 0.0.4: name, labels in braces, a space, a number. */
static bool is_sample(const char *line) {
    if (!isalpha((unsigned char)*line) && *line != '_' && *line != ':')
        return false;
    while (isalnum((unsigned char)*line) || *line == '_' || *line == ':')
        line++;
    if (*line == '{') {
        line = strchr(line, '}');
        if (!line)
            return false;
        line++;
    }
    char *end;
    if (*line++ != ' ')
        return false;
    strtod(line, &end);
    return end != line && *end == '\0';
}

static void metrics_render__is_prometheus_text(void **state) {
    (void)state;
    struct metrics *metrics = metrics_new();
    struct strbuf out;
    int64_t number = -3;
    strbuf_init(&out);
    metrics_counter(metrics, "a_total", "A.", "topic=\"new-order-topic\",group=\"g\"");
    metrics_counter(metrics, "a_total", "A.", "topic=\"x\"");
    metrics_gauge(metrics, "b_events", "B.", read_number, &number);
    metrics_counter(metrics, "c_total", "C.", "");

    metrics_render(metrics, &out);

    int n_help = 0, n_type = 0, n_samples = 0;
    assert_int_equal(out.data[out.len - 1], '\n');
    for (char *line = strtok(out.data, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            n_help++;
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            n_type++;
        } else {
            assert_true(is_sample(line));
            n_samples++;
        }
    }
    assert_int_equal(n_help, 3);
    assert_int_equal(n_type, 3);
    assert_int_equal(n_samples, 4);
    strbuf_release(&out);
    metrics_free(metrics);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_render__shows_a_counter_with_its_help_and_type),
        cmocka_unit_test(metrics_render__says_help_once_for_counters_of_one_name),
        cmocka_unit_test(metrics_render__reads_a_gauge_when_it_is_shown),
        cmocka_unit_test(metrics_render__shows_the_samples_that_a_gauge_has_now),
        cmocka_unit_test(metrics_render__shows_the_largest_count),
        cmocka_unit_test(metrics_render__shows_nothing_when_nothing_is_registered),
        cmocka_unit_test(metrics_render__is_prometheus_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
