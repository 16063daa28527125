/*
 * Kafka's faults under load: whatever it does, each accepted order arrives, and
 * has each of its effects once. FAULT_SECONDS (1) says how long Kafka is away;
 * other faults that have a length last as long, but 10 s at most.
 */
#include "support/auditor.h"
#include "support/database.h"
#include "support/kafka_client.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

/* A load of some 100 orders a second: the embedded broker keeps 5 MiB of a
 * partition, and that must hold what a long fault leaves behind. */
enum {
    N_CUSTOMERS = 4,
    N_EACH_MAX = 100000,
    PAUSE_MS = 40,
    FAULT_MAX_MS = 10000,
};

static int away_ms(void) {
    const char *seconds = getenv("FAULT_SECONDS");
    return 1000 * (seconds ? atoi(seconds) : 1);
}

static int fault_ms(void) {
    return away_ms() < FAULT_MAX_MS ? away_ms() : FAULT_MAX_MS;
}

/* All tests share a shop and its Kafka, for it takes seconds to open one. */
static struct load *load; /* of the test at hand */

static int open_shop(void **state) {
    struct shop *shop = shop_open(BROKER_GOES_AWAY);
    *state = shop;
    const char *path = scratch_printf("%s/kafka.properties", shop_folder(shop));
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("socket.timeout.ms=1000\n", file); /* lost acknowledgements are noticed sooner */
    fclose(file);
    shop_set_for(shop, ORDER, scratch_printf("KAFKA_CONFIG_FILE=%s", path));
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static int count_orders(struct shop *shop) {
    return (int)database_number(shop, ORDER, "SELECT count(*) FROM orders");
}

static void start_load(struct shop *shop) {
    static int n_loads;
    const struct load_config config = {.prefix = scratch_printf("LOAD-%d", ++n_loads),
                                       .n_customers = N_CUSTOMERS,
                                       .n_orders_each = N_EACH_MAX,
                                       .pause_ms = PAUSE_MS};
    load = load_start_with(shop, &config);
    assert_soon(load_n_accepted(load) > N_CUSTOMERS);
}

static int end_load(void **state) {
    (void)state;
    if (load)
        load_end(load, LOAD_STOP);
    return 0;
}

static void shop__accepts_and_delivers_each_order_when_kafka_is_away(void **state) {
    struct shop *shop = *state;
    start_load(shop);
    broker_take_down(shop_broker(shop));
    load_hold(load, away_ms());
    load_end(load, LOAD_STOP);
    broker_bring_up(shop_broker(shop));
    audit_load(shop, load);
}

static void shop__delivers_each_order_when_kafka_is_killed(void **state) {
    struct shop *shop = *state;
    start_load(shop);
    for (int round = 0; round < 2; round++) {
        broker_kill(shop_broker(shop));
        load_hold(load, fault_ms() / 2);
        broker_bring_up(shop_broker(shop));
        load_hold(load, 500);
    }
    audit_load(shop, load);
}

static void shop__delivers_each_order_when_kafka_is_flapping(void **state) {
    struct shop *shop = *state;
    if (broker_is_apache())
        skip();
    start_load(shop);
    for (int ms = 0; ms < fault_ms(); ms += 500) {
        broker_take_down(shop_broker(shop));
        load_hold(load, 200);
        broker_bring_up(shop_broker(shop));
        load_hold(load, 300);
    }
    audit_load(shop, load);
}

static void shop__delivers_each_order_when_kafka_is_slow(void **state) {
    struct shop *shop = *state;
    if (broker_is_apache())
        skip();
    start_load(shop);
    broker_delay_all(shop_broker(shop), 300);
    load_hold(load, fault_ms());
    broker_delay_all(shop_broker(shop), 0);
    audit_load(shop, load);
}

static size_t count_in_topic(struct shop *shop) {
    return kafka_count(broker_address(shop_broker(shop)), shop_topic(shop, NEW_ORDER));
}

/* How many records there are beyond one for each order, as long as the embedded
 * broker has dropped none: so this comes first. */
static int count_doubled(struct shop *shop) {
    return (int)count_in_topic(shop) - count_orders(shop);
}

/* The broker has the records, and the order-service cannot know it. Requests of
 * other services take some of the faults, so it may need several rounds. */
static void shop__doubles_records_but_no_effect_when_acknowledgements_are_lost(void **state) {
    struct shop *shop = *state;
    enum { LATER_THAN_THE_TIMEOUT_MS = 2500, N_LOST = 4, N_ROUNDS = 10 };
    if (broker_is_apache())
        skip();
    int n_before = count_doubled(shop);
    for (int round = 0; round < N_ROUNDS && count_doubled(shop) == n_before; round++) {
        start_load(shop);
        for (int i = 0; i < N_LOST; i++)
            broker_fail_request(shop_broker(shop), REQUEST_PRODUCE, RD_KAFKA_RESP_ERR_NO_ERROR,
                                LATER_THAN_THE_TIMEOUT_MS);
        load_hold(load, fault_ms());
        assert_soon(broker_faults_left(shop_broker(shop), REQUEST_PRODUCE) == 0);
        audit_load(shop, load);
    }
    assert_true(count_doubled(shop) > n_before);
}

/* The broker has taken a later record, so librdkafka calls the earlier one
 * delivered, which was refused: the embedded broker does not count sequences. */
static void shop__delivers_each_order_when_a_later_record_overtakes_one_that_failed(void **state) {
    struct shop *shop = *state;
    enum { N_FAILED = 20, A_LATER_ONE_IS_ON_ITS_WAY_MS = 200 };
    if (broker_is_apache())
        skip();
    start_load(shop);
    for (int i = 0; i < N_FAILED; i++)
        broker_fail_request(shop_broker(shop), REQUEST_PRODUCE,
                            RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
                            A_LATER_ONE_IS_ON_ITS_WAY_MS);
    load_hold(load, fault_ms());
    assert_soon(broker_faults_left(shop_broker(shop), REQUEST_PRODUCE) == 0);
    audit_load(shop, load);
}

static const struct fault {
    enum broker_request request;
    rd_kafka_resp_err_t error;
} faults[] = {
    {REQUEST_PRODUCE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
    {REQUEST_PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS},
    {REQUEST_PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND},
    {REQUEST_PRODUCE, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT},
    {REQUEST_PRODUCE, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR},
    {REQUEST_PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED},
    {REQUEST_PRODUCE, RD_KAFKA_RESP_ERR__TRANSPORT},
    {REQUEST_INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS},
    {REQUEST_FETCH, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
    {REQUEST_FETCH, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR},
    {REQUEST_FETCH, RD_KAFKA_RESP_ERR__TRANSPORT},
    {REQUEST_LIST_OFFSETS, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE},
    {REQUEST_METADATA, RD_KAFKA_RESP_ERR__TRANSPORT},
    {REQUEST_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_NOT_COORDINATOR},
    {REQUEST_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS},
    {REQUEST_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION},
    {REQUEST_OFFSET_FETCH, RD_KAFKA_RESP_ERR_NOT_COORDINATOR},
    {REQUEST_FIND_COORDINATOR, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE},
    {REQUEST_HEARTBEAT, RD_KAFKA_RESP_ERR_NOT_COORDINATOR},
    {REQUEST_HEARTBEAT, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS},
    {REQUEST_HEARTBEAT, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID},
    {REQUEST_JOIN_GROUP, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS},
    {REQUEST_SYNC_GROUP, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS},
};

/* Requests that come all the time; the others come when a client connects. */
static const enum broker_request steady[] = {REQUEST_PRODUCE, REQUEST_FETCH, REQUEST_OFFSET_COMMIT,
                                             REQUEST_HEARTBEAT};

/* All at once, so that each service meets some of them. */
static void shop__delivers_each_order_when_requests_of_all_kinds_fail(void **state) {
    struct shop *shop = *state;
    if (broker_is_apache())
        skip();
    start_load(shop);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        broker_fail_request(shop_broker(shop), faults[i].request, faults[i].error, 0);
    load_hold(load, fault_ms());
    for (size_t i = 0; i < sizeof steady / sizeof *steady; i++)
        assert_soon(broker_faults_left(shop_broker(shop), steady[i]) == 0);
    audit_load(shop, load);
}

/* An error after which a producer is of no more use: a new one takes over. */
static void shop__delivers_each_order_when_producers_fail_for_good(void **state) {
    struct shop *shop = *state;
    if (broker_is_apache())
        skip();
    start_load(shop);
    int n_before = occurrences(process_stderr(shop_process(shop, ORDER)), "Fatal error:");
    int64_t until_ms = clock_monotonic_ms() + fault_ms();
    do {
        broker_fail_request(shop_broker(shop), REQUEST_PRODUCE,
                            RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 0);
        assert_soon(broker_faults_left(shop_broker(shop), REQUEST_PRODUCE) == 0);
        load_hold(load, 100);
    } while (clock_monotonic_ms() < until_ms ||
             occurrences(process_stderr(shop_process(shop, ORDER)), "Fatal error:") == n_before);
    audit_load(shop, load);
}

/* As when the volume of docker-compose.yml's Kafka is deleted, whose cluster id
 * is fixed. Some orders were read by none yet. */
static void shop__loses_and_doubles_nothing_when_kafka_lost_all_but_its_id(void **state) {
    struct shop *shop = *state;
    if (!broker_is_apache())
        skip(); /* of the embedded broker, each has an id of its own */
    start_load(shop);
    load_hold(load, 1000);
    shop_stop(shop, INVENTORY);
    load_hold(load, 1000);
    broker_lose_records(shop_broker(shop));
    load_hold(load, 1000);
    shop_start(shop, INVENTORY);
    load_hold(load, 1000);
    audit_load(shop, load);
}

/* After all of that, and at rest. */
static void shop__has_had_each_effect_once_behind_all_faults(void **state) {
    struct shop *shop = *state;
    int n_orders = audit_shop(shop);
    print_message("%d orders in all: none was lost, no effect was doubled\n", n_orders);
}

#define UNDER_LOAD(test) cmocka_unit_test_teardown(test, end_load)

int main(void) {
    const struct CMUnitTest tests[] = {
        UNDER_LOAD(shop__doubles_records_but_no_effect_when_acknowledgements_are_lost),
        UNDER_LOAD(shop__accepts_and_delivers_each_order_when_kafka_is_away),
        UNDER_LOAD(shop__delivers_each_order_when_kafka_is_killed),
        UNDER_LOAD(shop__delivers_each_order_when_kafka_is_flapping),
        UNDER_LOAD(shop__delivers_each_order_when_kafka_is_slow),
        UNDER_LOAD(shop__delivers_each_order_when_a_later_record_overtakes_one_that_failed),
        UNDER_LOAD(shop__delivers_each_order_when_producers_fail_for_good),
        UNDER_LOAD(shop__delivers_each_order_when_requests_of_all_kinds_fail),
        UNDER_LOAD(shop__loses_and_doubles_nothing_when_kafka_lost_all_but_its_id),
        cmocka_unit_test(shop__has_had_each_effect_once_behind_all_faults),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
