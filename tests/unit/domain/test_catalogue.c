#include "order/domain/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void catalogue_find__finds_every_product_when_sorted(void **state) {
    (void)state;
    struct product products[] = {
        {"PRODUCT-321", "Mug", 450}, {"A", "Pen", 120}, {"PRODUCT-123", "Lamp", 1999}};
    struct catalogue catalogue = {products, 3};

    assert_null(catalogue_sort(&catalogue));

    assert_int_equal(catalogue_find(&catalogue, "A")->price_cents, 120);
    assert_int_equal(catalogue_find(&catalogue, "PRODUCT-123")->price_cents, 1999);
    assert_string_equal(catalogue_find(&catalogue, "PRODUCT-321")->name, "Mug");
}

static void catalogue_find__finds_nothing_when_the_id_is_only_like_one(void **state) {
    (void)state;
    struct product products[] = {{"PRODUCT-123", "Lamp", 1999}};
    struct catalogue catalogue = {products, 1};
    assert_null(catalogue_find(&catalogue, "PRODUCT-12"));
    assert_null(catalogue_find(&catalogue, "PRODUCT-1234"));
    assert_null(catalogue_find(&catalogue, "product-123"));
    assert_null(catalogue_find(&catalogue, ""));
}

static void catalogue_find__finds_nothing_when_there_are_no_products(void **state) {
    (void)state;
    struct catalogue catalogue = {NULL, 0};
    assert_null(catalogue_sort(&catalogue));
    assert_null(catalogue_find(&catalogue, "PRODUCT-123"));
}

static void catalogue_find__finds_each_of_many(void **state) {
    (void)state;
    enum { N = 257 };
    static struct product products[N];
    for (int i = 0; i < N; i++) {
        snprintf(products[i].product_id, sizeof products[i].product_id, "P-%d", i * 101 % N);
        products[i].price_cents = i * 101 % N;
    }
    struct catalogue catalogue = {products, N};

    assert_null(catalogue_sort(&catalogue));

    for (int i = 0; i < N; i++) {
        char id[ID_SIZE];
        snprintf(id, sizeof id, "P-%d", i);
        assert_non_null(catalogue_find(&catalogue, id));
        assert_int_equal(catalogue_find(&catalogue, id)->price_cents, i);
    }
}

static void catalogue_sort__names_a_product_when_it_is_there_twice(void **state) {
    (void)state;
    struct product products[] = {{"B", "", 1}, {"A", "", 2}, {"B", "", 3}};
    struct catalogue catalogue = {products, 3};
    assert_string_equal(catalogue_sort(&catalogue), "B");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(catalogue_find__finds_every_product_when_sorted),
        cmocka_unit_test(catalogue_find__finds_nothing_when_the_id_is_only_like_one),
        cmocka_unit_test(catalogue_find__finds_nothing_when_there_are_no_products),
        cmocka_unit_test(catalogue_find__finds_each_of_many),
        cmocka_unit_test(catalogue_sort__names_a_product_when_it_is_there_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
