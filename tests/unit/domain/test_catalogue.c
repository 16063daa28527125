#include "order/domain/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void catalogue_find__finds_every_product_when_filled(void **state) {
    (void)state;
    struct product products[] = {
        {"PRODUCT-321", "Mug", 450}, {"A", "Pen", 120}, {"PRODUCT-123", "Lamp", 1999}};
    struct catalogue catalogue = {0};

    assert_null(catalogue_fill(&catalogue, products, 3));

    assert_int_equal(catalogue_find(&catalogue, "A")->price_cents, 120);
    assert_int_equal(catalogue_find(&catalogue, "PRODUCT-123")->price_cents, 1999);
    assert_string_equal(catalogue_find(&catalogue, "PRODUCT-321")->name, "Mug");
    catalogue_release(&catalogue);
}

static void catalogue_find__finds_nothing_when_the_id_is_only_like_one(void **state) {
    (void)state;
    struct catalogue catalogue = {0};
    catalogue_put(&catalogue, &(struct product){"PRODUCT-123", "Lamp", 1999});
    assert_null(catalogue_find(&catalogue, "PRODUCT-12"));
    assert_null(catalogue_find(&catalogue, "PRODUCT-1234"));
    assert_null(catalogue_find(&catalogue, "product-123"));
    assert_null(catalogue_find(&catalogue, ""));
    catalogue_release(&catalogue);
}

static void catalogue_find__finds_nothing_when_there_are_no_products(void **state) {
    (void)state;
    struct catalogue catalogue = {0};
    assert_null(catalogue_fill(&catalogue, NULL, 0));
    assert_null(catalogue_find(&catalogue, "PRODUCT-123"));
    catalogue_remove(&catalogue, "PRODUCT-123");
    assert_int_equal(catalogue.n_products, 0);
}

static struct product numbered(int i) {
    struct product product = {.name = "A thing", .price_cents = i};
    snprintf(product.product_id, sizeof product.product_id, "P-%d", i);
    return product;
}

static void catalogue_fill__names_a_product_when_it_is_there_twice(void **state) {
    (void)state;
    struct product products[] = {{"B", "", 1}, {"A", "", 2}, {"B", "", 3}};
    struct catalogue catalogue = {0};
    assert_string_equal(catalogue_fill(&catalogue, products, 3), "B");
    catalogue_release(&catalogue);
}

/* Against an array that says which of them are there. */
static void catalogue__has_what_was_put_and_not_removed(void **state) {
    (void)state;
    enum { N = 97, N_CHANGES = 5000 };
    bool is_there[N] = {false};
    struct catalogue catalogue = {0};
    uint32_t random = 1;
    for (int i = 0; i < N_CHANGES; i++) {
        random = random * 1664525u + 1013904223u;
        int which = (int)(random >> 16) % N;
        is_there[which] = random >> 31;
        struct product product = numbered(which);
        if (is_there[which])
            catalogue_put(&catalogue, &product);
        else
            catalogue_remove(&catalogue, product.product_id);
    }
    size_t n = 0;
    for (int i = 0; i < N; i++) {
        const struct product *found = catalogue_find(&catalogue, numbered(i).product_id);
        assert_int_equal(found != NULL, is_there[i]);
        if (found)
            assert_int_equal(found->price_cents, i);
        n += is_there[i];
    }
    assert_int_equal(catalogue.n_products, n);
    assert_in_range(catalogue.n_places, n, N); /* places are used again */
    catalogue_release(&catalogue);
}

/* Who reads page by page finds its way by places. */
static void catalogue_next__misses_nothing_that_stays_when_others_come_and_go(void **state) {
    (void)state;
    struct catalogue catalogue = {0};
    for (int i = 0; i < 20; i++)
        catalogue_put(&catalogue, &(struct product[]){numbered(i)}[0]);
    bool seen[20] = {false};
    size_t place = 0;
    const struct product *product;
    for (int i = 0; (product = catalogue_next(&catalogue, &place)); i++) {
        if (product->price_cents < 20)
            seen[product->price_cents] = true;
        catalogue_remove(&catalogue, numbered(i == 0 ? 0 : i + 100 - 1).product_id);
        catalogue_put(&catalogue, &(struct product[]){numbered(i + 100)}[0]);
    }
    for (int i = 0; i < 20; i++)
        assert_true(seen[i]);
    catalogue_release(&catalogue);
}

static void catalogue_decide__tells_changes_from_what_is_so_already(void **state) {
    (void)state;
    const struct product lamp = {"P", "Lamp", 100}, dear = {"P", "Lamp", 101},
                         renamed = {"P", "Light", 100};
    const struct {
        const struct product *known;
        bool is_deleted;
        size_t n_products;
        enum catalogue_change result;
    } cases[] = {
        {NULL, false, 0, CATALOGUE_ADDS},
        {NULL, false, PRODUCTS_MAX - 1, CATALOGUE_ADDS},
        {NULL, false, PRODUCTS_MAX, CATALOGUE_FULL},
        {&lamp, false, PRODUCTS_MAX, CATALOGUE_SAME},
        {&dear, false, PRODUCTS_MAX, CATALOGUE_REPLACES},
        {&renamed, false, 1, CATALOGUE_REPLACES},
        {&lamp, true, 1, CATALOGUE_REMOVES},
        {NULL, true, 0, CATALOGUE_LACKS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(
            catalogue_decide(&lamp, cases[i].is_deleted, cases[i].known, cases[i].n_products),
            cases[i].result);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(catalogue_find__finds_every_product_when_filled),
        cmocka_unit_test(catalogue_find__finds_nothing_when_the_id_is_only_like_one),
        cmocka_unit_test(catalogue_find__finds_nothing_when_there_are_no_products),
        cmocka_unit_test(catalogue_fill__names_a_product_when_it_is_there_twice),
        cmocka_unit_test(catalogue__has_what_was_put_and_not_removed),
        cmocka_unit_test(catalogue_next__misses_nothing_that_stays_when_others_come_and_go),
        cmocka_unit_test(catalogue_decide__tells_changes_from_what_is_so_already),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
