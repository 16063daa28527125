/* The products that can be ordered, and what they cost. */
#pragma once

#include "event/event.h"

#include <stddef.h>
#include <stdint.h>

struct product {
    char product_id[ID_SIZE];
    char name[128];
    int64_t price_cents; /* of one piece */
};

struct catalogue {
    struct product *products; /* sorted by product_id */
    size_t n_products;
};

/* Sorts the products, as catalogue_find needs them. Returns the first product
 * id that occurs twice, or NULL. */
const char *catalogue_sort(struct catalogue *catalogue);

/* The product of that id, or NULL. */
const struct product *catalogue_find(const struct catalogue *catalogue, const char *product_id);
