#include "orderctl/trace_story.h"

#include "event/rfc3339.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *story_service_name(enum story_service service) {
    static const char *const names[N_STORY_SERVICES] = {"order-service", "inventory-service",
                                                        "notification-service", "logging-service"};
    return names[service];
}

const struct story_fact_kind story_facts[N_FACTS] = {
    [FACT_ACCEPTED] = {"accepted", STORY_ORDER, "accepted"},
    [FACT_PUBLISHED] = {"published", STORY_ORDER, "published to Kafka"},
    [FACT_SOLD] = {"stock-moved", STORY_INVENTORY, "a line taken off the stock"},
    [FACT_REFILLED] = {"refilled", STORY_INVENTORY, "a refill"},
    [FACT_ORDER_NOTICE] = {"order-notified", STORY_NOTIFICATION, "the order's notification"},
    [FACT_REFILL_NOTICE] = {"refill-notified", STORY_NOTIFICATION, "a refill's notification"},
    [FACT_LOGGED_ORDER] = {"logged-new-order", STORY_LOGGING, "log action new-order"},
    [FACT_LOGGED_STOCK] = {"logged-inventory-updated", STORY_LOGGING,
                           "log action inventory-updated"},
    [FACT_LOGGED_EMPTY] = {"logged-inventory-empty", STORY_LOGGING, "log action inventory-empty"},
    [FACT_LOGGED_ORDER_NOTICE] = {"logged-order-notification-sent", STORY_LOGGING,
                                  "log action order-notification-sent"},
    [FACT_LOGGED_REFILL_NOTICE] = {"logged-refill-notification-sent", STORY_LOGGING,
                                   "log action refill-notification-sent"},
};

void story_init(struct story *story, const char *order_id) {
    *story = (struct story){0};
    snprintf(story->order_id, sizeof story->order_id, "%s", order_id);
}

void story_release(struct story *story) {
    free(story->steps);
    story->steps = NULL;
}

/* --- reading --- */

/* "" when there is no such member. */
static const char *text_of(const cJSON *object, const char *name) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text ? text : "";
}

static long long number_of(const cJSON *object, const char *name) {
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(member) ? (long long)member->valuedouble : 0;
}

static int64_t time_of(const cJSON *object, const char *name) {
    const char *text = text_of(object, name);
    int64_t time_ms;
    return rfc3339_parse(text, strlen(text), &time_ms) ? time_ms : 0;
}

static bool is(const cJSON *object, const char *name, const char *value) {
    return strcmp(text_of(object, name), value) == 0;
}

static void add_step(struct story *story, enum story_fact fact, int64_t at_ms, const char *text) {
    if (story->n_steps == story->size) {
        story->size = story->size > 0 ? 2 * story->size : 64;
        story->steps = realloc(story->steps, story->size * sizeof *story->steps);
        if (!story->steps)
            abort();
    }
    struct story_step *step = &story->steps[story->n_steps];
    *step = (struct story_step){.fact = fact, .at_ms = at_ms, .nth = story->n_steps++};
    snprintf(step->text, sizeof step->text, "%s", text);
    story->n[fact]++;
}

void story_add_order(struct story *story, const cJSON *order) {
    int64_t published_ms = time_of(order, "publishedAt");
    story->is_known = true;
    story->n_lines = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(order, "products"));
    story->accepted_ms = time_of(order, "acceptedAt");
    snprintf(story->customer_id, sizeof story->customer_id, "%s", text_of(order, "customerId"));
    snprintf(story->event_id, sizeof story->event_id, "%s", text_of(order, "eventId"));
    add_step(story, FACT_ACCEPTED, story->accepted_ms, story_facts[FACT_ACCEPTED].what);
    if (published_ms > 0)
        add_step(story, FACT_PUBLISHED, published_ms, story_facts[FACT_PUBLISHED].what);
}

/* Did another event cause it than that of this order? */
static bool is_of_other_event(const struct story *story, const cJSON *item) {
    return story->is_known && !is(item, "eventId", story->event_id);
}

