/* A product that runs low: refilled once, and everybody is told once. */
#include "support/json_path.h"
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <string.h>

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static int open_shop(void **state) {
    *state = shop_open_with(EVERY_SERVICE);
    return 0;
}

static int actions(struct shop *shop, const char *action) {
    return count_of(shop, LOGGING, scratch_printf("/actions?action=%s", action));
}

static void order_three_times(struct shop *shop) {
    assert_int_equal(checkout(shop, golden_order("ORDER-1")).status, 201);
    assert_int_equal(checkout(shop, golden_order("ORDER-2")).status, 201);
    assert_int_equal(checkout(shop, golden_order("ORDER-3")).status, 201);
    assert_soon(actions(shop, "refill-notification-sent") == 1 &&
                count_of(shop, LOGGING, "/actions?") == 14);
}

static void shop__refills_product_once_when_third_order_makes_it_run_low(void **state) {
    struct shop *shop = *state;

    order_three_times(shop);

    assert_int_equal(stock_of(shop, "PRODUCT-123"), 109);
    assert_int_equal(stock_of(shop, "PRODUCT-321"), 106);
    const cJSON *moved = look_at(shop, INVENTORY, "/stock/PRODUCT-123/movements");
    assert_int_equal(json_number_at(moved, "/items/0/stock"), 106);
    assert_int_equal(json_number_at(moved, "/items/1/stock"), 103);
    assert_int_equal(json_number_at(moved, "/items/2/stock"), 100);
    assert_string_equal(json_text_at(moved, "/items/3/kind"), "refill");
    assert_int_equal(json_number_at(moved, "/items/3/delta"), 9);
    assert_int_equal(json_number_at(moved, "/items/3/stock"), 109);

    struct kafka_records empty =
        kafka_read(broker_address(shop_broker(shop)), shop_topic(shop, INVENTORY_EMPTY));
    assert_int_equal(empty.n, 1);
    assert_string_equal(kafka_value(&empty.items[0]), "{\"productId\":\"PRODUCT-123\"}");

    assert_int_equal(actions(shop, "new-order"), 3);
    assert_int_equal(actions(shop, "inventory-updated"), 6);
    assert_int_equal(actions(shop, "inventory-empty"), 1);
    assert_int_equal(actions(shop, "order-notification-sent"), 3);

    const char *printed = shop_output(shop, NOTIFICATION);
    assert_int_equal(occurrences(printed, "\n### Notification Service ###\n"
                                          "Product PRODUCT-123 has to be REFILLED!\n"),
                     1);
    assert_int_equal(occurrences(printed, "has been approved!\n"), 3);
    assert_int_equal(count_of(shop, NOTIFICATION, "/notifications?productId=PRODUCT-123"), 1);
}

static int open_json_shop(void **state) {
    struct shop *shop = shop_open(BROKER_STEADY);
    *state = shop;
    shop_set(shop, "LOG_FORMAT=json");
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    return 0;
}

/* Parses each line of `text` as an object; returns their number. */
static int parse_lines(const char *text, const char *member) {
    int n = 0;
    for (const char *line = text; *line; n++) {
        size_t len = strcspn(line, "\n");
        const cJSON *object = json_of(scratch_printf("%.*s", (int)len, line));
        assert_true(strlen(json_text_at(object, member)) > 0);
        assert_int_equal(line[len], '\n');
        line += len + 1;
    }
    return n;
}

static void shop__prints_one_object_a_line_when_log_format_is_json(void **state) {
    struct shop *shop = *state;

    order_three_times(shop);

    assert_int_equal(parse_lines(shop_output(shop, NOTIFICATION), "/text"), 4);
    assert_int_equal(parse_lines(shop_output(shop, LOGGING), "/action"), 14);
    assert_string_equal(shop_output(shop, ORDER), "");
    assert_string_equal(shop_output(shop, INVENTORY), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            shop__refills_product_once_when_third_order_makes_it_run_low, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(shop__prints_one_object_a_line_when_log_format_is_json,
                                        open_json_shop, close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
