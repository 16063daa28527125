#include "bus/topics.h"

#include "unit/bus/mock_cluster.h"

static const struct topic_spec specs[] = {{"orders", 6, 1, 0}, {"orders.dlq", 1, 1, 0}};

static void topics_ensure__makes_topics_and_says_that_the_broker_is_embedded(void **state) {
    (void)state;
    struct mock_cluster mock;
    bool is_embedded = false;
    mock_cluster_open(&mock);
    const struct kafka_config config = {mock.brokers, "", "order-service"};

    assert_int_equal(topics_ensure(&config, specs, 2, MOCK_PATIENCE_MS, true, &is_embedded, NULL),
                     OK);
    assert_true(is_embedded);
    assert_int_equal(topics_ensure(&config, specs, 2, MOCK_PATIENCE_MS, true, &is_embedded, NULL),
                     OK);

    rd_kafka_t *client = mock_producer_new(&mock);
    const struct rd_kafka_metadata *metadata;
    assert_int_equal(rd_kafka_metadata(client, 1, NULL, &metadata, MOCK_PATIENCE_MS), 0);
    assert_int_equal(metadata->topic_cnt, 2);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_destroy(client);
    mock_cluster_close(&mock);
}

static void topics_ensure__is_unavailable_in_time_when_no_broker_answers(void **state) {
    (void)state;
    struct mock_cluster mock;
    struct error err;
    bool is_embedded;
    mock_cluster_open(&mock);
    const struct kafka_config config = {mock.brokers, "", "order-service"};
    mock_broker_down(&mock);
    int64_t start = clock_monotonic_ms();
    assert_int_equal(topics_ensure(&config, specs, 2, 300, true, &is_embedded, &err),
                     ERR_UNAVAILABLE);
    assert_true(clock_monotonic_ms() - start < 3000);
    mock_cluster_close(&mock);
}

static void kafka_cluster_id__is_that_of_the_broker_also_when_it_has_no_topic(void **state) {
    (void)state;
    struct mock_cluster mock;
    char id[CLUSTER_ID_SIZE] = "";
    mock_cluster_open(&mock);
    const struct kafka_config config = {mock.brokers, "", "orderctl"};

    assert_int_equal(kafka_cluster_id(&config, MOCK_PATIENCE_MS, id, NULL), OK);
    assert_memory_equal(id, "mockCluster", strlen("mockCluster"));

    struct error err;
    mock_broker_down(&mock);
    assert_int_equal(kafka_cluster_id(&config, 300, id, &err), ERR_UNAVAILABLE);
    mock_cluster_close(&mock);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_ensure__makes_topics_and_says_that_the_broker_is_embedded),
        cmocka_unit_test(topics_ensure__is_unavailable_in_time_when_no_broker_answers),
        cmocka_unit_test(kafka_cluster_id__is_that_of_the_broker_also_when_it_has_no_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
