/* Known records of topics that hold far more behind them. */
#include "bus/landmarks.h"

#include "base/clock.h"
#include "bus/topics.h"
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/testing.h"

enum {
    N_PLACES = 2 * BROKER_PARTITIONS,
    N_RECORDS = 500,
    N_CHECKS = 10,
    SOON_MS = 900,
    CREATE_TIMEOUT_MS = 10000
};

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

/* None of its services runs. */
static int open_shop(void **state) {
    *state = shop_open(BROKER_STEADY);
    return 0;
}

static void create_topics(struct shop *shop, const struct kafka_config *config) {
    const struct topic_spec topics[] = {
        {shop_topic(shop, NEW_ORDER), BROKER_PARTITIONS, 1, 0},
        {shop_topic(shop, NEW_LOGGING_ACTION), BROKER_PARTITIONS, 1, 0}};
    bool is_embedded;
    assert_int_equal(topics_ensure(config, topics, 2, CREATE_TIMEOUT_MS, false, &is_embedded, NULL),
                     OK);
}

/* In batches larger than what is fetched of a partition at once. */
static void fill(struct shop *shop, const struct record_place *place) {
    static char value[200];
    struct record *records = scratch_alloc(N_RECORDS * sizeof *records);
    for (size_t i = 0; i < N_RECORDS; i++)
        records[i] = (struct record){
            .topic = place->topic, .partition = place->partition, .value = {value, sizeof value}};
    kafka_send_all(broker_address(shop_broker(shop)), records, N_RECORDS);
}

/* What follows a record must not be read, and librdkafka must not stop fetching for a
 * second because of it: a relay or consumer with many places would never get further.
 * It shows on Apache Kafka only: the embedded broker answers for all of them at once. */
static void landmarks_check__is_quick_where_much_follows(void **state) {
    struct shop *shop = *state;
    const struct kafka_config config = {broker_address(shop_broker(shop)), "", "a-test"};
    struct record_place places[N_PLACES];
    create_topics(shop, &config);
    for (int i = 0; i < N_PLACES; i++) {
        enum shop_topic topic = i % 2 ? NEW_ORDER : NEW_LOGGING_ACTION;
        places[i] = (struct record_place){shop_topic(shop, topic), i / 2, 0, 1000};
        fill(shop, &places[i]);
    }
    for (int i = 0; i < N_CHECKS; i++) {
        enum landmark answers[N_PLACES];
        struct error err;
        int64_t began_ms = clock_monotonic_ms();
        if (landmarks_check(&config, places, N_PLACES, SOON_MS, answers, &err) != OK)
            fail_msg("%s", err.text);
        assert_in_range(clock_monotonic_ms() - began_ms, 0, SOON_MS);
        for (int k = 0; k < N_PLACES; k++)
            assert_int_equal(answers[k], LANDMARK_GONE); /* it has been read: of another time */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(landmarks_check__is_quick_where_much_follows, open_shop,
                                        close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
