/*
 * The vocabulary of the shop: the events that its services exchange. This is
 * the one place where they are named; schemas/ says the same to other
 * languages, and tests hold the two together.
 *
 * All of these are plain values of bounded size, made of the contract's own
 * limits: an event that was decoded needs no further checks.
 */
#pragma once

#include "event/envelope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_type { EVENT_NEW_ORDER, EVENT_INVENTORY_EMPTY, EVENT_NEW_LOGGING_ACTION, N_EVENT_TYPES };

/* The contract's limits. An id is 1 to 64 characters from '!' to '~'. */
enum {
    ID_SIZE = CORRELATION_SIZE, /* with the terminator; an id can be what an event is all about */
    ORDER_LINES_MAX = 100,
    QUANTITY_MAX = 1000000,
};
#define TOTAL_CENTS_MAX INT64_C(100000000000) /* of a line: a thousand million */

struct order_line {
    char product_id[ID_SIZE];
    int32_t quantity;    /* 1 to QUANTITY_MAX */
    int64_t total_cents; /* of the line, 0 to TOTAL_CENTS_MAX */
};

struct order {
    char order_id[ID_SIZE];
    char customer_id[ID_SIZE];
    size_t n_lines; /* 1 to ORDER_LINES_MAX */
    struct order_line lines[ORDER_LINES_MAX];
};

struct inventory_empty {
    char product_id[ID_SIZE];
};

struct logging_action {
    char service_name[ID_SIZE];
    char action[ID_SIZE];
};

struct event {
    enum event_type type;
    struct envelope envelope;
    union {
        struct order order;
        struct inventory_empty inventory_empty;
        struct logging_action logging_action;
    };
};

/* Copies an order: of its lines those that it has, which are seldom many. */
void order_copy(struct order *out, const struct order *order);

/* The CloudEvents type: "new-order", "inventory-empty", "new-logging-action". */
const char *event_type_name(enum event_type type);

/* What an event of this type is about, as Debezium's outbox calls it
 * (`aggregatetype`): "order", "product", "action". */
const char *event_aggregate_type(enum event_type type);

/* The key of the event's record, and so its partition: the customer of an
 * order, the product of an inventory-empty, the correlation id of a log action
 * (the order or product that caused it) or, where nothing did, its service.
 * Points into `event`. */
const char *event_key(const struct event *event);

/* Fills in the correlation id of a decoded event whose sender left it out: the
 * order of a new order, the product of an inventory-empty. What the event
 * causes then carries it too. */
void event_correlate(struct event *event);

/* Is this text an id of the contract: 1 to 64 characters from '!' to '~'? */
bool event_is_id(const char *text);
