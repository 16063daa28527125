#include "runtime/outbox_relay.h"

#include "unit/runtime/shop.h"

#include <stdatomic.h>

#define SENT_UPTO "SELECT sent_upto FROM outbox_state"

enum { STOP_MS = 5000 };

struct fixture {
    struct shop shop;
    struct outbox_relay *_Atomic relay;
    int n_appended;
};

static void on_committed(void *context) {
    struct fixture *fixture = context;
    struct outbox_relay *relay = atomic_load(&fixture->relay);
    if (relay)
        outbox_relay_wake(relay);
}

static void open_relay(struct fixture *fixture) {
    const struct outbox_relay_config config = {
        .config = &fixture->shop.config,
        .service = "order-service",
        .db_path = fixture->shop.db_path,
        .writer = fixture->shop.writer,
        .outbox = fixture->shop.outbox,
        .metrics = fixture->shop.metrics,
    };
    struct outbox_relay *relay;
    struct error err;
    if (outbox_relay_open(&config, &relay, &err) != OK)
        fail_msg("%s", err.text);
    atomic_store(&fixture->relay, relay);
}

static void close_relay(struct fixture *fixture, int timeout_ms) {
    outbox_relay_close(atomic_exchange(&fixture->relay, NULL), timeout_ms);
}

static int set_up(void **state) {
    static struct fixture fixture;
    memset(&fixture, 0, sizeof fixture);
    shop_open(&fixture.shop);
    fixture.shop.committed = on_committed;
    fixture.shop.context = &fixture;
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    close_relay(fixture, 0);
    shop_close_database(&fixture->shop);
    shop_close(&fixture->shop);
    return 0;
}

struct append_call {
    struct fixture *fixture;
    int n;
    int n_customers; /* who take turns */
};

static enum status append_numbered(void *context, struct error *err) {
    struct append_call *call = context;
    enum status status = OK;
    for (int i = 0; status == OK && i < call->n; i++) {
        char value[16], key[32];
        snprintf(value, sizeof value, "%d", call->fixture->n_appended++);
        snprintf(key, sizeof key, "CUSTOMER-%d", i % call->n_customers);
        const struct record record = {
            .topic = ORDERS, .key = {key, strlen(key)}, .value = {value, strlen(value)}};
        status = outbox_append_record(call->fixture->shop.outbox, value, &record, err);
    }
    return status;
}

/* Appends rows whose values count from 0. */
static void append(struct fixture *fixture, int n) {
    struct append_call call = {fixture, n, 1};
    assert_int_equal(writer_run(fixture->shop.writer, append_numbered, &call, NULL), OK);
}

/* Likewise, of customers whose orders are in all partitions. */
static void append_of_many(struct fixture *fixture, int n) {
    struct append_call call = {fixture, n, 8};
    assert_int_equal(writer_run(fixture->shop.writer, append_numbered, &call, NULL), OK);
}

static enum status append_zeros(void *context, struct error *err) {
    struct append_call *call = context;
    char *value = calloc(1, (size_t)call->n);
    const struct record record = {
        .topic = ORDERS, .key = {"CUSTOMER-0", 10}, .value = {value, (size_t)call->n}};
    enum status status = outbox_append_record(call->fixture->shop.outbox, "zeros", &record, err);
    free(value);
    return status;
}

/* Appends a row of so many bytes. */
static void append_large(struct fixture *fixture, int n_bytes) {
    struct append_call call = {fixture, n_bytes, 1};
    assert_int_equal(writer_run(fixture->shop.writer, append_zeros, &call, NULL), OK);
}

/* Makes the first `n` rows so much older. */
static void make_older(struct fixture *fixture, int n, int by_ms) {
    char sql[128];
    snprintf(sql, sizeof sql, "UPDATE outbox SET created_ms = created_ms - %d WHERE seq <= %d",
             by_ms, n);
    assert_int_equal(db_exec(fixture->shop.db, sql, NULL), OK);
}

/* Reads the topic until it has had the values 0 to n - 1, each for the first
 * time in this order; returns how many records that were, repetitions included. */
static int assert_no_gap(struct mock_cluster *mock, int n) {
    struct mock_reader reader;
    int n_records = 0, expected = 0;
    const rd_kafka_message_t *message;
    mock_reader_open(&reader, mock, ORDERS);
    while (expected < n) {
        message = mock_reader_expect(&reader);
        char text[16] = "";
        assert_true(message->len < sizeof text);
        memcpy(text, message->payload, message->len);
        assert_true(atoi(text) <= expected);
        expected += atoi(text) == expected;
        n_records++;
    }
    while (mock_reader_next(&reader, 200))
        n_records++;
    mock_reader_close(&reader);
    return n_records;
}

static int count_records(struct mock_cluster *mock) {
    struct mock_reader reader;
    int n_records = 0;
    mock_reader_open(&reader, mock, ORDERS);
    mock_reader_expect(&reader);
    for (n_records = 1; mock_reader_next(&reader, 500);)
        n_records++;
    mock_reader_close(&reader);
    return n_records;
}

