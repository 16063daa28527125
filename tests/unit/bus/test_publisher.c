#include "bus/publisher.h"

#include "unit/bus/mock_cluster.h"
#include "unit/store/folder.h"

#include <poll.h>
#include <sys/eventfd.h>

#define TOPIC "orders"

enum { REPORTS_MAX = 2048 };

struct report {
    uint64_t tag;
    enum status status;
};

struct fixture {
    struct mock_cluster mock;
    struct publisher *publisher;
    size_t n_reports;
    struct report reports[REPORTS_MAX];
};

static void on_delivered(void *context, uint64_t tag, enum status status, const char *reason) {
    struct fixture *fixture = context;
    (void)reason;
    assert_true(fixture->n_reports < REPORTS_MAX);
    fixture->reports[fixture->n_reports++] = (struct report){tag, status};
}

static void open_publisher(struct fixture *fixture, const char *config_file, int wake_fd) {
    const struct kafka_config config = {fixture->mock.brokers, config_file, "order-service"};
    const struct publisher_events events = {
        .delivered = on_delivered, .wake_fd = wake_fd, .context = fixture};
    struct error err;
    if (publisher_open(&config, &events, &fixture->publisher, &err) != OK)
        fail_msg("%s", err.text);
}

static void close_publisher(struct fixture *fixture) {
    publisher_close(fixture->publisher);
    fixture->publisher = NULL;
}

static int set_up(void **state) {
    static struct fixture fixture;
    memset(&fixture, 0, sizeof fixture);
    mock_cluster_open(&fixture.mock);
    mock_topic_create(&fixture.mock, TOPIC);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    close_publisher(fixture);
    mock_cluster_close(&fixture->mock);
    return 0;
}

static struct record record_of(const char *key, const char *value) {
    return (struct record){
        .topic = TOPIC, .key = {key, strlen(key)}, .value = {value, strlen(value)}};
}

static void send_numbered(struct fixture *fixture, uint64_t first, uint64_t n) {
    for (uint64_t i = first; i < first + n; i++) {
        char value[32];
        snprintf(value, sizeof value, "%llu", (unsigned long long)i);
        struct record record = record_of("CUSTOMER-123", value);
        assert_int_equal(publisher_send(fixture->publisher, &record, i, NULL), OK);
    }
}

static void wait_for_reports(struct fixture *fixture, size_t n) {
    int64_t deadline = clock_monotonic_ms() + MOCK_PATIENCE_MS;
    while (fixture->n_reports < n && clock_monotonic_ms() < deadline)
        publisher_poll(fixture->publisher, 100);
    assert_int_equal(fixture->n_reports, n);
}

static void assert_reports(const struct fixture *fixture, size_t n, enum status status) {
    assert_int_equal(fixture->n_reports, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(fixture->reports[i].tag, i);
        assert_int_equal(fixture->reports[i].status, status);
    }
}

/* The topic holds the numbered records from 0, each once and in order. */
static void assert_published(struct fixture *fixture, int n) {
    struct mock_reader reader;
    char value[16];
    mock_reader_open(&reader, &fixture->mock, TOPIC);
    for (int i = 0; i < n; i++) {
        snprintf(value, sizeof value, "%d", i);
        assert_value(mock_reader_expect(&reader), value);
    }
    assert_null(mock_reader_next(&reader, 200));
    mock_reader_close(&reader);
}

static void publisher_send__delivers_in_order_and_reports_each_once(void **state) {
    struct fixture *fixture = *state;
    open_publisher(fixture, "", -1);
    send_numbered(fixture, 0, 1000);
    wait_for_reports(fixture, 1000);
    assert_reports(fixture, 1000, OK);
    assert_published(fixture, 1000);
}

