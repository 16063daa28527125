/* The payloads' decoders: what they accept survives encoding, what they refuse they explain. */
#include "event/codec.h"
#include "fuzz/fuzz.h"
#include "fuzz/oracle.h"

#include <assert.h>
#include <string.h>

static bool is_same_line(const struct order_line *a, const struct order_line *b) {
    return strcmp(a->product_id, b->product_id) == 0 && a->quantity == b->quantity &&
           a->total_cents == b->total_cents;
}

static bool is_same_order(const struct order *a, const struct order *b) {
    if (strcmp(a->order_id, b->order_id) != 0 || strcmp(a->customer_id, b->customer_id) != 0 ||
        a->n_lines != b->n_lines)
        return false;
    for (size_t i = 0; i < a->n_lines; i++)
        if (!is_same_line(&a->lines[i], &b->lines[i]))
            return false;
    return true;
}

static bool is_same_payload(const struct event *a, const struct event *b) {
    switch (a->type) {
    case EVENT_NEW_ORDER:
        return is_same_order(&a->order, &b->order);
    case EVENT_INVENTORY_EMPTY:
        return strcmp(a->inventory_empty.product_id, b->inventory_empty.product_id) == 0;
    default:
        return strcmp(a->logging_action.service_name, b->logging_action.service_name) == 0 &&
               strcmp(a->logging_action.action, b->logging_action.action) == 0;
    }
}

static void check_order(const struct order *order) {
    assert(oracle_is_id(order->order_id) && oracle_is_id(order->customer_id));
    assert(order->n_lines >= 1 && order->n_lines <= ORDER_LINES_MAX);
    for (size_t i = 0; i < order->n_lines; i++) {
        const struct order_line *line = &order->lines[i];
        assert(oracle_is_id(line->product_id));
        assert(line->quantity >= 1 && line->quantity <= QUANTITY_MAX);
        assert(line->total_cents >= 0 && line->total_cents <= TOTAL_CENTS_MAX);
    }
}

static void check_limits(const struct event *event) {
    switch (event->type) {
    case EVENT_NEW_ORDER:
        check_order(&event->order);
        break;
    case EVENT_INVENTORY_EMPTY:
        assert(oracle_is_id(event->inventory_empty.product_id));
        break;
    default:
        assert(oracle_is_id(event->logging_action.service_name));
        assert(oracle_is_id(event->logging_action.action));
    }
}

static void check_round_trip(const struct event *event) {
    struct event again = {.type = event->type};
    struct contract_faults faults;
    struct strbuf first, second;
    strbuf_init(&first);
    strbuf_init(&second);

    event_encode(event, &first);
    assert(event_decode(first.data, first.len, &again, &faults) == OK);
    assert(is_same_payload(event, &again));
    event_encode(&again, &second);
    assert(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);

    strbuf_release(&first);
    strbuf_release(&second);
}

/* Decodes; true when it was accepted. */
static bool check_payload(const uint8_t *data, size_t size, struct event *event) {
    const enum event_type type = event->type;
    struct contract_faults faults;
    oracle_mark(&event->envelope, sizeof event->envelope);
    oracle_mark(&event->order, sizeof event->order); /* the largest of the payloads */

    enum status status = event_decode((const char *)data, size, event, &faults);

    assert(event->type == type);
    assert(oracle_is_marked(&event->envelope, sizeof event->envelope));
    if (status == OK) {
        check_limits(event);
        check_round_trip(event);
        return true;
    }
    assert(status == ERR_INVALID);
    assert(oracle_is_marked(&event->order, sizeof event->order));
    oracle_check_faults(&faults);
    return false;
}

/* A request may leave out what an event must have, and nothing else differs. */
static void check_request(const uint8_t *data, size_t size, const struct order *event) {
    struct order request;
    struct contract_faults faults;
    oracle_mark(&request, sizeof request);
    if (order_decode((const char *)data, size, ORDER_REQUEST, &request, &faults) != OK) {
        assert(!event);
        assert(oracle_is_marked(&request, sizeof request));
        oracle_check_faults(&faults);
        return;
    }
    assert(!event || is_same_order(event, &request));
    assert(*request.order_id == '\0' || oracle_is_id(request.order_id));
}

void fuzz_order(const uint8_t *data, size_t size) {
    struct event event = {.type = EVENT_NEW_ORDER};
    bool is_accepted = check_payload(data, size, &event);
    check_request(data, size, is_accepted ? &event.order : NULL);
}

void fuzz_inventory_empty(const uint8_t *data, size_t size) {
    struct event event = {.type = EVENT_INVENTORY_EMPTY};
    check_payload(data, size, &event);
}

void fuzz_logging_action(const uint8_t *data, size_t size) {
    struct event event = {.type = EVENT_NEW_LOGGING_ACTION};
    check_payload(data, size, &event);
}
