/*
 * Checkout: what becomes of an order that a client sends. A pure decision; the
 * caller has looked up what is stored and carries out the result.
 */
#pragma once

#include "event/event.h"
#include "order/domain/catalogue.h"

#include <stddef.h>

enum checkout_result {
    CHECKOUT_ACCEPTED,        /* store it and tell the shop */
    CHECKOUT_REPEATED,        /* the same order is stored already: nothing new happens */
    CHECKOUT_CONFLICT,        /* another order is stored under this id */
    CHECKOUT_UNKNOWN_PRODUCT, /* a line names no product of the catalogue */
    CHECKOUT_TOTAL_TOO_LARGE, /* a line's computed total is above TOTAL_CENTS_MAX */
};

/*
 * Decides about `order`, whose lines may lack their totals
 * (TOTAL_CENTS_MISSING). `stored` is the order that is stored under its id, or
 * NULL. When the result is CHECKOUT_ACCEPTED, missing totals were filled in:
 * unit price × quantity. When a line is at fault, *out_line is its index.
 *
 * A repeated order is recognised before the catalogue is asked: what was
 * accepted stays accepted. A total that the repetition leaves out is taken to
 * be the stored one.
 */
enum checkout_result checkout_decide(struct order *order, const struct order *stored,
                                     const struct catalogue *catalogue, size_t *out_line);
