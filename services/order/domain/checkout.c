#include "order/domain/checkout.h"

#include "event/codec.h"

#include <stdbool.h>
#include <string.h>

static bool is_same_line(const struct order_line *sent, const struct order_line *stored) {
    return strcmp(sent->product_id, stored->product_id) == 0 &&
           sent->quantity == stored->quantity &&
           (sent->total_cents == stored->total_cents || sent->total_cents == TOTAL_CENTS_MISSING);
}

static bool is_same_order(const struct order *sent, const struct order *stored) {
    if (strcmp(sent->customer_id, stored->customer_id) != 0 || sent->n_lines != stored->n_lines)
        return false;
    for (size_t i = 0; i < sent->n_lines; i++)
        if (!is_same_line(&sent->lines[i], &stored->lines[i]))
            return false;
    return true;
}

static enum checkout_result price_line(struct order_line *line, const struct catalogue *catalogue) {
    const struct product *product = catalogue_find(catalogue, line->product_id);
    if (!product)
        return CHECKOUT_UNKNOWN_PRODUCT;
    if (line->total_cents != TOTAL_CENTS_MISSING)
        return CHECKOUT_ACCEPTED;
    if (product->price_cents > TOTAL_CENTS_MAX / line->quantity)
        return CHECKOUT_TOTAL_TOO_LARGE;
    line->total_cents = product->price_cents * line->quantity;
    return CHECKOUT_ACCEPTED;
}

enum checkout_result checkout_decide(struct order *order, const struct order *stored,
                                     const struct catalogue *catalogue, size_t *out_line) {
    if (stored)
        return is_same_order(order, stored) ? CHECKOUT_REPEATED : CHECKOUT_CONFLICT;
    for (size_t i = 0; i < order->n_lines; i++) {
        enum checkout_result result = price_line(&order->lines[i], catalogue);
        if (result != CHECKOUT_ACCEPTED) {
            *out_line = i;
            return result;
        }
    }
    return CHECKOUT_ACCEPTED;
}
