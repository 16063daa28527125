/*
 * A shop on a cluster of three brokers, under load, whose brokers are killed and
 * stopped: orders go on being accepted, events go on flowing as soon as others
 * lead, and behind it each order has had each of its effects once.
 */
#include "support/auditor.h"
#include "support/cluster.h"
#include "support/database.h"
#include "support/kafka_client.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

/* The controllers notice a death when the broker's session is over, after 9 s;
 * all else comes within some seconds. The rest is for a busy machine. */
enum { FAILOVER_TIMEOUT_MS = 60000, IN_SYNC_TIMEOUT_MS = 60000, OUTAGE_MS = 5000 };

static struct load *load; /* of the test at hand */

static int open_shop(void **state) {
    struct shop *shop = shop_open(BROKER_STEADY);
    *state = shop;
    shop_set(shop, "TOPIC_REPLICATION_FACTOR=3");
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static void wait_until_in_sync(struct shop *shop) {
    assert_within(IN_SYNC_TIMEOUT_MS, kafka_is_in_sync(broker_address(shop_broker(shop))));
}

/* Of customers whose orders are in all partitions. */
static void start_load(struct shop *shop) {
    static int n_loads;
    const struct load_config config = {.prefix = scratch_printf("FAILOVER-%d", ++n_loads),
                                       .n_customers = 4,
                                       .n_orders_each = 100000,
                                       .is_mixed = true,
                                       .pause_ms = 40};
    wait_until_in_sync(shop);
    load = load_start_with(shop, &config);
    load_hold(load, 1000);
}

static int end_load(void **state) {
    (void)state;
    if (load)
        load_end(load, LOAD_STOP);
    return 0;
}

/* The broker that leads a partition of new-order-topic and is not `but`. */
static int find_leader(struct shop *shop, int but) {
    const char *brokers = broker_address(shop_broker(shop));
    int leader = -1;
    assert_within(FAILOVER_TIMEOUT_MS,
                  (leader = kafka_leader(brokers, shop_topic(shop, NEW_ORDER), 0)) > 0 &&
                      leader != but);
    return leader;
}

static void bring_back(struct shop *shop, int broker) {
    cluster_start(broker, shop_folder(shop));
    wait_until_in_sync(shop);
}

static int64_t count_notified(struct shop *shop) {
    return database_number(shop, NOTIFICATION,
                           "SELECT count(*) FROM notifications WHERE order_id IS NOT NULL");
}

static int64_t count_orders(struct shop *shop) {
    return database_number(shop, ORDER, "SELECT count(*) FROM orders");
}

/* Until all orders that were accepted up to now have been notified, those of
 * every partition. */
static void wait_for_flow(struct shop *shop) {
    int64_t n_orders = count_orders(shop);
    assert_within(FAILOVER_TIMEOUT_MS, count_notified(shop) >= n_orders);
}

static void failover__needs_nobody_when_one_leader_after_the_other_is_killed(void **state) {
    struct shop *shop = *state;
    start_load(shop);
    for (int round = 0, leader = 0; round < 2; round++) {
        leader = find_leader(shop, leader);
        int64_t killed_ms = clock_monotonic_ms();
        cluster_kill(leader);
        load_hold(load, 1000); /* these are of the time without a leader */
        find_leader(shop, leader);
        wait_for_flow(shop);
        print_message("broker %d was killed: all that was ordered within %lld ms was notified\n",
                      leader, (long long)(clock_monotonic_ms() - killed_ms));
        bring_back(shop, leader);
    }
    audit_load(shop, load);
}

static long long count_waiting(struct shop *shop) {
    return metric_of(shop, ORDER, "orderflow_outbox_backlog_events");
}

static long long count_acknowledged(struct shop *shop) {
    return metric_of(shop, ORDER, "orderflow_events_published_total");
}

/* The one that is left leads a partition: it takes the records, and must not
 * acknowledge them. */
static void failover__keeps_all_in_the_outbox_when_too_few_replicas_are_left(void **state) {
    struct shop *shop = *state;
    start_load(shop);
    int left = find_leader(shop, 0);
    int first = left % CLUSTER_BROKERS + 1, second = first % CLUSTER_BROKERS + 1;
    cluster_kill(first);
    cluster_kill(second);
    /* What was acknowledged at the last moment has arrived by then. */
    int n_before = load_n_accepted(load);
    assert_soon(load_n_accepted(load) > n_before + 100);

    long long n_acknowledged = count_acknowledged(shop), n_waiting = count_waiting(shop);
    load_hold(load, OUTAGE_MS);
    assert_int_equal(count_acknowledged(shop), n_acknowledged);
    assert_true(count_waiting(shop) > n_waiting);
    print_message("two brokers were killed: %lld events wait, none was acknowledged\n",
                  count_waiting(shop));

    int64_t started_ms = clock_monotonic_ms();
    cluster_start(first, shop_folder(shop));
    wait_for_flow(shop);
    print_message("one was started again: %lld ms later all that was ordered was notified\n",
                  (long long)(clock_monotonic_ms() - started_ms));
    audit_load(shop, load);
    bring_back(shop, second);
}

static void failover__is_invisible_when_all_brokers_are_restarted_in_turn(void **state) {
    struct shop *shop = *state;
    start_load(shop);
    for (int broker = 1; broker <= CLUSTER_BROKERS; broker++) {
        cluster_stop(broker, shop_folder(shop));
        load_hold(load, 1000);
        wait_for_flow(shop);
        bring_back(shop, broker);
    }
    audit_load(shop, load);
}

/* After all of that, and at rest. */
static void failover__has_lost_and_doubled_nothing(void **state) {
    struct shop *shop = *state;
    int n_orders = audit_shop(shop);
    print_message("%d orders in all: none was lost, no effect was doubled\n", n_orders);
}

#define UNDER_LOAD(test) cmocka_unit_test_teardown(test, end_load)

int main(void) {
    const struct CMUnitTest tests[] = {
        UNDER_LOAD(failover__needs_nobody_when_one_leader_after_the_other_is_killed),
        UNDER_LOAD(failover__keeps_all_in_the_outbox_when_too_few_replicas_are_left),
        UNDER_LOAD(failover__is_invisible_when_all_brokers_are_restarted_in_turn),
        cmocka_unit_test(failover__has_lost_and_doubled_nothing),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