static void publisher_send__delivers_key_value_and_headers_byte_for_byte(void **state) {
    struct fixture *fixture = *state;
    struct mock_reader reader;
    rd_kafka_headers_t *headers;
    const void *value;
    size_t len;
    const struct record record = {
        .topic = TOPIC,
        .value = {"\xff\0\n", 3},
        .n_headers = 3,
        .headers = {{"twice", {"1", 1}}, {"twice", {"2\0", 2}}, {"null", {NULL, 0}}},
    };
    open_publisher(fixture, "", -1);
    assert_int_equal(publisher_send(fixture->publisher, &record, 0, NULL), OK);
    wait_for_reports(fixture, 1);

    mock_reader_open(&reader, &fixture->mock, TOPIC);
    const rd_kafka_message_t *message = mock_reader_expect(&reader);
    assert_null(message->key);
    assert_int_equal(message->len, 3);
    assert_memory_equal(message->payload, "\xff\0\n", 3);
    assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
    assert_int_equal(rd_kafka_header_cnt(headers), 3);
    assert_int_equal(rd_kafka_header_get(headers, 1, "twice", &value, &len), 0);
    assert_int_equal(len, 2);
    assert_memory_equal(value, "2\0", 2);
    assert_int_equal(rd_kafka_header_get(headers, 0, "null", &value, &len), 0);
    assert_null(value);
    mock_reader_close(&reader);
}

/* Java's murmur2 of these keys, as librdkafka's own test has it, modulo 2. */
static void publisher_send__chooses_the_partition_as_javas_clients_do(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *key;
        int32_t partition;
    } cases[] = {
        {"kafka", 0}, {"giberish123456789", 0},
        {"4", 1},     {"reAmbleWillBeRemoved,ThePrePartThatIs", 1},
        {"234", 0},   {"PreAmbleWillBeRemoved,ThePrePartThatIs", 0},
    };
    enum { N = sizeof cases / sizeof *cases };
    struct mock_reader reader;
    open_publisher(fixture, "", -1);
    for (size_t i = 0; i < N; i++) {
        struct record record = record_of(cases[i].key, "x");
        assert_int_equal(publisher_send(fixture->publisher, &record, i, NULL), OK);
    }
    wait_for_reports(fixture, N);

    mock_reader_open(&reader, &fixture->mock, TOPIC);
    for (size_t i = 0; i < N; i++) {
        const rd_kafka_message_t *message = mock_reader_expect(&reader);
        size_t at = 0;
        while (at < N && (strlen(cases[at].key) != message->key_len ||
                          memcmp(cases[at].key, message->key, message->key_len) != 0))
            at++;
        assert_true(at < N);
        assert_int_equal(message->partition, cases[at].partition);
    }
    mock_reader_close(&reader);
}

