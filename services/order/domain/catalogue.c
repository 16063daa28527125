#include "order/domain/catalogue.h"

#include <stdlib.h>
#include <string.h>

static int compare_products(const void *a, const void *b) {
    return strcmp(((const struct product *)a)->product_id, ((const struct product *)b)->product_id);
}

void catalogue_release(struct catalogue *catalogue) {
    free(catalogue->places);
    free(catalogue->by_id);
    *catalogue = (struct catalogue){0};
}

/* Where the id is in by_id, or would have to be. */
static size_t lower_bound(const struct catalogue *catalogue, const char *product_id) {
    size_t low = 0, high = catalogue->n_products;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(catalogue->places[catalogue->by_id[middle]].product_id, product_id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct catalogue *catalogue, size_t at, const char *product_id) {
    return at < catalogue->n_products &&
           strcmp(catalogue->places[catalogue->by_id[at]].product_id, product_id) == 0;
}

/* Makes sure that there is a free place: by_id[n_products]. */
static void make_room(struct catalogue *catalogue) {
    if (catalogue->n_products < catalogue->n_places)
        return;
    if (catalogue->n_places == catalogue->capacity) {
        catalogue->capacity = catalogue->capacity ? 2 * catalogue->capacity : 16;
        catalogue->places =
            realloc(catalogue->places, catalogue->capacity * sizeof *catalogue->places);
        catalogue->by_id =
            realloc(catalogue->by_id, catalogue->capacity * sizeof *catalogue->by_id);
        if (!catalogue->places || !catalogue->by_id)
            abort();
    }
    catalogue->by_id[catalogue->n_places] = (uint32_t)catalogue->n_places;
    catalogue->n_places++;
}

static void move(uint32_t *to, const uint32_t *from, size_t n) {
    memmove(to, from, n * sizeof *to);
}

void catalogue_put(struct catalogue *catalogue, const struct product *product) {
    size_t at = lower_bound(catalogue, product->product_id);
    if (!is_at(catalogue, at, product->product_id)) {
        make_room(catalogue);
        uint32_t place = catalogue->by_id[catalogue->n_products];
        uint32_t *entry = &catalogue->by_id[at];
        move(entry + 1, entry, catalogue->n_products - at);
        *entry = place;
        catalogue->n_products++;
    }
    catalogue->places[catalogue->by_id[at]] = *product;
}

void catalogue_remove(struct catalogue *catalogue, const char *product_id) {
    size_t at = lower_bound(catalogue, product_id);
    if (!is_at(catalogue, at, product_id))
        return;
    uint32_t *entry = &catalogue->by_id[at];
    uint32_t place = *entry;
    catalogue->n_products--;
    move(entry, entry + 1, catalogue->n_products - at);
    catalogue->by_id[catalogue->n_products] = place;
    catalogue->places[place].product_id[0] = '\0';
}

const char *catalogue_fill(struct catalogue *catalogue, struct product *products, size_t n) {
    if (n > 0)
        qsort(products, n, sizeof *products, compare_products);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && compare_products(&products[i - 1], &products[i]) == 0)
            return products[i].product_id;
        catalogue_put(catalogue, &products[i]);
    }
    return NULL;
}

const struct product *catalogue_find(const struct catalogue *catalogue, const char *product_id) {
    size_t at = lower_bound(catalogue, product_id);
    return is_at(catalogue, at, product_id) ? &catalogue->places[catalogue->by_id[at]] : NULL;
}

const struct product *catalogue_next(const struct catalogue *catalogue, size_t *place) {
    while (*place < catalogue->n_places) {
        const struct product *product = &catalogue->places[(*place)++];
        if (*product->product_id)
            return product;
    }
    return NULL;
}

enum catalogue_change catalogue_decide(const struct product *wanted, bool is_deleted,
                                       const struct product *known, size_t n_products) {
    if (is_deleted)
        return known ? CATALOGUE_REMOVES : CATALOGUE_LACKS;
    if (!known)
        return n_products < PRODUCTS_MAX ? CATALOGUE_ADDS : CATALOGUE_FULL;
    bool is_same =
        strcmp(known->name, wanted->name) == 0 && known->price_cents == wanted->price_cents;
    return is_same ? CATALOGUE_SAME : CATALOGUE_REPLACES;
}
