/* Events that another program wrote: what counts as the same one, and what as new. */
#include "support/json_path.h"
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <string.h>

static int open_shop(void **state) {
    *state = shop_open_with(INVENTORY | NOTIFICATION);
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static void send_order(struct shop *shop, const char *value, const char *ce_id) {
    struct record record = {.topic = shop_topic(shop, NEW_ORDER), .value = {value, strlen(value)}};
    if (ce_id)
        record.headers[record.n_headers++] =
            (struct record_header){"ce_id", {ce_id, strlen(ce_id)}};
    kafka_send(broker_address(shop_broker(shop)), &record);
}

/* Everything sent before it was handled when this order was: all go to one
 * partition. */
static void send_last_order(struct shop *shop, const char *order_id) {
    send_order(shop, order_of(order_id, "MARKER", 1), NULL);
    const char *target = scratch_printf("/notifications?orderId=%s", order_id);
    assert_soon(count_of(shop, NOTIFICATION, target) == 1);
    assert_soon(count_where(shop, INVENTORY, "/stock/MARKER/movements?", "orderId", order_id) == 1);
}

static int sales_of(struct shop *shop, const char *product_id) {
    return count_where(shop, INVENTORY, scratch_printf("/stock/%s/movements?", product_id), "kind",
                       "sale");
}

static void bare_record__takes_effect_each_time_it_is_written(void **state) {
    struct shop *shop = *state;
    const char *order = golden_order("ORDER-123");

    send_order(shop, order, NULL);
    send_order(shop, order, NULL);
    send_order(shop, order, NULL);

    send_last_order(shop, "LAST-1");
    assert_int_equal(sales_of(shop, "PRODUCT-123"), 3);
    assert_int_equal(stock_of(shop, "PRODUCT-321"), 106);
    assert_int_equal(
        count_where(shop, NOTIFICATION, "/notifications?orderId=ORDER-123", "kind", "order"), 3);
}

static void record_with_id__takes_effect_once_when_it_is_written_twice(void **state) {
    struct shop *shop = *state;
    const char *order = order_of("TWICE-1", "TWICE", 1);

    send_order(shop, order, "foreign-event-1");
    send_order(shop, order, "foreign-event-1");

    send_last_order(shop, "LAST-2");
    assert_int_equal(sales_of(shop, "TWICE"), 1);
    assert_int_equal(count_of(shop, NOTIFICATION, "/notifications?orderId=TWICE-1"), 1);
}

static void records_with_ids__take_effect_each_when_they_share_order_id(void **state) {
    struct shop *shop = *state;
    const char *order = order_of("SHARED-1", "SHARED", 1);

    send_order(shop, order, "foreign-event-2");
    send_order(shop, order, "foreign-event-3");

    send_last_order(shop, "LAST-3");
    assert_int_equal(sales_of(shop, "SHARED"), 2);
    assert_int_equal(count_of(shop, NOTIFICATION, "/notifications?orderId=SHARED-1"), 2);
}

static void record__takes_effect_when_it_has_unknown_members(void **state) {
    struct shop *shop = *state;
    static const char order[] =
        "{\"version\":2,\"orderId\":\"EXTRA-1\",\"customerId\":\"CUSTOMER-7\",\"products\":"
        "[{\"productId\":\"EXTRA\",\"quantity\":2,\"totalPrice\":1.5,\"gift\":true}],"
        "\"notes\":[{\"deep\":null}]}";

    send_order(shop, order, NULL);

    send_last_order(shop, "LAST-4");
    assert_int_equal(stock_of(shop, "EXTRA"), 107);
    assert_int_equal(count_of(shop, NOTIFICATION, "/notifications?orderId=EXTRA-1"), 1);
}

static void inventory_empty__is_announced_when_another_program_sent_it(void **state) {
    struct shop *shop = *state;

    kafka_send_text(broker_address(shop_broker(shop)), shop_topic(shop, INVENTORY_EMPTY),
                    "{\"productId\":\"FOREIGN-PRODUCT\"}");

    assert_soon(strstr(shop_output(shop, NOTIFICATION),
                       "\n### Notification Service ###\n"
                       "Product FOREIGN-PRODUCT has to be REFILLED!\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_record__takes_effect_each_time_it_is_written),
        cmocka_unit_test(record_with_id__takes_effect_once_when_it_is_written_twice),
        cmocka_unit_test(records_with_ids__take_effect_each_when_they_share_order_id),
        cmocka_unit_test(record__takes_effect_when_it_has_unknown_members),
        cmocka_unit_test(inventory_empty__is_announced_when_another_program_sent_it),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
