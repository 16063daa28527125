#include "event/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void event_type_name__is_the_cloudevents_type(void **state) {
    (void)state;
    assert_string_equal(event_type_name(EVENT_NEW_ORDER), "new-order");
    assert_string_equal(event_type_name(EVENT_INVENTORY_EMPTY), "inventory-empty");
    assert_string_equal(event_type_name(EVENT_NEW_LOGGING_ACTION), "new-logging-action");
}

static void event_aggregate_type__says_what_an_event_is_about(void **state) {
    (void)state;
    assert_string_equal(event_aggregate_type(EVENT_NEW_ORDER), "order");
    assert_string_equal(event_aggregate_type(EVENT_INVENTORY_EMPTY), "product");
    assert_string_equal(event_aggregate_type(EVENT_NEW_LOGGING_ACTION), "action");
}

static void event_key__keeps_a_customers_orders_together(void **state) {
    (void)state;
    struct event event = {.type = EVENT_NEW_ORDER, .envelope.correlation = "ORDER-1"};
    strcpy(event.order.customer_id, "CUSTOMER-1");
    assert_string_equal(event_key(&event), "CUSTOMER-1");
}

static void event_key__is_the_product_when_its_inventory_is_empty(void **state) {
    (void)state;
    struct event event = {.type = EVENT_INVENTORY_EMPTY, .envelope.correlation = "ORDER-1"};
    strcpy(event.inventory_empty.product_id, "PRODUCT-1");
    assert_string_equal(event_key(&event), "PRODUCT-1");
}

static void event_key__is_what_caused_a_log_action_or_else_its_service(void **state) {
    (void)state;
    struct event event = {.type = EVENT_NEW_LOGGING_ACTION, .envelope.correlation = "ORDER-1"};
    strcpy(event.logging_action.service_name, "order-service");
    assert_string_equal(event_key(&event), "ORDER-1");
    *event.envelope.correlation = '\0';
    assert_string_equal(event_key(&event), "order-service");
}

static void event_correlate__fills_in_what_an_event_is_about_when_it_is_missing(void **state) {
    (void)state;
    struct event order = {.type = EVENT_NEW_ORDER, .order.order_id = "ORDER-1"};
    struct event empty = {.type = EVENT_INVENTORY_EMPTY, .inventory_empty.product_id = "PRODUCT-1"};
    struct event action = {.type = EVENT_NEW_LOGGING_ACTION, .logging_action.action = "x"};
    event_correlate(&order);
    event_correlate(&empty);
    event_correlate(&action);
    assert_string_equal(order.envelope.correlation, "ORDER-1");
    assert_string_equal(empty.envelope.correlation, "PRODUCT-1");
    assert_string_equal(action.envelope.correlation, "");
}

static void event_correlate__keeps_what_the_sender_said(void **state) {
    (void)state;
    struct event empty = {.type = EVENT_INVENTORY_EMPTY,
                          .envelope.correlation = "ORDER-1",
                          .inventory_empty.product_id = "PRODUCT-1"};
    event_correlate(&empty);
    assert_string_equal(empty.envelope.correlation, "ORDER-1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_type_name__is_the_cloudevents_type),
        cmocka_unit_test(event_aggregate_type__says_what_an_event_is_about),
        cmocka_unit_test(event_key__keeps_a_customers_orders_together),
        cmocka_unit_test(event_key__is_the_product_when_its_inventory_is_empty),
        cmocka_unit_test(event_key__is_what_caused_a_log_action_or_else_its_service),
        cmocka_unit_test(event_correlate__fills_in_what_an_event_is_about_when_it_is_missing),
        cmocka_unit_test(event_correlate__keeps_what_the_sender_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
