#include "bench/sample_order.h"

#include "event/codec.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { N_CUSTOMERS = 1000, N_PRODUCTS = 24 /* in catalogue.json */, N_LINES = 2, PREFIX_MAX = 40 };

void sample_order(const char *prefix, uint64_t number, struct order *out) {
    assert(strlen(prefix) <= PREFIX_MAX);
    snprintf(out->order_id, sizeof out->order_id, "%.40s-%llu", prefix, (unsigned long long)number);
    snprintf(out->customer_id, sizeof out->customer_id, "CUSTOMER-%u",
             (unsigned)(number % N_CUSTOMERS));
    out->n_lines = N_LINES;
    for (size_t i = 0; i < N_LINES; i++) {
        struct order_line *line = &out->lines[i];
        snprintf(line->product_id, sizeof line->product_id, "PRODUCT-%u",
                 100 + (unsigned)((number + i) % N_PRODUCTS));
        line->quantity = 1 + (int32_t)((number / 7 + i) % 3);
        line->total_cents = 2650 * line->quantity;
    }
}

void sample_order_body(const char *prefix, uint64_t number, struct strbuf *out) {
    struct order order;
    sample_order(prefix, number, &order);
    order_encode(&order, out);
}
