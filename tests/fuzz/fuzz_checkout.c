/* The pure part of a checkout, from the request's body to the answer's. */
#include "event/codec.h"
#include "fuzz/fuzz.h"
#include "fuzz/oracle.h"
#include "order/adapters/order_body.h"
#include "order/domain/checkout.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct product products[] = {
    {"FREE", "costs nothing", 0},
    {"P", "costs as much as a line may", TOTAL_CENTS_MAX},
    {"PRODUCT-123", "costs what the examples say", 2650},
    {"PRODUCT-321", "costs what the examples say", 23300},
};
enum { N_PRODUCTS = sizeof products / sizeof products[0] };
static uint32_t by_id[] = {0, 1, 2, 3};
static const struct catalogue catalogue = {products, by_id, N_PRODUCTS, N_PRODUCTS, N_PRODUCTS};

static void check_accepted(const struct order *sent, const struct order *accepted) {
    assert(accepted->n_lines == sent->n_lines);
    for (size_t i = 0; i < accepted->n_lines; i++) {
        const struct order_line *line = &accepted->lines[i];
        int64_t total_cents = sent->lines[i].total_cents;
        const struct product *product = catalogue_find(&catalogue, line->product_id);
        assert(product);
        assert(line->quantity == sent->lines[i].quantity);
        assert(line->total_cents >= 0 && line->total_cents <= TOTAL_CENTS_MAX);
        assert(line->total_cents == (total_cents == TOTAL_CENTS_MISSING
                                         ? product->price_cents * line->quantity
                                         : total_cents));
    }
}

/* The same request again changes nothing, and another one does not take its place. */
static void check_repeated(const struct order *sent, const struct order *stored) {
    struct order again = *sent, other = *sent;
    size_t line;
    assert(checkout_decide(&again, stored, &catalogue, &line) == CHECKOUT_REPEATED);
    again = *stored;
    assert(checkout_decide(&again, stored, &catalogue, &line) == CHECKOUT_REPEATED);
    other.lines[other.n_lines - 1].quantity ^= 1;
    assert(checkout_decide(&other, stored, &catalogue, &line) == CHECKOUT_CONFLICT);
}

/* The answer is an event's payload with two more members. */
static void check_answer(const struct stored_order *order) {
    struct strbuf body, payload, payload_again;
    struct order again;
    struct contract_faults faults;
    strbuf_init(&body);
    strbuf_init(&payload);
    strbuf_init(&payload_again);

    order_body_add(order, &body);
    assert(order_decode(body.data, body.len, ORDER_EVENT, &again, &faults) == OK);
    order_encode(&order->order, &payload);
    order_encode(&again, &payload_again);
    assert(strcmp(payload.data, payload_again.data) == 0);

    strbuf_release(&body);
    strbuf_release(&payload);
    strbuf_release(&payload_again);
}

static void check_line_at_fault(enum checkout_result result, const struct order_line *line) {
    const struct product *product = catalogue_find(&catalogue, line->product_id);
    if (result == CHECKOUT_UNKNOWN_PRODUCT) {
        assert(!product);
        return;
    }
    assert(result == CHECKOUT_TOTAL_TOO_LARGE);
    assert(product && line->total_cents == TOTAL_CENTS_MISSING);
    assert(product->price_cents * line->quantity > TOTAL_CENTS_MAX);
}

static void check_checkout(const struct order *sent) {
    struct stored_order order = {.order = *sent,
                                 .event_id = "01949d5e-0000-7000-8000-000000000000"};
    size_t line = SIZE_MAX;
    enum checkout_result result = checkout_decide(&order.order, NULL, &catalogue, &line);
    if (result != CHECKOUT_ACCEPTED) {
        assert(line < sent->n_lines);
        check_line_at_fault(result, &sent->lines[line]);
        return;
    }
    check_accepted(sent, &order.order);
    check_repeated(sent, &order.order);
    check_answer(&order);
}

void fuzz_checkout(const uint8_t *data, size_t size) {
    struct order order;
    struct contract_faults faults;
    if (order_decode((const char *)data, size, ORDER_REQUEST, &order, &faults) != OK) {
        oracle_check_faults(&faults);
        return;
    }
    if (!*order.order_id)
        strcpy(order.order_id, "ORDER-1"); /* as the service gives it one */
    check_checkout(&order);
}
