/* How the services make sure of their topics, on a cluster. */
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <string.h>

static int open_shop(void **state) {
    *state = shop_open(BROKER_STEADY);
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static void start_with(struct shop *shop, const char *partitions, const char *replicas) {
    shop_set(shop, partitions);
    shop_set(shop, replicas);
    shop_start(shop, ORDER | INVENTORY);
    shop_wait_ready(shop, INVENTORY);
    assert_soon(strstr(process_stderr(shop_process(shop, ORDER)), "publishing to Kafka"));
}

static void assert_extent(struct shop *shop, const char *topic, int n_partitions, int n_replicas) {
    struct kafka_extent extent = kafka_extent(broker_address(shop_broker(shop)), topic);
    assert_int_equal(extent.n_partitions, n_partitions);
    assert_int_equal(extent.n_replicas, n_replicas);
}

static void topics__are_created_as_the_settings_say_when_they_are_missing(void **state) {
    struct shop *shop = *state;
    start_with(shop, "TOPIC_PARTITIONS=6", "TOPIC_REPLICATION_FACTOR=3");
    for (int topic = 0; topic < N_SHOP_TOPICS; topic++) {
        assert_extent(shop, shop_topic(shop, (enum shop_topic)topic), 6, 3);
        assert_extent(shop, shop_dead_letters(shop, (enum shop_topic)topic), 1, 3);
    }
    assert_null(strstr(process_stderr(shop_process(shop, ORDER)), "left as it is"));
}

static void topics__are_left_as_they_are_and_the_log_says_how_they_differ(void **state) {
    struct shop *shop = *state;
    start_with(shop, "TOPIC_PARTITIONS=2", "TOPIC_REPLICATION_FACTOR=1");
    shop_stop(shop, ORDER | INVENTORY);
    start_with(shop, "TOPIC_PARTITIONS=6", "TOPIC_REPLICATION_FACTOR=3");

    const char *log = process_stderr(shop_process(shop, INVENTORY));
    const char *new_orders = shop_topic(shop, NEW_ORDER);
    assert_extent(shop, new_orders, 2, 1);
    assert_int_equal(occurrences(log, scratch_printf("topic %s is left as it is", new_orders)), 1);
    assert_says(log, "partitions: 2, replication factor: 1 (created now, it would have 6 and 3)");
    assert_says(log, "partitions: 1, replication factor: 1 (created now, it would have 1 and 3)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            topics__are_created_as_the_settings_say_when_they_are_missing, open_shop, close_shop),
        cmocka_unit_test_setup_teardown(
            topics__are_left_as_they_are_and_the_log_says_how_they_differ, open_shop, close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
