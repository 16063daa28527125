#include "event/event.h"

#include <string.h>

void order_copy(struct order *out, const struct order *order) {
    memcpy(out, order, offsetof(struct order, lines) + order->n_lines * sizeof order->lines[0]);
}

static const char *new_order_subject(const struct event *event) {
    return event->order.order_id;
}

static const char *new_order_key(const struct event *event) {
    return event->order.customer_id;
}

static const char *inventory_empty_subject(const struct event *event) {
    return event->inventory_empty.product_id;
}

/* Only its envelope could say. */
static const char *new_logging_action_subject(const struct event *event) {
    (void)event;
    return "";
}

static const char *new_logging_action_key(const struct event *event) {
    const char *correlation = event->envelope.correlation;
    return *correlation ? correlation : event->logging_action.service_name;
}

struct vocabulary {
    const char *type_name;
    const char *aggregate_type;
    const char *(*subject)(const struct event *event);
    const char *(*key)(const struct event *event);
};

static const struct vocabulary vocabulary[N_EVENT_TYPES] = {
    [EVENT_NEW_ORDER] = {"new-order", "order", new_order_subject, new_order_key},
    [EVENT_INVENTORY_EMPTY] = {"inventory-empty", "product", inventory_empty_subject,
                               inventory_empty_subject},
    [EVENT_NEW_LOGGING_ACTION] = {"new-logging-action", "action", new_logging_action_subject,
                                  new_logging_action_key},
};

const char *event_type_name(enum event_type type) {
    return vocabulary[type].type_name;
}

const char *event_aggregate_type(enum event_type type) {
    return vocabulary[type].aggregate_type;
}

const char *event_key(const struct event *event) {
    return vocabulary[event->type].key(event);
}

void event_correlate(struct event *event) {
    char *correlation = event->envelope.correlation;
    if (!*correlation)
        strcpy(correlation, vocabulary[event->type].subject(event));
}

bool event_is_id(const char *text) {
    size_t len = 0;
    while (len < ID_SIZE && text[len] >= '!' && text[len] <= '~')
        len++;
    return len > 0 && len < ID_SIZE && text[len] == '\0';
}
