/* orderctl trace: the story of one order, as the services tell it. */
#include "orderctl/commands.h"
#include "orderctl/http_client.h"
#include "orderctl/plain_text.h"
#include "orderctl/trace_story.h"

#include "base/clock.h"
#include "base/env.h"
#include "event/json.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 200, SAY_MS = 5000, WAIT_MAX_S = 86400 };

struct trace_config {
    const char *urls[N_STORY_SERVICES];
};

static const struct env_setting settings[] = {
    ENV_TEXT(struct trace_config, urls[STORY_ORDER], "ORDER_URL", "http://localhost:3000",
             "where the order-service listens"),
    ENV_TEXT(struct trace_config, urls[STORY_INVENTORY], "INVENTORY_URL", "http://localhost:3001",
             "where the inventory-service listens"),
    ENV_TEXT(struct trace_config, urls[STORY_NOTIFICATION], "NOTIFICATION_URL",
             "http://localhost:3002", "where the notification-service listens"),
    ENV_TEXT(struct trace_config, urls[STORY_LOGGING], "LOGGING_URL", "http://localhost:3003",
             "where the logging-service listens"),
};

enum { N_SETTINGS = sizeof settings / sizeof *settings };

struct trace {
    struct trace_config config;
    const char *order_id;
    int64_t wait_ms;
    bool is_json;
    struct http_client *client;
    struct story story;
    struct error faults[N_STORY_SERVICES]; /* of a service that was not heard */
};

/* --- asking --- */

static enum status ask_order(struct trace *trace, struct error *err) {
    struct cJSON *order;
    char target[32 + ID_SIZE * 3];
    struct strbuf id;
    strbuf_init(&id);
    http_add_escaped(&id, trace->order_id);
    snprintf(target, sizeof target, "/orders/%s", id.data);
    strbuf_release(&id);
    enum status status =
        http_client_get(trace->client, trace->config.urls[STORY_ORDER], target, &order, err);
    if (status == ERR_NOT_FOUND)
        return OK;
    if (status != OK)
        return status;
    story_add_order(&trace->story, order);
    cJSON_Delete(order);
    return OK;
}

static void visit_movement(void *context, const struct cJSON *item) {
    story_add_movement(context, item);
}

static void visit_notice(void *context, const struct cJSON *item) {
    story_add_notice(context, item);
}

static void visit_action(void *context, const struct cJSON *item) {
    story_add_action(context, item);
}

static enum status ask_list(struct trace *trace, enum story_service service, struct error *err) {
    static const struct {
        const char *path;
        void (*visit)(void *context, const struct cJSON *item);
    } lists[N_STORY_SERVICES] = {
        [STORY_INVENTORY] = {"/movements", visit_movement},
        [STORY_NOTIFICATION] = {"/notifications", visit_notice},
        [STORY_LOGGING] = {"/actions", visit_action},
    };
    struct strbuf target;
    strbuf_init(&target);
    strbuf_printf(&target, "%s?orderId=", lists[service].path);
    http_add_escaped(&target, trace->order_id);
    enum status status = http_client_list(trace->client, trace->config.urls[service], target.data,
                                          lists[service].visit, &trace->story, err);
    strbuf_release(&target);
    return status;
}

static void ask_all(struct trace *trace) {
    story_release(&trace->story);
    story_init(&trace->story, trace->order_id);
    for (int service = 0; service < N_STORY_SERVICES; service++) {
        struct error *err = &trace->faults[service];
        enum status status = service == STORY_ORDER
                                 ? ask_order(trace, err)
                                 : ask_list(trace, (enum story_service)service, err);
        trace->story.was_heard[service] = status == OK;
    }
    story_finish(&trace->story);
}

static void wait_for_end(struct trace *trace) {
    int64_t now = clock_monotonic_ms(), deadline_ms = now + trace->wait_ms;
    int64_t say_at_ms = now + SAY_MS;
    ask_all(trace);
    while (!story_is_complete(&trace->story) && clock_monotonic_ms() < deadline_ms) {
        if (clock_monotonic_ms() >= say_at_ms) {
            fprintf(stderr, "orderctl: %zu steps of %s are there; waiting for the others\n",
                    trace->story.n_steps, trace->order_id);
            say_at_ms += SAY_MS;
        }
        clock_pause_ms(POLL_MS);
        ask_all(trace);
    }
}

/* --- telling --- */

static void add_text_bytes(struct strbuf *out, const char *text) {
    plain_text_add(out, (struct bytes){text, strlen(text)});
}

