/* One order on its way through the shop: what each service says about it. */
#include "support/json_path.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <string.h>

static int open_shop(void **state) {
    struct shop *shop = shop_open_with(EVERY_SERVICE);
    *state = shop;
    assert_int_equal(checkout(shop, golden_order("ORDER-123")).status, 201);
    assert_soon(count_of(shop, LOGGING, "/actions?orderId=ORDER-123") == 4);
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static void order_service__shows_order_when_it_was_accepted(void **state) {
    const cJSON *order = look_at(*state, ORDER, "/orders/ORDER-123");

    assert_string_equal(json_text_at(order, "/customerId"), "CUSTOMER-123");
    assert_string_equal(json_text_at(order, "/products/0/productId"), "PRODUCT-123");
    assert_int_equal(json_number_at(order, "/products/0/quantity"), 3);
    assert_int_equal(json_number_at(order, "/products/0/totalPrice"), 80);
    assert_string_equal(json_text_at(order, "/products/1/productId"), "PRODUCT-321");
    assert_int_equal(json_number_at(order, "/products/1/totalPrice"), 233);
}

static void inventory_service__takes_order_off_stock_when_it_was_accepted(void **state) {
    struct shop *shop = *state;

    const cJSON *movements = look_at(shop, INVENTORY, "/stock/PRODUCT-123/movements");

    assert_int_equal(stock_of(shop, "PRODUCT-123"), 106);
    assert_int_equal(stock_of(shop, "PRODUCT-321"), 108);
    assert_int_equal(count_of(shop, INVENTORY, "/stock?"), 2);
    assert_int_equal(cJSON_GetArraySize(json_at(movements, "/items")), 1);
    assert_int_equal(json_number_at(movements, "/items/0/delta"), -3);
    assert_int_equal(json_number_at(movements, "/items/0/stock"), 106);
}

static void notification_service__tells_customer_when_order_was_accepted(void **state) {
    struct shop *shop = *state;

    const cJSON *sent = look_at(shop, NOTIFICATION, "/notifications?orderId=ORDER-123");

    assert_string_equal(shop_output(shop, NOTIFICATION),
                        "\n### Notification Service ###\n"
                        "Congrats CUSTOMER-123, your order ORDER-123 has been approved!\n");
    assert_int_equal(cJSON_GetArraySize(json_at(sent, "/items")), 1);
    assert_string_equal(json_text_at(sent, "/items/0/text"),
                        "Congrats CUSTOMER-123, your order ORDER-123 has been approved!");
}

#define ENTRY(service, action)                                                                     \
    "\n--> Logging Service <--\nserviceName: " service "\naction: " action "\n"

/* The actions of different services may come in any order. */
static void logging_service__prints_each_action_when_order_was_accepted(void **state) {
    static const char new_order[] = ENTRY("order-service", "new-order");
    static const char updated[] = ENTRY("inventory-service", "inventory-updated");
    static const char sent[] = ENTRY("notification-service", "order-notification-sent");

    const char *output = shop_output(*state, LOGGING);

    assert_int_equal(occurrences(output, new_order), 1);
    assert_int_equal(occurrences(output, updated), 2);
    assert_int_equal(occurrences(output, sent), 1);
    assert_int_equal(strlen(output), strlen(new_order) + 2 * strlen(updated) + strlen(sent));
}

static void logging_service__lists_each_action_when_order_was_accepted(void **state) {
    struct shop *shop = *state;

    const cJSON *actions =
        look_at(shop, LOGGING, "/actions?serviceName=notification-service&orderId=ORDER-123");

    assert_int_equal(count_of(shop, LOGGING, "/actions?action=new-order"), 1);
    assert_int_equal(count_of(shop, LOGGING, "/actions?action=inventory-updated"), 2);
    assert_int_equal(cJSON_GetArraySize(json_at(actions, "/items")), 1);
    assert_string_equal(json_text_at(actions, "/items/0/action"), "order-notification-sent");
}

static void every_service__is_healthy_when_order_went_through(void **state) {
    struct shop *shop = *state;
    static const enum shop_service services[] = {ORDER, INVENTORY, NOTIFICATION, LOGGING};
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        assert_int_equal(http_get(shop_url(shop, services[i], "/healthz")).status, 200);
        assert_int_equal(http_get(shop_url(shop, services[i], "/readyz")).status, 200);
        struct http_answer metrics = http_get(shop_url(shop, services[i], "/metrics"));
        assert_int_equal(metrics.status, 200);
        assert_non_null(strstr(metrics.body, "\norderflow_"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_service__shows_order_when_it_was_accepted),
        cmocka_unit_test(inventory_service__takes_order_off_stock_when_it_was_accepted),
        cmocka_unit_test(notification_service__tells_customer_when_order_was_accepted),
        cmocka_unit_test(logging_service__prints_each_action_when_order_was_accepted),
        cmocka_unit_test(logging_service__lists_each_action_when_order_was_accepted),
        cmocka_unit_test(every_service__is_healthy_when_order_went_through),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