static void outbox_relay__publishes_in_order_and_notes_how_far(void **state) {
    struct fixture *fixture = *state;
    append(fixture, 100);
    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 100);
    append(fixture, 1);
    shop_wait_for(&fixture->shop, SENT_UPTO, 101);

    assert_int_equal(assert_no_gap(&fixture->shop.mock, 101), 101);
    assert_int_equal(outbox_backlog(fixture->shop.outbox), 0);
    assert_int_equal(
        shop_count(&fixture->shop, "SELECT cluster_id LIKE 'mockCluster%' FROM outbox_state"), 1);
    shop_assert_metric(&fixture->shop, "orderflow_events_published_total 101\n");
}

static void outbox_relay__publishes_more_rows_than_fit_its_window(void **state) {
    struct fixture *fixture = *state;
    append(fixture, 20000);
    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 20000);
    assert_int_equal(assert_no_gap(&fixture->shop.mock, 20000), 20000);
}

static void outbox_relay__does_not_repeat_what_is_noted_after_a_restart(void **state) {
    struct fixture *fixture = *state;
    append(fixture, 10);
    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 10);
    close_relay(fixture, STOP_MS);
    append(fixture, 10);
    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 20);
    assert_int_equal(assert_no_gap(&fixture->shop.mock, 20), 20);
}

static void outbox_relay_close__publishes_and_notes_what_is_left(void **state) {
    struct fixture *fixture = *state;
    open_relay(fixture);
    append(fixture, 1);
    shop_wait_for(&fixture->shop, SENT_UPTO, 1);
    append(fixture, 500);
    close_relay(fixture, STOP_MS);
    assert_int_equal(shop_count(&fixture->shop, SENT_UPTO), 501);
    assert_int_equal(assert_no_gap(&fixture->shop.mock, 501), 501);
}

static void outbox_relay__marks_nothing_while_the_broker_is_down(void **state) {
    struct fixture *fixture = *state;
    open_relay(fixture);
    append(fixture, 1);
    shop_wait_for(&fixture->shop, SENT_UPTO, 1);
    mock_broker_down(&fixture->shop.mock);
    append(fixture, 5);
    close_relay(fixture, 300);
    assert_int_equal(shop_count(&fixture->shop, SENT_UPTO), 1);
    assert_int_equal(outbox_backlog(fixture->shop.outbox), 5);

    open_relay(fixture);
    mock_broker_up(&fixture->shop.mock);
    shop_wait_for(&fixture->shop, SENT_UPTO, 6);
    assert_true(assert_no_gap(&fixture->shop.mock, 6) >= 6);
}

static void outbox_relay__sends_again_what_the_broker_refused(void **state) {
    struct fixture *fixture = *state;
    rd_kafka_mock_push_request_errors(fixture->shop.mock.cluster, MOCK_PRODUCE, 3,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                      RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    append(fixture, 50);
    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 50);
    append(fixture, 50);
    shop_wait_for(&fixture->shop, SENT_UPTO, 100);
    assert_true(assert_no_gap(&fixture->shop.mock, 100) >= 100);
}

/* One partition's are refused; that the other's are taken is known a while later. */
static void outbox_relay__does_not_repeat_what_was_acknowledged_behind_a_failure(void **state) {
    struct fixture *fixture = *state;
    rd_kafka_mock_broker_push_request_error_rtts(fixture->shop.mock.cluster, 1, MOCK_PRODUCE, 2,
                                                 RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 0,
                                                 RD_KAFKA_RESP_ERR_NO_ERROR, 300);
    append_of_many(fixture, 100);
    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 100);
    append_of_many(fixture, 100);
    shop_wait_for(&fixture->shop, SENT_UPTO, 200);
    assert_int_equal(count_records(&fixture->shop.mock), 200);
}

/* The broker has the records, but its answer comes too late. */
static void outbox_relay__repeats_and_leaves_no_gap_when_an_acknowledgement_is_lost(void **state) {
    struct fixture *fixture = *state;
    shop_set_kafka_properties(&fixture->shop, "socket.timeout.ms=1000\n");
    append(fixture, 20);
    rd_kafka_mock_broker_push_request_error_rtts(fixture->shop.mock.cluster, 1, MOCK_PRODUCE, 1,
                                                 RD_KAFKA_RESP_ERR_NO_ERROR, 2500);
    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 20);
    assert_true(assert_no_gap(&fixture->shop.mock, 20) > 20);
}

static void outbox_relay__publishes_what_is_kept_again_on_another_cluster(void **state) {
    struct fixture *fixture = *state;
    struct mock_cluster other;
    append(fixture, 30);
    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 30);
    close_relay(fixture, STOP_MS);
    mock_cluster_open(&other);
    mock_topic_create(&other, ORDERS);
    fixture->shop.config.kafka.brokers = other.brokers;
    append(fixture, 5);

    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 35);
    assert_int_equal(assert_no_gap(&other, 35), 35);
    assert_int_equal(assert_no_gap(&fixture->shop.mock, 30), 30);
    close_relay(fixture, STOP_MS);

    open_relay(fixture);
    append(fixture, 1);
    shop_wait_for(&fixture->shop, SENT_UPTO, 36);
    assert_int_equal(assert_no_gap(&other, 36), 36);
    close_relay(fixture, STOP_MS);
    mock_cluster_close(&other);
}

