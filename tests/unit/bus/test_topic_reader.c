#include "bus/topic_reader.h"

#include "unit/bus/mock_cluster.h"

enum { TIMEOUT_MS = 10000 };

static int set_up(void **state) {
    static struct mock_cluster mock;
    mock_cluster_open(&mock);
    mock_topic_create(&mock, "topic");
    *state = &mock;
    return 0;
}

static int tear_down(void **state) {
    mock_cluster_close(*state);
    return 0;
}

static enum status open_reader(struct mock_cluster *mock, const char *topic, int timeout_ms,
                               struct topic_reader **out, struct error *err) {
    const struct kafka_config config = {mock->brokers, "", "test"};
    return topic_reader_open(&config, topic, timeout_ms, out, err);
}

static struct topic_reader *reader_of(struct mock_cluster *mock, const char *topic) {
    struct topic_reader *reader;
    struct error err;
    if (open_reader(mock, topic, TIMEOUT_MS, &reader, &err) != OK)
        fail_msg("%s", err.text);
    return reader;
}

static bool next(struct topic_reader *reader, struct record *out) {
    struct error err;
    bool found = false;
    if (topic_reader_next(reader, out, &found, &err) != OK)
        fail_msg("%s", err.text);
    return found;
}

static void produce_numbers(struct mock_cluster *mock, int first, int end) {
    rd_kafka_t *producer = mock_producer_new(mock);
    for (int i = first; i < end; i++) {
        char value[16];
        struct record record = {.topic = "topic",
                                .partition = i % MOCK_PARTITIONS,
                                .key = {"key", 3},
                                .n_headers = 1,
                                .headers = {{"name", {"text", 4}}}};
        record.value = (struct bytes){value, (size_t)snprintf(value, sizeof value, "%d", i)};
        mock_produce(producer, &record);
    }
    assert_int_equal(rd_kafka_flush(producer, MOCK_PATIENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);
}

static void topic_reader__gives_all_records_in_order_of_their_partition(void **state) {
    enum { N = 1000 };
    produce_numbers(*state, 0, N);
    struct topic_reader *reader = reader_of(*state, "topic");
    struct record record;
    int64_t expected[MOCK_PARTITIONS] = {0};
    int n = 0;

    for (; next(reader, &record); n++) {
        assert_int_equal(record.offset, expected[record.partition]++);
        assert_int_equal(atoi(record.value.data),
                         record.offset * MOCK_PARTITIONS + record.partition);
        assert_memory_equal(record.key.data, "key", 3);
        assert_int_equal(record.n_headers, 1);
        assert_string_equal(record.headers[0].name, "name");
    }

    assert_int_equal(n, N);
    assert_int_equal(topic_reader_span(reader), N);
    assert_string_not_equal(topic_reader_cluster_id(reader), "");
    topic_reader_close(reader);
}

static void topic_reader__tells_where_each_partition_began_and_ended(void **state) {
    produce_numbers(*state, 0, MOCK_PARTITIONS + 1);
    struct topic_reader *reader = reader_of(*state, "topic");
    size_t n;
    const struct topic_extent *extents = topic_reader_extents(reader, &n);

    assert_int_equal(n, MOCK_PARTITIONS);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(extents[i].partition, i);
        assert_int_equal(extents[i].first, 0);
        assert_int_equal(extents[i].end, i == 0 ? 2 : 1);
    }
    topic_reader_close(reader);
}

static void topic_reader__ends_where_the_topic_ended_when_it_was_opened(void **state) {
    produce_numbers(*state, 0, 10);
    struct topic_reader *reader = reader_of(*state, "topic");
    produce_numbers(*state, 10, 30);
    struct record record;
    int n = 0;

    while (next(reader, &record)) {
        assert_in_range(atoi(record.value.data), 0, 9);
        n++;
    }

    assert_int_equal(n, 10);
    topic_reader_close(reader);
}

static void topic_reader__finds_nothing_in_an_empty_topic(void **state) {
    struct topic_reader *reader = reader_of(*state, "topic");
    struct record record;

    assert_false(next(reader, &record));
    assert_int_equal(topic_reader_span(reader), 0);
    topic_reader_close(reader);
}

static void topic_reader__reports_unavailable_when_broker_is_down(void **state) {
    struct topic_reader *reader;
    struct error err;
    mock_broker_down(*state);

    assert_int_equal(open_reader(*state, "topic", 300, &reader, &err), ERR_UNAVAILABLE);
    assert_string_not_equal(err.text, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(topic_reader__gives_all_records_in_order_of_their_partition,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(topic_reader__tells_where_each_partition_began_and_ended,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(topic_reader__ends_where_the_topic_ended_when_it_was_opened,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(topic_reader__finds_nothing_in_an_empty_topic, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(topic_reader__reports_unavailable_when_broker_is_down,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
