/* Events that are published once more: to the same Kafka, or to one that lost its disk. */
#include "support/auditor.h"
#include "support/database.h"
#include "support/kafka_client.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static int open_shop(void **state) {
    *state = shop_open_with(EVERY_SERVICE);
    return 0;
}

static void shop__applies_events_once_when_outbox_is_published_again(void **state) {
    struct shop *shop = *state;
    const char *brokers = broker_address(shop_broker(shop));
    order_many(shop, "TWICE", 10);
    wait_for_effects(shop, EVERY_SERVICE, 10);
    shop_stop(shop, ORDER);
    assert_int_equal(kafka_count(brokers, shop_topic(shop, NEW_ORDER)), 10);

    database_change(shop, ORDER, "UPDATE outbox_state SET sent_upto = 0");
    shop_start(shop, ORDER);
    assert_soon(kafka_count(brokers, shop_topic(shop, NEW_ORDER)) == 20);
    order_many(shop, "LAST", 10);

    assert_int_equal(audit_shop(shop), 20);
}

static int open_shop_that_loses_kafka(void **state) {
    struct shop *shop = shop_open(BROKER_GOES_AWAY);
    *state = shop;
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    return 0;
}

/* All its records are gone: those that had their effects, those on their way,
 * and those that it never got. */
static void shop__loses_and_doubles_nothing_when_kafka_lost_its_disk(void **state) {
    struct shop *shop = *state;
    order_many(shop, "APPLIED", 10);
    wait_for_effects(shop, EVERY_SERVICE, 10);
    shop_stop(shop, INVENTORY | NOTIFICATION);
    order_many(shop, "ON-THEIR-WAY", 10);
    assert_soon(kafka_count(broker_address(shop_broker(shop)), shop_topic(shop, NEW_ORDER)) == 20);
    broker_take_down(shop_broker(shop));
    order_many(shop, "WHILE-AWAY", 10);
    shop_stop(shop, ORDER | LOGGING);

    broker_replace(shop_broker(shop));
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    order_many(shop, "AFTER", 10);

    assert_int_equal(audit_shop(shop), 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shop__applies_events_once_when_outbox_is_published_again,
                                        open_shop, close_shop),
        cmocka_unit_test_setup_teardown(shop__loses_and_doubles_nothing_when_kafka_lost_its_disk,
                                        open_shop_that_loses_kafka, close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