void story_add_movement(struct story *story, const cJSON *movement) {
    bool is_refill = is(movement, "kind", "refill");
    char text[320];
    if (is_of_other_event(story, movement))
        return;
    snprintf(text, sizeof text, "%.64s (line %lld): %s %+lld, %lld in stock",
             text_of(movement, "productId"), number_of(movement, "line"),
             is_refill ? "refilled by" : "sold", number_of(movement, "delta"),
             number_of(movement, "stock"));
    add_step(story, is_refill ? FACT_REFILLED : FACT_SOLD, time_of(movement, "movedAt"), text);
}

void story_add_notice(struct story *story, const cJSON *notice) {
    bool is_refill = is(notice, "kind", "refill");
    if (!is_refill && is_of_other_event(story, notice))
        return;
    add_step(story, is_refill ? FACT_REFILL_NOTICE : FACT_ORDER_NOTICE, time_of(notice, "sentAt"),
             text_of(notice, "text"));
}

void story_add_action(struct story *story, const cJSON *action) {
    static const struct {
        enum story_fact fact;
        const char *service_name, *action;
    } actions[] = {
        {FACT_LOGGED_ORDER, "order-service", "new-order"},
        {FACT_LOGGED_STOCK, "inventory-service", "inventory-updated"},
        {FACT_LOGGED_EMPTY, "inventory-service", "inventory-empty"},
        {FACT_LOGGED_ORDER_NOTICE, "notification-service", "order-notification-sent"},
        {FACT_LOGGED_REFILL_NOTICE, "notification-service", "refill-notification-sent"},
    };
    char text[320];
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (!is(action, "serviceName", actions[i].service_name) ||
            !is(action, "action", actions[i].action))
            continue;
        snprintf(text, sizeof text, "%s of %s", actions[i].action, actions[i].service_name);
        add_step(story, actions[i].fact, time_of(action, "loggedAt"), text);
    }
}

/* --- what it comes to --- */

static int by_time(const void *left, const void *right) {
    const struct story_step *a = left, *b = right;
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    if (story_facts[a->fact].service != story_facts[b->fact].service)
        return (int)story_facts[a->fact].service - (int)story_facts[b->fact].service;
    return a->nth < b->nth ? -1 : a->nth > b->nth;
}

void story_finish(struct story *story) {
    int64_t n_orders = story->is_known, n_refills = story->n[FACT_REFILLED];
    const int64_t expected[N_FACTS] = {
        [FACT_ACCEPTED] = n_orders,
        [FACT_PUBLISHED] = n_orders,
        [FACT_SOLD] = story->n_lines,
        [FACT_REFILLED] = n_refills,
        [FACT_ORDER_NOTICE] = n_orders,
        [FACT_REFILL_NOTICE] = n_refills,
        [FACT_LOGGED_ORDER] = n_orders,
        [FACT_LOGGED_STOCK] = story->n_lines,
        [FACT_LOGGED_EMPTY] = n_refills,
        [FACT_LOGGED_ORDER_NOTICE] = n_orders,
        [FACT_LOGGED_REFILL_NOTICE] = n_refills,
    };
    memcpy(story->expected, expected, sizeof expected);
    /* The time of that is forgotten after a while; its effects say that it was. */
    if (story->is_known && story->n[FACT_PUBLISHED] == 0 &&
        story->n[FACT_SOLD] + story->n[FACT_ORDER_NOTICE] > 0)
        add_step(story, FACT_PUBLISHED, 0, story_facts[FACT_PUBLISHED].what);
    if (story->n_steps > 0)
        qsort(story->steps, story->n_steps, sizeof *story->steps, by_time);
}

bool story_differs(const struct story *story, enum story_fact fact) {
    return story->was_heard[story_facts[fact].service] && story->n[fact] != story->expected[fact];
}

bool story_is_complete(const struct story *story) {
    for (int i = 0; i < N_STORY_SERVICES; i++)
        if (!story->was_heard[i])
            return false;
    return story->is_known && memcmp(story->n, story->expected, sizeof story->n) == 0;
}
