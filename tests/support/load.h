/*
 * Customers who order at the same moment, each one order after the other. One
 * who gets no whole answer stops, unless he is told to try again.
 */
#pragma once

#include "support/shop.h"

#include <stdbool.h>
#include <stddef.h>

struct load;

/* Customer i sends the orders PREFIX-i-0, PREFIX-i-1, ... until load_end or
 * until each has sent `n_orders_each`. */
struct load_config {
    const char *prefix;
    int n_customers, n_orders_each;
    bool is_mixed;   /* two lines of changing products, instead of one piece of PRODUCT-123 */
    int pause_ms;    /* between an answer and the next order */
    int n_retries;   /* how often an order without an answer is sent again, */
    int patience_ms; /* each time when /readyz answers 200 again; this long is waited for that */
};
struct load *load_start_with(struct shop *shop, const struct load_config *config);

/* One piece of PRODUCT-123 an order, without a pause and without a retry. */
struct load *load_start(struct shop *shop, const char *prefix, int n_customers, int n_orders_each);

/* Fails the test unless orders are accepted all the time, for that long. */
void load_hold(const struct load *load, int ms);

/* How many orders were answered with 201 until now. */
int load_n_accepted(const struct load *load);

/* Waits until the customers have ended; with `stop`, each ends after the
 * answer it waits for. */
enum load_end { LOAD_FINISH, LOAD_STOP };
void load_end(struct load *load, enum load_end how);

/* How many orders were sent again until now. */
int load_n_retried(const struct load *load);

/* After load_end: the ids of the orders. Unanswered ones may have been stored
 * or not. Refused ones were answered, with neither 201 nor 200. Confirmed ones
 * were answered with 201, or with 200 when they were sent again. */
struct load_ids {
    size_t n;
    const char **items;
};
struct load_ids load_accepted(const struct load *load);
struct load_ids load_unanswered(const struct load *load);
struct load_ids load_refused(const struct load *load);
struct load_ids load_confirmed(const struct load *load);

/* The body of an order of one piece. */
const char *load_order(const char *order_id);

/* The orders PREFIX-0, PREFIX-1, ... one after the other, each accepted. */
void order_many(struct shop *shop, const char *prefix, int n_orders);
