#include "order/domain/catalogue.h"

#include <stdlib.h>
#include <string.h>

static int compare_products(const void *a, const void *b) {
    return strcmp(((const struct product *)a)->product_id, ((const struct product *)b)->product_id);
}

static int compare_id(const void *id, const void *product) {
    return strcmp(id, ((const struct product *)product)->product_id);
}

const char *catalogue_sort(struct catalogue *catalogue) {
    struct product *products = catalogue->products;
    if (catalogue->n_products > 0)
        qsort(products, catalogue->n_products, sizeof *products, compare_products);
    for (size_t i = 1; i < catalogue->n_products; i++)
        if (strcmp(products[i - 1].product_id, products[i].product_id) == 0)
            return products[i].product_id;
    return NULL;
}

const struct product *catalogue_find(const struct catalogue *catalogue, const char *product_id) {
    if (catalogue->n_products == 0)
        return NULL;
    return bsearch(product_id, catalogue->products, catalogue->n_products,
                   sizeof *catalogue->products, compare_id);
}
