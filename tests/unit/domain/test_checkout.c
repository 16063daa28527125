#include "order/domain/checkout.h"

#include "event/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* In the order that catalogue_find needs. */
static struct product products[] = {
    {"FREE", "Sticker", 0},
    {"GOLD", "Bar of gold", TOTAL_CENTS_MAX},
    {"PRODUCT-123", "Lamp", 1999},
    {"PRODUCT-321", "Mug", 450},
};
enum { N_PRODUCTS = sizeof products / sizeof *products };
static uint32_t by_id[] = {0, 1, 2, 3};
static const struct catalogue catalogue = {products, by_id, N_PRODUCTS, N_PRODUCTS, N_PRODUCTS};

static void add_line(struct order *order, const char *product_id, int32_t quantity,
                     int64_t total_cents) {
    struct order_line *line = &order->lines[order->n_lines++];
    strcpy(line->product_id, product_id);
    line->quantity = quantity;
    line->total_cents = total_cents;
}

static struct order order_of_two_lines(void) {
    struct order order = {.order_id = "ORDER-123", .customer_id = "CUSTOMER-123"};
    add_line(&order, "PRODUCT-123", 2, 3998);
    add_line(&order, "PRODUCT-321", 1, 450);
    return order;
}

static struct order order_of_one_line(const char *product_id, int32_t quantity,
                                      int64_t total_cents) {
    struct order order = {.order_id = "ORDER-123", .customer_id = "CUSTOMER-123"};
    add_line(&order, product_id, quantity, total_cents);
    return order;
}

static enum checkout_result decide(struct order *order, const struct order *stored) {
    size_t line;
    return checkout_decide(order, stored, &catalogue, &line);
}

static void checkout_decide__accepts_the_clients_totals_when_they_are_there(void **state) {
    (void)state;
    struct order order = order_of_one_line("PRODUCT-123", 2, 1);
    assert_int_equal(decide(&order, NULL), CHECKOUT_ACCEPTED);
    assert_int_equal(order.lines[0].total_cents, 1);
}

static void checkout_decide__computes_each_total_that_is_missing(void **state) {
    (void)state;
    struct order order = order_of_one_line("PRODUCT-123", 3, TOTAL_CENTS_MISSING);
    add_line(&order, "PRODUCT-321", 2, 7);
    add_line(&order, "FREE", QUANTITY_MAX, TOTAL_CENTS_MISSING);

    assert_int_equal(decide(&order, NULL), CHECKOUT_ACCEPTED);

    assert_int_equal(order.lines[0].total_cents, 3 * 1999);
    assert_int_equal(order.lines[1].total_cents, 7);
    assert_int_equal(order.lines[2].total_cents, 0);
}

static void checkout_decide__accepts_the_largest_total_and_no_larger_one(void **state) {
    (void)state;
    struct order largest = order_of_one_line("GOLD", 1, TOTAL_CENTS_MISSING);
    struct order larger = order_of_one_line("PRODUCT-123", 1, 0);
    size_t line = 99;
    add_line(&larger, "GOLD", 2, TOTAL_CENTS_MISSING);

    assert_int_equal(decide(&largest, NULL), CHECKOUT_ACCEPTED);
    assert_int_equal(largest.lines[0].total_cents, TOTAL_CENTS_MAX);
    assert_int_equal(checkout_decide(&larger, NULL, &catalogue, &line), CHECKOUT_TOTAL_TOO_LARGE);
    assert_int_equal(line, 1);
}

static void checkout_decide__does_not_overflow_when_price_and_quantity_are_largest(void **state) {
    (void)state;
    struct order order = order_of_one_line("GOLD", QUANTITY_MAX, TOTAL_CENTS_MISSING);
    assert_int_equal(decide(&order, NULL), CHECKOUT_TOTAL_TOO_LARGE);
}

static void checkout_decide__names_the_line_when_its_product_is_unknown(void **state) {
    (void)state;
    struct order order = order_of_two_lines();
    size_t line = 99;
    strcpy(order.lines[1].product_id, "PRODUCT-999");
    assert_int_equal(checkout_decide(&order, NULL, &catalogue, &line), CHECKOUT_UNKNOWN_PRODUCT);
    assert_int_equal(line, 1);
}

static void checkout_decide__recognises_the_same_order(void **state) {
    (void)state;
    struct order stored = order_of_two_lines(), sent = stored;
    assert_int_equal(decide(&sent, &stored), CHECKOUT_REPEATED);
}

static void checkout_decide__takes_the_stored_total_when_the_repetition_has_none(void **state) {
    (void)state;
    struct order stored = order_of_one_line("PRODUCT-123", 2, 1), sent = stored;
    sent.lines[0].total_cents = TOTAL_CENTS_MISSING;
    assert_int_equal(decide(&sent, &stored), CHECKOUT_REPEATED);
}

static void checkout_decide__recognises_the_order_when_its_product_has_gone(void **state) {
    (void)state;
    struct order stored = order_of_one_line("PRODUCT-OLD", 2, 100), sent = stored;
    assert_int_equal(decide(&sent, &stored), CHECKOUT_REPEATED);
}

static void checkout_decide__sees_a_conflict_when_anything_differs(void **state) {
    (void)state;
    const struct order stored = order_of_two_lines();
    struct order customer = stored, product = stored, quantity = stored, total = stored,
                 fewer = stored, more = stored, swapped = stored;
    strcpy(customer.customer_id, "CUSTOMER-124");
    strcpy(product.lines[0].product_id, "FREE");
    quantity.lines[1].quantity++;
    total.lines[0].total_cents--;
    fewer.n_lines = 1;
    add_line(&more, "FREE", 1, 0);
    swapped.lines[0] = stored.lines[1];
    swapped.lines[1] = stored.lines[0];

    struct order *const others[] = {&customer, &product, &quantity, &total,
                                    &fewer,    &more,    &swapped};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(decide(others[i], &stored), CHECKOUT_CONFLICT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkout_decide__accepts_the_clients_totals_when_they_are_there),
        cmocka_unit_test(checkout_decide__computes_each_total_that_is_missing),
        cmocka_unit_test(checkout_decide__accepts_the_largest_total_and_no_larger_one),
        cmocka_unit_test(checkout_decide__does_not_overflow_when_price_and_quantity_are_largest),
        cmocka_unit_test(checkout_decide__names_the_line_when_its_product_is_unknown),
        cmocka_unit_test(checkout_decide__recognises_the_same_order),
        cmocka_unit_test(checkout_decide__takes_the_stored_total_when_the_repetition_has_none),
        cmocka_unit_test(checkout_decide__recognises_the_order_when_its_product_has_gone),
        cmocka_unit_test(checkout_decide__sees_a_conflict_when_anything_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
