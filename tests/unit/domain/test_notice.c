#include "notification/domain/notice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct event new_order(const char *order_id, const char *customer_id) {
    struct event event = {.type = EVENT_NEW_ORDER};
    strcpy(event.order.order_id, order_id);
    strcpy(event.order.customer_id, customer_id);
    strcpy(event.envelope.correlation, order_id);
    return event;
}

static struct event inventory_empty(const char *product_id, const char *correlation) {
    struct event event = {.type = EVENT_INVENTORY_EMPTY};
    strcpy(event.inventory_empty.product_id, product_id);
    strcpy(event.envelope.correlation, correlation);
    return event;
}

static void notice_of__congratulates_the_customer_when_an_order_comes(void **state) {
    (void)state;
    struct event event = new_order("ORDER-123", "CUSTOMER-123");
    char text[NOTICE_TEXT_SIZE];

    struct notice notice = notice_of(&event);
    notice_text(&notice, text);

    assert_int_equal(notice.kind, NOTICE_ORDER);
    assert_string_equal(notice.order_id, "ORDER-123");
    assert_string_equal(notice.customer_id, "CUSTOMER-123");
    assert_string_equal(notice.product_id, "");
    assert_string_equal(text, "Congrats CUSTOMER-123, your order ORDER-123 has been approved!");
}

static void notice_of__asks_for_a_refill_when_a_product_ran_low(void **state) {
    (void)state;
    struct event event = inventory_empty("PRODUCT-123", "ORDER-123");
    char text[NOTICE_TEXT_SIZE];

    struct notice notice = notice_of(&event);
    notice_text(&notice, text);

    assert_int_equal(notice.kind, NOTICE_REFILL);
    assert_string_equal(notice.order_id, "ORDER-123");
    assert_string_equal(notice.customer_id, "");
    assert_string_equal(notice.product_id, "PRODUCT-123");
    assert_string_equal(text, "Product PRODUCT-123 has to be REFILLED!");
}

static void notice_of__names_no_order_when_none_led_to_the_refill(void **state) {
    (void)state;
    struct event bare = inventory_empty("PRODUCT-123", "");
    struct event correlated = bare;
    event_correlate(&correlated);
    assert_string_equal(notice_of(&bare).order_id, "");
    assert_string_equal(notice_of(&correlated).order_id, "");
}

static void notice_text__is_whole_when_the_ids_are_the_longest(void **state) {
    (void)state;
    char id[ID_SIZE], text[NOTICE_TEXT_SIZE];
    memset(id, '~', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    struct event event = new_order(id, id);

    struct notice notice = notice_of(&event);
    notice_text(&notice, text);

    static const char end[] = " has been approved!";
    assert_int_equal(strlen(text), strlen("Congrats , your order  has been approved!") + 2 * 64);
    assert_string_equal(text + strlen(text) - strlen(end), end);
}

static void notice_kind_name__names_each_kind(void **state) {
    (void)state;
    assert_string_equal(notice_kind_name(NOTICE_ORDER), "order");
    assert_string_equal(notice_kind_name(NOTICE_REFILL), "refill");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notice_of__congratulates_the_customer_when_an_order_comes),
        cmocka_unit_test(notice_of__asks_for_a_refill_when_a_product_ran_low),
        cmocka_unit_test(notice_of__names_no_order_when_none_led_to_the_refill),
        cmocka_unit_test(notice_text__is_whole_when_the_ids_are_the_longest),
        cmocka_unit_test(notice_kind_name__names_each_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