static void add_step(struct strbuf *out, const struct story *story, const struct story_step *step) {
    char time[CLOCK_RFC3339_SIZE] = "time not known", since[32] = "";
    if (step->at_ms > 0)
        clock_format_rfc3339(step->at_ms, time);
    if (step->at_ms > 0 && story->accepted_ms > 0)
        snprintf(since, sizeof since, "%+lld ms", (long long)(step->at_ms - story->accepted_ms));
    strbuf_printf(out, "%-24s %10s  %-20s  ", time, since,
                  story_service_name(story_facts[step->fact].service));
    add_text_bytes(out, step->text);
    strbuf_add_char(out, '\n');
}

static void add_differences(struct strbuf *out, const struct story *story) {
    for (int fact = 0; fact < N_FACTS; fact++)
        if (story_differs(story, (enum story_fact)fact))
            strbuf_printf(out, "%s  %s: %s (%lld, should be %lld)\n",
                          story->n[fact] < story->expected[fact] ? "missing " : "too many",
                          story_service_name(story_facts[fact].service), story_facts[fact].what,
                          (long long)story->n[fact], (long long)story->expected[fact]);
}

static int64_t last_ms(const struct story *story) {
    return story->n_steps > 0 ? story->steps[story->n_steps - 1].at_ms : 0;
}

static void add_end(struct strbuf *out, const struct trace *trace) {
    const struct story *story = &trace->story;
    strbuf_add_char(out, '\n');
    if (story_is_complete(story)) {
        strbuf_printf(out, "complete: %zu steps in %lld ms\n", story->n_steps,
                      (long long)(last_ms(story) - story->accepted_ms));
        return;
    }
    for (int i = 0; i < N_STORY_SERVICES; i++)
        if (!story->was_heard[i])
            strbuf_printf(out, "not heard %s: %s\n", story_service_name((enum story_service)i),
                          trace->faults[i].text);
    if (story->was_heard[STORY_ORDER] && !story->is_known)
        strbuf_printf(out, "unknown: the order-service has no order %s\n", story->order_id);
    else
        add_differences(out, story);
    strbuf_printf(out, "incomplete: %zu steps are there; --wait SECONDS waits for the others\n",
                  story->n_steps);
}

static void add_story(struct strbuf *out, const struct trace *trace) {
    const struct story *story = &trace->story;
    strbuf_printf(out, "order %s", story->order_id);
    if (story->is_known) {
        strbuf_add_str(out, " of ");
        add_text_bytes(out, story->customer_id);
        strbuf_printf(out, ", %lld %s, event %s", (long long)story->n_lines,
                      story->n_lines == 1 ? "line" : "lines", story->event_id);
    }
    strbuf_add_str(out, "\n\n");
    for (size_t i = 0; i < story->n_steps; i++)
        add_step(out, story, &story->steps[i]);
    add_end(out, trace);
}

static void add_json_step(struct strbuf *out, const struct story *story,
                          const struct story_step *step) {
    char time[CLOCK_RFC3339_SIZE];
    strbuf_printf(out, "{\"service\":\"%s\",\"step\":\"%s\"",
                  story_service_name(story_facts[step->fact].service),
                  story_facts[step->fact].name);
    if (step->at_ms > 0) {
        clock_format_rfc3339(step->at_ms, time);
        strbuf_printf(out, ",\"at\":\"%s\"", time);
        if (story->accepted_ms > 0)
            strbuf_printf(out, ",\"sinceAcceptedMs\":%lld",
                          (long long)(step->at_ms - story->accepted_ms));
    }
    strbuf_add_str(out, ",\"text\":");
    json_add_string(out, step->text);
    strbuf_add_char(out, '}');
}

static void add_json_differences(struct strbuf *out, const struct story *story) {
    const char *comma = "";
    strbuf_add_str(out, "],\"differences\":[");
    for (int fact = 0; fact < N_FACTS; fact++) {
        if (!story_differs(story, (enum story_fact)fact))
            continue;
        strbuf_printf(out,
                      "%s{\"service\":\"%s\",\"step\":\"%s\",\"found\":%lld,\"expected\":%lld}",
                      comma, story_service_name(story_facts[fact].service), story_facts[fact].name,
                      (long long)story->n[fact], (long long)story->expected[fact]);
        comma = ",";
    }
}

static void add_json_unheard(struct strbuf *out, const struct trace *trace) {
    const char *comma = "";
    strbuf_add_str(out, "],\"notHeard\":[");
    for (int i = 0; i < N_STORY_SERVICES; i++) {
        if (trace->story.was_heard[i])
            continue;
        strbuf_printf(out, "%s{\"service\":\"%s\",\"reason\":", comma,
                      story_service_name((enum story_service)i));
        json_add_string(out, trace->faults[i].text);
        strbuf_add_char(out, '}');
        comma = ",";
    }
    strbuf_add_str(out, "]}\n");
}

