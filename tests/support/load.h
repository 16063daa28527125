/*
 * Customers who order at the same moment, each one order after the other, one
 * piece of PRODUCT-123 each. One who gets no whole answer stops.
 */
#pragma once

#include "support/shop.h"

#include <stddef.h>

struct load;

/* Customer i sends the orders PREFIX-i-0, PREFIX-i-1, ... until load_stop or
 * until each has sent `n_orders_each`. */
struct load *load_start(struct shop *shop, const char *prefix, int n_customers, int n_orders_each);

/* How many orders were answered with 201 until now. */
int load_n_accepted(const struct load *load);

/* Waits until the customers have ended; with `stop`, each ends after the
 * answer it waits for. */
enum load_end { LOAD_FINISH, LOAD_STOP };
void load_end(struct load *load, enum load_end how);

/* After load_end: the ids of the orders. Unanswered ones may have been stored
 * or not. Refused ones were answered, with neither 201 nor 200. */
struct load_ids {
    size_t n;
    const char **items;
};
struct load_ids load_accepted(const struct load *load);
struct load_ids load_unanswered(const struct load *load);
struct load_ids load_refused(const struct load *load);

/* The order's body. */
const char *load_order(const char *order_id);

/* The orders PREFIX-0, PREFIX-1, ... one after the other, each accepted. */
void order_many(struct shop *shop, const char *prefix, int n_orders);
