/* Kafka is away, at the start or later: orders are accepted, and arrive when it is back. */
#include "support/auditor.h"
#include "support/json_path.h"
#include "support/kafka_client.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <stdlib.h>

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static void order_five(struct shop *shop, const char *prefix) {
    for (int i = 0; i < 5; i++) {
        const char *id = scratch_printf("%s-%d", prefix, i);
        assert_int_equal(checkout(shop, load_order(id)).status, 201);
    }
}

static int open_shop(void **state) {
    *state = shop_open(BROKER_STEADY);
    return 0;
}

static void shop__delivers_orders_when_nothing_listened_at_first_address(void **state) {
    struct shop *shop = *state;
    shop_set(shop, "KAFKA_BROKERS=127.0.0.1:1");
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    order_five(shop, "EARLY");
    shop_stop(shop, ORDER);

    shop_set(shop, scratch_printf("KAFKA_BROKERS=%s", broker_address(shop_broker(shop))));
    shop_start(shop, EVERY_SERVICE);

    assert_int_equal(audit_shop(shop), 5);
}

static int open_shop_without_kafka(void **state) {
    struct shop *shop = shop_open(BROKER_GOES_AWAY);
    *state = shop;
    broker_take_down(shop_broker(shop));
    return 0;
}

static void shop__delivers_orders_when_kafka_comes_and_goes(void **state) {
    struct shop *shop = *state;

    /* Kafka is not there yet. */
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, ORDER);
    order_five(shop, "BEFORE");
    broker_bring_up(shop_broker(shop));
    wait_for_effects(shop, EVERY_SERVICE, 5);

    /* Kafka goes away, and the order-service is killed meanwhile. */
    broker_take_down(shop_broker(shop));
    order_five(shop, "AWAY");
    shop_kill(shop, ORDER);
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    order_five(shop, "STILL-AWAY");
    broker_bring_up(shop_broker(shop));
    wait_for_effects(shop, EVERY_SERVICE, 15);

    order_five(shop, "AFTER");
    shop_wait_ready(shop, EVERY_SERVICE);
    assert_int_equal(audit_shop(shop), 20);
}

static void checkout__refuses_for_now_when_backlog_is_full(void **state) {
    struct shop *shop = *state;
    shop_set(shop, "OUTBOX_BACKLOG_MAX=6"); /* an order is two events */
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    for (int i = 0; i < 3; i++)
        assert_int_equal(checkout(shop, load_order(scratch_printf("FITS-%d", i))).status, 201);

    struct http_answer refused = checkout(shop, load_order("TOO-MANY"));

    assert_int_equal(refused.status, 503);
    assert_true(atoi(http_header(&refused, "Retry-After")) > 0);
    assert_string_equal(json_text_at(json_of(refused.body), "/type"),
                        "urn:orderflow:problem:backlog-full");
    assert_int_equal(http_get(shop_url(shop, ORDER, "/orders/TOO-MANY")).status, 404);

    broker_bring_up(shop_broker(shop));
    assert_soon(checkout(shop, load_order("TOO-MANY")).status == 201);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            shop__delivers_orders_when_nothing_listened_at_first_address, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(shop__delivers_orders_when_kafka_comes_and_goes,
                                        open_shop_without_kafka, close_shop),
        cmocka_unit_test_setup_teardown(checkout__refuses_for_now_when_backlog_is_full,
                                        open_shop_without_kafka, close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