static void add_json(struct strbuf *out, const struct trace *trace) {
    const struct story *story = &trace->story;
    strbuf_add_str(out, "{\"orderId\":");
    json_add_string(out, story->order_id);
    if (story->is_known) {
        strbuf_add_str(out, ",\"customerId\":");
        json_add_string(out, story->customer_id);
        strbuf_add_str(out, ",\"eventId\":");
        json_add_string(out, story->event_id);
        strbuf_printf(out, ",\"lines\":%lld", (long long)story->n_lines);
    }
    strbuf_printf(out, ",\"known\":%s,\"complete\":%s,\"steps\":[",
                  story->is_known ? "true" : "false", story_is_complete(story) ? "true" : "false");
    for (size_t i = 0; i < story->n_steps; i++) {
        strbuf_add_str(out, i > 0 ? "," : "");
        add_json_step(out, story, &story->steps[i]);
    }
    add_json_differences(out, story);
    add_json_unheard(out, trace);
}

/* --- the command --- */

static void print_help(void) {
    struct strbuf out;
    strbuf_init(&out);
    strbuf_add_str(&out,
                   "orderctl trace ORDER-ID [--json] [--wait SECONDS]: what has happened to an "
                   "order, as the services tell it over HTTP, and what is missing\n\n"
                   "  --json          one JSON document\n"
                   "  --wait SECONDS  ask until nothing is missing, so long at most\n\n"
                   "Exit code: 0 complete; 1 something is missing, or the order is not known; 2 a "
                   "wrong argument.\n\nSettings (environment variables):\n\n");
    env_describe(settings, N_SETTINGS, &out);
    fputs(out.data, stdout);
    strbuf_release(&out);
}

static enum status read_wait(const char *value, int64_t *out_ms, struct error *err) {
    char *end;
    long seconds = value ? strtol(value, &end, 10) : -1;
    if (!value || end == value || *end != '\0' || seconds < 0 || seconds > WAIT_MAX_S)
        return error_set(err, ERR_INVALID, "--wait needs a number of seconds from 0 to %d",
                         WAIT_MAX_S);
    *out_ms = seconds * 1000;
    return OK;
}

static enum status read_arguments(int argc, char **argv, struct trace *trace, struct error *err) {
    for (int i = 1; i < argc; i++) {
        enum status status = OK;
        if (strcmp(argv[i], "--json") == 0)
            trace->is_json = true;
        else if (strcmp(argv[i], "--wait") == 0)
            status = read_wait(argv[++i], &trace->wait_ms, err); /* argv ends with NULL */
        else if (trace->order_id || strncmp(argv[i], "--", 2) == 0)
            status = error_set(err, ERR_INVALID, "unknown argument %s", argv[i]);
        else
            trace->order_id = argv[i];
        if (status != OK)
            return status;
    }
    if (!trace->order_id)
        return error_set(err, ERR_INVALID, "say which order: orderctl trace ORDER-ID");
    if (!event_is_id(trace->order_id))
        return error_set(err, ERR_INVALID, "an orderId has 1 to %d characters from '!' to '~'",
                         ID_SIZE - 1);
    return OK;
}

static enum status read_settings(struct trace *trace, struct error *err) {
    env_read(settings, N_SETTINGS, &trace->config, NULL); /* any text is one */
    for (int i = 0; i < N_STORY_SERVICES; i++) {
        const char *url = trace->config.urls[i];
        size_t len = strlen(url);
        if ((strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) ||
            url[len - 1] == '/')
            return error_set(err, ERR_INVALID,
                             "%s=%s: must be a URL such as %s, without a slash at its end",
                             settings[i].name, url, settings[i].fallback);
    }
    return OK;
}

int run_trace(const struct config *config, int argc, char **argv) {
    struct trace trace = {.order_id = NULL};
    struct error err;
    struct strbuf out;
    (void)config;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help();
            return EXIT_SUCCESS;
        }
    }
    if (read_arguments(argc, argv, &trace, &err) != OK || read_settings(&trace, &err) != OK) {
        fprintf(stderr, "orderctl: trace: %s\n", err.text);
        return EXIT_USAGE;
    }
    strbuf_init(&out);
    trace.client = http_client_new();
    wait_for_end(&trace);
    if (trace.is_json)
        add_json(&out, &trace);
    else
        add_story(&out, &trace);
    fputs(out.data, stdout);
    int code = story_is_complete(&trace.story) ? EXIT_SUCCESS : EXIT_FAILURE;
    story_release(&trace.story);
    http_client_free(trace.client);
    strbuf_release(&out);
    return code;
}