/* Under the cluster id that it had. */
static void outbox_relay__publishes_what_is_kept_again_when_kafka_has_lost_records(void **state) {
    struct fixture *fixture = *state;
    append(fixture, 30);
    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 30);
    close_relay(fixture, STOP_MS);
    assert_int_equal(shop_count(&fixture->shop, "SELECT max(offset) FROM outbox_landmarks"), 29);
    assert_int_equal(db_exec(fixture->shop.db, "UPDATE outbox_landmarks SET offset = 1000", NULL),
                     OK);

    append(fixture, 1);
    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 31);
    close_relay(fixture, STOP_MS);
    assert_int_equal(shop_count(&fixture->shop, "SELECT max(offset) FROM outbox_landmarks"), 60);
    append(fixture, 1);
    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 32);

    assert_int_equal(assert_no_gap(&fixture->shop.mock, 32), 62);
}

/* They stay in an outbox that was idle, while inboxes forget them. */
static void outbox_relay__leaves_out_rows_past_their_retention_on_another_cluster(void **state) {
    struct fixture *fixture = *state;
    struct mock_cluster other;
    append(fixture, 30);
    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 30);
    close_relay(fixture, STOP_MS);
    make_older(fixture, 20, 2 * 3600000);
    mock_cluster_open(&other);
    mock_topic_create(&other, ORDERS);
    fixture->shop.config.kafka.brokers = other.brokers;
    append(fixture, 1);

    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 31);
    close_relay(fixture, STOP_MS);

    struct mock_reader reader;
    mock_reader_open(&reader, &other, ORDERS);
    assert_value(mock_reader_expect(&reader), "20");
    mock_reader_close(&reader);
    mock_cluster_close(&other);
}

static void outbox_relay__goes_on_behind_a_record_that_no_broker_takes(void **state) {
    struct fixture *fixture = *state;
    append(fixture, 3);
    append_large(fixture, 5 * 1024 * 1024);
    append(fixture, 3);
    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 7);
    assert_int_equal(assert_no_gap(&fixture->shop.mock, 6), 6);
    shop_assert_metric(&fixture->shop, "orderflow_events_unsendable_total 1\n");
}

/* The broker judges batches, the relay finds out which record it is. */
static void outbox_relay__leaves_out_only_the_record_that_is_too_large_alone(void **state) {
    struct fixture *fixture = *state;
    shop_set_kafka_properties(&fixture->shop, "linger.ms=100\n"); /* all in one batch */
    rd_kafka_mock_push_request_errors(fixture->shop.mock.cluster, MOCK_PRODUCE, 2,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    append_large(fixture, 100);
    append(fixture, 3);
    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 4);
    assert_int_equal(assert_no_gap(&fixture->shop.mock, 3), 3);
    shop_assert_metric(&fixture->shop, "orderflow_events_unsendable_total 1\n");
}

static void outbox_relay__publishes_all_when_only_their_batch_was_too_large(void **state) {
    struct fixture *fixture = *state;
    rd_kafka_mock_push_request_errors(fixture->shop.mock.cluster, MOCK_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    append(fixture, 20);
    open_relay(fixture);
    shop_wait_for(&fixture->shop, SENT_UPTO, 20);
    assert_int_equal(assert_no_gap(&fixture->shop.mock, 20), 20);
    shop_assert_metric(&fixture->shop, "orderflow_events_unsendable_total 0\n");
}

#define WITH_SHOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SHOP(outbox_relay__publishes_in_order_and_notes_how_far),
        WITH_SHOP(outbox_relay__publishes_more_rows_than_fit_its_window),
        WITH_SHOP(outbox_relay__does_not_repeat_what_is_noted_after_a_restart),
        WITH_SHOP(outbox_relay_close__publishes_and_notes_what_is_left),
        WITH_SHOP(outbox_relay__marks_nothing_while_the_broker_is_down),
        WITH_SHOP(outbox_relay__sends_again_what_the_broker_refused),
        WITH_SHOP(outbox_relay__does_not_repeat_what_was_acknowledged_behind_a_failure),
        WITH_SHOP(outbox_relay__repeats_and_leaves_no_gap_when_an_acknowledgement_is_lost),
        WITH_SHOP(outbox_relay__publishes_what_is_kept_again_on_another_cluster),
        WITH_SHOP(outbox_relay__publishes_what_is_kept_again_when_kafka_has_lost_records),
        WITH_SHOP(outbox_relay__leaves_out_rows_past_their_retention_on_another_cluster),
        WITH_SHOP(outbox_relay__goes_on_behind_a_record_that_no_broker_takes),
        WITH_SHOP(outbox_relay__leaves_out_only_the_record_that_is_too_large_alone),
        WITH_SHOP(outbox_relay__publishes_all_when_only_their_batch_was_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