static void publisher_send__tries_again_when_the_broker_fails_for_a_while(void **state) {
    struct fixture *fixture = *state;
    rd_kafka_mock_push_request_errors(
        fixture->mock.cluster, MOCK_PRODUCE, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    open_publisher(fixture, "", -1);
    send_numbered(fixture, 0, 50);
    wait_for_reports(fixture, 50);
    assert_reports(fixture, 50, OK);
    assert_published(fixture, 50);
}

static void publisher_send__reports_unavailable_when_the_broker_refuses_for_now(void **state) {
    struct fixture *fixture = *state;
    rd_kafka_mock_push_request_errors(fixture->mock.cluster, MOCK_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    open_publisher(fixture, "", -1);
    send_numbered(fixture, 0, 1);
    wait_for_reports(fixture, 1);
    assert_reports(fixture, 1, ERR_UNAVAILABLE);
}

/* Of the first record nobody knows whether the broker has it; that it has the
 * second proves nothing, for it does not look at the sequence. */
static void publisher_send__takes_no_acknowledgement_from_a_later_record(void **state) {
    struct fixture *fixture = *state;
    enum { BOTH_ARE_ON_THEIR_WAY_MS = 500 };
    size_t n_left = 1;
    int64_t deadline = clock_monotonic_ms() + MOCK_PATIENCE_MS;
    open_publisher(fixture, "", -1);
    rd_kafka_mock_broker_push_request_error_rtts(fixture->mock.cluster, 1, MOCK_PRODUCE, 1,
                                                 RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
                                                 BOTH_ARE_ON_THEIR_WAY_MS);
    send_numbered(fixture, 0, 1);
    while (n_left > 0 && clock_monotonic_ms() < deadline)
        rd_kafka_mock_broker_error_stack_cnt(fixture->mock.cluster, 1, MOCK_PRODUCE, &n_left);
    send_numbered(fixture, 1, 1);
    wait_for_reports(fixture, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(fixture->reports[i].status,
                         fixture->reports[i].tag == 0 ? ERR_UNAVAILABLE : OK);
}

static void publisher_send__is_invalid_when_the_record_is_too_large(void **state) {
    struct fixture *fixture = *state;
    enum { SIZE = 5 * 1024 * 1024 };
    char *value = calloc(1, SIZE);
    struct error err;
    const struct record record = {.topic = TOPIC, .value = {value, SIZE}};
    open_publisher(fixture, "", -1);
    assert_int_equal(publisher_send(fixture->publisher, &record, 0, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, TOPIC));
    send_numbered(fixture, 0, 1);
    wait_for_reports(fixture, 1);
    assert_reports(fixture, 1, OK);
    free(value);
}

/* What the broker refuses is the batch: it says so of each record in it. */
static void publisher_send__reports_invalid_when_the_broker_finds_a_batch_too_large(void **state) {
    struct fixture *fixture = *state;
    rd_kafka_mock_push_request_errors(fixture->mock.cluster, MOCK_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    open_publisher(fixture, "", -1);
    send_numbered(fixture, 0, 2);
    wait_for_reports(fixture, 2);
    assert_reports(fixture, 2, ERR_INVALID);
}

static void publisher_send__is_busy_when_its_queue_is_full(void **state) {
    struct fixture *fixture = *state;
    struct folder folder;
    char path[128];
    folder_make(&folder);
    folder_path(&folder, "kafka.properties", path);
    FILE *file = fopen(path, "w");
    fputs("queue.buffering.max.messages=10\n", file);
    fclose(file);
    mock_broker_down(&fixture->mock);
    open_publisher(fixture, path, -1);
    folder_remove(&folder);

    send_numbered(fixture, 0, 10);
    struct record record = record_of("k", "10");
    assert_int_equal(publisher_send(fixture->publisher, &record, 10, NULL), ERR_BUSY);

    mock_broker_up(&fixture->mock);
    wait_for_reports(fixture, 10);
    assert_int_equal(publisher_send(fixture->publisher, &record, 10, NULL), OK);
    wait_for_reports(fixture, 11);
    assert_reports(fixture, 11, OK);
}

static void publisher_close__reports_what_was_not_sent(void **state) {
    struct fixture *fixture = *state;
    mock_broker_down(&fixture->mock);
    open_publisher(fixture, "", -1);
    send_numbered(fixture, 0, 3);
    close_publisher(fixture);
    assert_reports(fixture, 3, ERR_UNAVAILABLE);
}

static void publisher__wakes_its_owner_when_there_is_a_report(void **state) {
    struct fixture *fixture = *state;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct pollfd wake = {.fd = fd, .events = POLLIN};
    int64_t deadline = clock_monotonic_ms() + MOCK_PATIENCE_MS;
    uint64_t count;
    open_publisher(fixture, "", fd);
    send_numbered(fixture, 0, 1);
    while (fixture->n_reports == 0 && clock_monotonic_ms() < deadline) {
        assert_int_equal(poll(&wake, 1, MOCK_PATIENCE_MS), 1);
        assert_int_equal(read(fd, &count, sizeof count), sizeof count);
        publisher_poll(fixture->publisher, 0);
    }
    assert_reports(fixture, 1, OK);
    close_publisher(fixture);
    close(fd);
}

static void publisher_cluster_id__is_unavailable_until_a_broker_answers(void **state) {
    struct fixture *fixture = *state;
    char id[128], short_id[4];
    mock_broker_down(&fixture->mock);
    open_publisher(fixture, "", -1);
    assert_int_equal(publisher_cluster_id(fixture->publisher, 100, id, sizeof id, NULL),
                     ERR_UNAVAILABLE);
    mock_broker_up(&fixture->mock);
    assert_int_equal(
        publisher_cluster_id(fixture->publisher, MOCK_PATIENCE_MS, id, sizeof id, NULL), OK);
    assert_memory_equal(id, "mockCluster", 11);
    assert_int_equal(publisher_cluster_id(fixture->publisher, 0, short_id, sizeof short_id, NULL),
                     ERR_BUG);
    assert_false(publisher_is_broken(fixture->publisher));
}

static void publisher_was_cut_off__is_true_once_after_the_broker_went_away(void **state) {
    struct fixture *fixture = *state;
    int64_t deadline = clock_monotonic_ms() + MOCK_PATIENCE_MS;
    bool was_cut_off = false;
    open_publisher(fixture, "", -1);
    send_numbered(fixture, 0, 1);
    wait_for_reports(fixture, 1);
    assert_false(publisher_was_cut_off(fixture->publisher));

    mock_broker_down(&fixture->mock);
    while (!was_cut_off && clock_monotonic_ms() < deadline) {
        publisher_poll(fixture->publisher, 20);
        was_cut_off = publisher_was_cut_off(fixture->publisher);
    }
    assert_true(was_cut_off);
    assert_false(publisher_was_cut_off(fixture->publisher));
}

static void publisher_is_broken__is_true_after_a_fatal_error(void **state) {
    struct fixture *fixture = *state;
    open_publisher(fixture, "", -1);
    send_numbered(fixture, 0, 1);
    wait_for_reports(fixture, 1);
    assert_false(publisher_is_broken(fixture->publisher));

    rd_kafka_mock_push_request_errors(fixture->mock.cluster, MOCK_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    send_numbered(fixture, 1, 1);
    int64_t deadline = clock_monotonic_ms() + MOCK_PATIENCE_MS;
    while (!publisher_is_broken(fixture->publisher) && clock_monotonic_ms() < deadline)
        publisher_poll(fixture->publisher, 50);
    assert_true(publisher_is_broken(fixture->publisher));
    struct record record = record_of("k", "x");
    assert_int_equal(publisher_send(fixture->publisher, &record, 2, NULL), ERR_UNAVAILABLE);
}

#define WITH_CLUSTER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_CLUSTER(publisher_send__delivers_in_order_and_reports_each_once),
        WITH_CLUSTER(publisher_send__delivers_key_value_and_headers_byte_for_byte),
        WITH_CLUSTER(publisher_send__chooses_the_partition_as_javas_clients_do),
        WITH_CLUSTER(publisher_send__tries_again_when_the_broker_fails_for_a_while),
        WITH_CLUSTER(publisher_send__reports_unavailable_when_the_broker_refuses_for_now),
        WITH_CLUSTER(publisher_send__takes_no_acknowledgement_from_a_later_record),
        WITH_CLUSTER(publisher_send__is_invalid_when_the_record_is_too_large),
        WITH_CLUSTER(publisher_send__reports_invalid_when_the_broker_finds_a_batch_too_large),
        WITH_CLUSTER(publisher_send__is_busy_when_its_queue_is_full),
        WITH_CLUSTER(publisher_close__reports_what_was_not_sent),
        WITH_CLUSTER(publisher__wakes_its_owner_when_there_is_a_report),
        WITH_CLUSTER(publisher_cluster_id__is_unavailable_until_a_broker_answers),
        WITH_CLUSTER(publisher_was_cut_off__is_true_once_after_the_broker_went_away),
        WITH_CLUSTER(publisher_is_broken__is_true_after_a_fatal_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
