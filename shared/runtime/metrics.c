#include "runtime/metrics.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METRICS_MAX = 32, LABELS_SIZE = 320 };

struct counter {
    const char *name;
    const char *help;
    char labels[LABELS_SIZE];
    atomic_uint_fast64_t value;
    /* Of a gauge, and of one with samples; both are NULL: a counter. */
    int64_t (*read)(void *context);
    void (*read_all)(void *context, struct metric_samples *samples);
    void *context;
};

/* Of the item that is being shown. */
struct metric_samples {
    const char *name;
    struct strbuf *out;
};

struct metrics {
    atomic_size_t n; /* grows when an item is complete */
    struct counter items[METRICS_MAX];
};

struct metrics *metrics_new(void) {
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (!metrics)
        abort();
    return metrics;
}

void metrics_free(struct metrics *metrics) {
    free(metrics);
}

static struct counter *add(struct metrics *metrics, struct counter item) {
    size_t n = atomic_load(&metrics->n);
    assert(n < METRICS_MAX);
    metrics->items[n] = item;
    atomic_store(&metrics->n, n + 1);
    return &metrics->items[n];
}

struct counter *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                                const char *labels) {
    struct counter counter = {.name = name, .help = help};
    snprintf(counter.labels, sizeof counter.labels, "%s", labels);
    return add(metrics, counter);
}

void counter_add(struct counter *counter, uint64_t n) {
    atomic_fetch_add_explicit(&counter->value, n, memory_order_relaxed);
}

void metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                   int64_t (*read)(void *context), void *context) {
    add(metrics, (struct counter){.name = name, .help = help, .read = read, .context = context});
}

void metrics_gauges(struct metrics *metrics, const char *name, const char *help,
                    void (*read)(void *context, struct metric_samples *samples), void *context) {
    add(metrics,
        (struct counter){.name = name, .help = help, .read_all = read, .context = context});
}

static void add_label_value(struct strbuf *out, const char *value) {
    for (; *value; value++) {
        if (*value == '"' || *value == '\\' || *value == '\n')
            strbuf_add_char(out, '\\');
        strbuf_add_char(out, *value == '\n' ? 'n' : *value);
    }
}

void metric_samples_add(struct metric_samples *samples, const struct metric_label *labels,
                        size_t n_labels, int64_t value) {
    strbuf_add_str(samples->out, samples->name);
    for (size_t i = 0; i < n_labels; i++) {
        strbuf_printf(samples->out, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
        add_label_value(samples->out, labels[i].value);
        strbuf_add_char(samples->out, '"');
    }
    strbuf_printf(samples->out, "%s %lld\n", n_labels > 0 ? "}" : "", (long long)value);
}

static void render_one(const struct counter *item, struct strbuf *out) {
    long long value =
        item->read ? (long long)item->read(item->context) : (long long)atomic_load(&item->value);
    if (*item->labels)
        strbuf_printf(out, "%s{%s} %lld\n", item->name, item->labels, value);
    else
        strbuf_printf(out, "%s %lld\n", item->name, value);
}

void metrics_render(const struct metrics *metrics, struct strbuf *out) {
    const char *previous = "";
    for (size_t i = 0, n = atomic_load(&metrics->n); i < n; i++) {
        const struct counter *item = &metrics->items[i];
        if (strcmp(previous, item->name) != 0)
            strbuf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", item->name, item->help, item->name,
                          item->read || item->read_all ? "gauge" : "counter");
        previous = item->name;
        if (item->read_all)
            item->read_all(item->context, &(struct metric_samples){item->name, out});
        else
            render_one(item, out);
    }
}
