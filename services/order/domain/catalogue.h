/* The products that can be ordered, and what they cost. */
#pragma once

#include "event/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PRODUCTS_MAX = 100000,
    PRODUCT_NAME_MAX = 127,                       /* characters */
    PRODUCT_NAME_SIZE = 4 * PRODUCT_NAME_MAX + 1, /* with the terminator */
};

struct product {
    char product_id[ID_SIZE];
    char name[PRODUCT_NAME_SIZE];
    int64_t price_cents; /* of one piece */
};

/*
 * A product keeps its place for as long as it is there, so that who reads the
 * list in pieces misses none, whatever else comes and goes. The zero value is an
 * empty catalogue. Not for several threads at once, unless none of them changes it.
 */
struct catalogue {
    struct product *places; /* without an id: free */
    uint32_t *by_id;        /* places: those in use, sorted by product_id, then the free ones */
    size_t n_products;      /* places in use */
    size_t n_places;
    size_t capacity; /* of both arrays */
};

void catalogue_release(struct catalogue *catalogue);

/* Fills an empty catalogue with products, which it sorts by their ids. Returns
 * the first id that occurs twice, or NULL. */
const char *catalogue_fill(struct catalogue *catalogue, struct product *products, size_t n);

/* Adds the product, or replaces the one of its id. */
void catalogue_put(struct catalogue *catalogue, const struct product *product);

/* Takes the product of that id out; without one, nothing happens. */
void catalogue_remove(struct catalogue *catalogue, const char *product_id);

/* The product of that id, or NULL; lives until the catalogue changes. */
const struct product *catalogue_find(const struct catalogue *catalogue, const char *product_id);

/* The first product at *place or behind it, NULL if there is none; *place is
 * then one further. Starts with *place 0. */
const struct product *catalogue_next(const struct catalogue *catalogue, size_t *place);

/* What becomes of a wish to change the catalogue. */
enum catalogue_change {
    CATALOGUE_ADDS,     /* the product is new */
    CATALOGUE_REPLACES, /* name or price is another */
    CATALOGUE_SAME,     /* it is so already: nothing happens */
    CATALOGUE_REMOVES,
    CATALOGUE_LACKS, /* what is to be removed is not there */
    CATALOGUE_FULL,  /* it has PRODUCTS_MAX products */
};

/* Decides about saving `wanted`, or removing it (`is_deleted`), where `known` is
 * the product of its id, or NULL, and the catalogue has `n_products`. */
enum catalogue_change catalogue_decide(const struct product *wanted, bool is_deleted,
                                       const struct product *known, size_t n_products);
