#include "bus/subscriber.h"

#include "unit/bus/mock_cluster.h"

#define TOPIC "orders"

enum { RECORDS_MAX = 64, N_EACH = 10, COMMITTED = -1 };

/* What was received: places only. */
struct place {
    int32_t partition;
    int64_t offset;
};

struct fixture {
    struct mock_cluster mock;
    struct kafka_config kafka;
    struct subscriber *subscriber;
    struct error err;

    int64_t start[MOCK_PARTITIONS];     /* what `start` answers; COMMITTED: what it was told */
    int64_t before_ms[MOCK_PARTITIONS]; /* and the time of the record before */
    int64_t committed[MOCK_PARTITIONS]; /* what it was told */
    enum status start_status;
    size_t n_starts;

    size_t n_places;
    struct place places[RECORDS_MAX];
};

static enum status on_start(void *context, const char *cluster_id, int64_t committed,
                            struct record_place *out_last, struct error *err) {
    struct fixture *fixture = context;
    int32_t partition = out_last->partition;
    assert_memory_equal(cluster_id, "mockCluster", 11);
    assert_string_equal(out_last->topic, TOPIC);
    assert_in_range(partition, 0, MOCK_PARTITIONS - 1);
    fixture->n_starts++;
    fixture->committed[partition] = committed;
    if (fixture->start_status != OK)
        return error_set(err, fixture->start_status, "no start today");
    int64_t start = fixture->start[partition] == COMMITTED ? committed : fixture->start[partition];
    out_last->offset = start - 1;
    out_last->timestamp_ms = fixture->before_ms[partition];
    return OK;
}

static struct subscriber *open_member(struct fixture *fixture) {
    struct subscriber *member;
    static const char *const topics[] = {TOPIC};
    fixture->kafka = (struct kafka_config){fixture->mock.brokers, "", "inventory-service"};
    const struct subscriber_config config = {
        .kafka = &fixture->kafka,
        .group = "inventory-service-group",
        .topics = topics,
        .n_topics = 1,
        .is_embedded = true,
        .start = on_start,
        .context = fixture,
    };
    if (subscriber_open(&config, &member, &fixture->err) != OK)
        fail_msg("%s", fixture->err.text);
    return member;
}

static void open_subscriber(struct fixture *fixture) {
    fixture->subscriber = open_member(fixture);
}

static void close_subscriber(struct fixture *fixture) {
    subscriber_close(fixture->subscriber);
    fixture->subscriber = NULL;
}

/* Puts `n` records into each partition. */
static void produce(struct fixture *fixture, int n) {
    static const struct record records[] = {
        {.topic = TOPIC,
         .partition = 0,
         .key = {"CUSTOMER-123", 12},
         .value = {"zero", 4},
         .n_headers = 2,
         .headers = {{"ce_id", {"1", 1}}, {"null", {NULL, 0}}}},
        {.topic = TOPIC, .partition = 1, .value = {"one", 3}},
    };
    for (int i = 0; i < n; i++)
        mock_produce_all(&fixture->mock, records, sizeof records / sizeof *records);
}

static int set_up(void **state) {
    static struct fixture fixture;
    memset(&fixture, 0, sizeof fixture);
    fixture.before_ms[0] = fixture.before_ms[1] = -1;
    mock_cluster_open(&fixture.mock);
    mock_topic_create(&fixture.mock, TOPIC);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    close_subscriber(fixture);
    mock_cluster_close(&fixture->mock);
    return 0;
}

static bool is_last_of_partition(const struct subscriber *subscriber, size_t i, size_t n) {
    for (size_t j = i + 1; j < n; j++)
        if (subscriber_place(subscriber, j).partition == subscriber_place(subscriber, i).partition)
            return false;
    return true;
}

static void assert_ends_are_last(const struct subscriber *subscriber, size_t n_records) {
    size_t n, n_last = 0;
    const size_t *ends = subscriber_ends(subscriber, &n);
    for (size_t i = 0; i < n_records; i++)
        n_last += is_last_of_partition(subscriber, i, n_records);
    assert_int_equal(n, n_last);
    for (size_t i = 0; i < n; i++)
        assert_true(is_last_of_partition(subscriber, ends[i], n_records));
}

/* Polls until `n` records came, in batches of at most `max`; commits each
 * batch when asked to. */
static void receive(struct fixture *fixture, size_t n, size_t max, bool commits) {
    int64_t deadline = clock_monotonic_ms() + MOCK_PATIENCE_MS;
    fixture->n_places = 0;
    while (fixture->n_places < n && clock_monotonic_ms() < deadline) {
        size_t n_records;
        enum status status =
            subscriber_poll(fixture->subscriber, 100, max, &n_records, &fixture->err);
        if (status == ERR_UNAVAILABLE) { /* as its owner does */
            subscriber_restart(fixture->subscriber, &fixture->err);
            continue;
        }
        if (status != OK)
            fail_msg("%s", fixture->err.text);
        assert_true(n_records <= max);
        assert_ends_are_last(fixture->subscriber, n_records);
        for (size_t i = 0; i < n_records && fixture->n_places < RECORDS_MAX; i++) {
            const struct record_place place = subscriber_place(fixture->subscriber, i);
            fixture->places[fixture->n_places++] = (struct place){place.partition, place.offset};
        }
        if (commits)
            subscriber_commit(fixture->subscriber);
    }
    assert_int_equal(fixture->n_places, n);
}

/* Each partition's records came in order, from `first` on. */
static void assert_received_from(const struct fixture *fixture, int64_t first_0, int64_t first_1) {
    int64_t expected[MOCK_PARTITIONS] = {first_0, first_1};
    for (size_t i = 0; i < fixture->n_places; i++)
        assert_int_equal(fixture->places[i].offset, expected[fixture->places[i].partition]++);
}

static void subscriber_poll__starts_where_its_owner_says_and_keeps_to_the_bound(void **state) {
    struct fixture *fixture = *state;
    produce(fixture, N_EACH);
    fixture->start[0] = 4;
    open_subscriber(fixture);
    assert_false(subscriber_has_joined(fixture->subscriber));

    receive(fixture, 2 * N_EACH - 4, 3, false);

    assert_received_from(fixture, 4, 0);
    assert_int_equal(fixture->n_starts, MOCK_PARTITIONS);
    assert_int_equal(fixture->committed[0], -1);
    assert_int_equal(fixture->committed[1], -1);
    assert_true(subscriber_has_joined(fixture->subscriber));
    assert_memory_equal(subscriber_cluster_id(fixture->subscriber), "mockCluster", 11);
}

static void subscriber_poll__begins_without_asking_where_the_beginning_is(void **state) {
    enum { N_ERRORS = 1000 }; /* asked every half second, more than any patience */
    struct fixture *fixture = *state;
    rd_kafka_resp_err_t errors[N_ERRORS];
    for (size_t i = 0; i < N_ERRORS; i++)
        errors[i] = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    produce(fixture, N_EACH);
    rd_kafka_mock_push_request_errors_array(fixture->mock.cluster, MOCK_LIST_OFFSETS, N_ERRORS,
                                            errors);
    open_subscriber(fixture);

    receive(fixture, 2 * N_EACH, 64, false);

    assert_received_from(fixture, 0, 0);
}

/* The mock keeps five megabytes of a partition. */
static void subscriber_poll__begins_with_the_first_record_that_is_still_there(void **state) {
    enum { N = 60, LEN = 100000 };
    struct fixture *fixture = *state;
    static const char value[LEN];
    struct record records[N];
    for (size_t i = 0; i < N; i++)
        records[i] = (struct record){.topic = TOPIC, .value = {value, LEN}};
    mock_produce_all(&fixture->mock, records, N);
    open_subscriber(fixture);

    receive(fixture, 1, 1, false);

    assert_in_range(fixture->places[0].offset, 1, N - 1);
    size_t n_left = N - 1 - (size_t)fixture->places[0].offset;
    receive(fixture, n_left, 64, false);
    assert_int_equal(fixture->places[n_left - 1].offset, N - 1);
}

static void subscriber_commit__moves_the_start_of_the_next_member(void **state) {
    struct fixture *fixture = *state;
    produce(fixture, N_EACH);
    open_subscriber(fixture);
    receive(fixture, 2 * N_EACH, 64, true);
    close_subscriber(fixture);

    produce(fixture, 1);
    fixture->start[0] = fixture->start[1] = COMMITTED;
    open_subscriber(fixture);
    receive(fixture, 2, 64, false);

    assert_int_equal(fixture->committed[0], N_EACH);
    assert_int_equal(fixture->committed[1], N_EACH);
    assert_received_from(fixture, N_EACH, N_EACH);
}

static void subscriber_restart__delivers_again_from_where_its_owner_says(void **state) {
    struct fixture *fixture = *state;
    produce(fixture, N_EACH);
    open_subscriber(fixture);
    receive(fixture, 2 * N_EACH, 64, false);

    fixture->start[0] = 7;
    fixture->start[1] = 0;
    assert_int_equal(subscriber_restart(fixture->subscriber, &fixture->err), OK);
    receive(fixture, 2 * N_EACH - 7, 64, false);
    assert_received_from(fixture, 7, 0);
}

static void subscriber_poll__starts_from_the_beginning_when_kafka_has_lost_the_last(void **state) {
    struct fixture *fixture = *state;
    produce(fixture, N_EACH);
    open_subscriber(fixture);
    receive(fixture, 2 * N_EACH, 64, true);
    close_subscriber(fixture);

    fixture->start[0] = 4;
    fixture->before_ms[0] = 1; /* no record is as old as that */
    fixture->start[1] = N_EACH + 1;
    open_subscriber(fixture);
    receive(fixture, 2 * N_EACH, 64, false);
    assert_received_from(fixture, 0, 0);
    close_subscriber(fixture);

    fixture->start[0] = fixture->start[1] = COMMITTED;
    open_subscriber(fixture);
    receive(fixture, 2 * N_EACH, 64, false);
    assert_int_equal(fixture->committed[0], 0);
    assert_int_equal(fixture->committed[1], 0);
}

static void subscriber_poll__reads_the_other_partitions_while_one_has_no_leader(void **state) {
    enum { FROM = 4 };
    struct fixture *fixture = *state;
    produce(fixture, N_EACH);
    fixture->start[0] = fixture->start[1] = FROM;
    rd_kafka_mock_partition_set_leader(fixture->mock.cluster, TOPIC, 1, -1);
    open_subscriber(fixture);
    receive(fixture, N_EACH - FROM, 64, true);
    for (size_t i = 0; i < fixture->n_places; i++)
        assert_int_equal(fixture->places[i].partition, 0);

    fixture->start[0] = N_EACH;
    rd_kafka_mock_partition_set_leader(fixture->mock.cluster, TOPIC, 1, 1);
    receive(fixture, N_EACH - FROM, 64, true);
    assert_received_from(fixture, N_EACH, FROM);
}

/* True: it has asked again where to start. */
static bool live_through_outage(struct fixture *fixture) {
    size_t n, n_starts = fixture->n_starts;
    mock_broker_down(&fixture->mock);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(subscriber_poll(fixture->subscriber, 20, 64, &n, NULL), OK);
        assert_int_equal(n, 0);
    }
    mock_broker_up(&fixture->mock);
    /* Polling has taken seconds, and the group may have to be joined anew. */
    int64_t deadline = clock_monotonic_ms() + MOCK_PATIENCE_MS / 2;
    while (fixture->n_starts == n_starts && clock_monotonic_ms() < deadline)
        assert_int_equal(subscriber_poll(fixture->subscriber, 20, 64, &n, NULL), OK);
    return fixture->n_starts > n_starts;
}

static void subscriber_poll__asks_again_where_to_start_when_it_was_cut_off(void **state) {
    enum { OUTAGES_MAX = 5 };
    struct fixture *fixture = *state;
    bool has_asked = false;
    produce(fixture, 1);
    open_subscriber(fixture);
    receive(fixture, 2, 64, true);
    fixture->start[0] = fixture->start[1] = 1;

    /* On a busy machine, librdkafka does not tell of every outage. */
    for (int i = 0; i < OUTAGES_MAX && !has_asked; i++)
        has_asked = live_through_outage(fixture);

    assert_true(has_asked);
    produce(fixture, 1);
    receive(fixture, 2, 64, false);
    assert_received_from(fixture, 1, 1);
}

static void subscriber_poll__reads_nothing_until_its_owner_knows_where_to_start(void **state) {
    struct fixture *fixture = *state;
    size_t n;
    enum status status = OK;
    int64_t deadline = clock_monotonic_ms() + MOCK_PATIENCE_MS;
    produce(fixture, 1);
    fixture->start_status = ERR_UNAVAILABLE;
    open_subscriber(fixture);
    while (status == OK && clock_monotonic_ms() < deadline) {
        status = subscriber_poll(fixture->subscriber, 100, 64, &n, &fixture->err);
        assert_true(status != OK || n == 0);
    }
    assert_int_equal(status, ERR_UNAVAILABLE);
    assert_string_equal(fixture->err.text, "no start today");
    assert_false(subscriber_has_joined(fixture->subscriber));
    assert_int_equal(subscriber_restart(fixture->subscriber, &fixture->err), ERR_UNAVAILABLE);

    fixture->start_status = OK;
    assert_int_equal(subscriber_restart(fixture->subscriber, &fixture->err), OK);
    receive(fixture, 2, 64, false);
    assert_true(subscriber_has_joined(fixture->subscriber));
}

/* The lags that are known, of the partitions 0 and 1. */
struct lags {
    int n;
    int64_t n_records[MOCK_PARTITIONS];
};

static void note_lag(void *context, const char *topic, int32_t partition, int64_t n_records) {
    struct lags *lags = context;
    assert_string_equal(topic, TOPIC);
    assert_in_range(partition, 0, MOCK_PARTITIONS - 1);
    lags->n++;
    lags->n_records[partition] = n_records;
}

static struct lags lags_of(struct subscriber *subscriber) {
    struct lags lags = {0};
    subscriber_visit_lags(subscriber, note_lag, &lags);
    return lags;
}

static void wait_for_lags(struct fixture *fixture, int64_t lag_0, int64_t lag_1) {
    int64_t deadline = clock_monotonic_ms() + MOCK_PATIENCE_MS;
    struct lags lags = lags_of(fixture->subscriber);
    while ((lags.n < 2 || lags.n_records[0] != lag_0 || lags.n_records[1] != lag_1) &&
           clock_monotonic_ms() < deadline) {
        clock_pause_ms(5);
        lags = lags_of(fixture->subscriber);
    }
    assert_int_equal(lags.n, 2);
    assert_int_equal(lags.n_records[0], lag_0);
    assert_int_equal(lags.n_records[1], lag_1);
}

static void subscriber_visit_lags__tells_what_is_there_and_not_committed(void **state) {
    struct fixture *fixture = *state;
    produce(fixture, N_EACH);
    fixture->start[0] = 4;
    open_subscriber(fixture);
    assert_int_equal(lags_of(fixture->subscriber).n, 0);

    receive(fixture, 2 * N_EACH - 4, 64, false);
    wait_for_lags(fixture, N_EACH - 4, N_EACH);

    assert_int_equal(subscriber_restart(fixture->subscriber, &fixture->err), OK);
    receive(fixture, 2 * N_EACH - 4, 64, true);
    wait_for_lags(fixture, 0, 0);

    produce(fixture, 3); /* seen although it is not polled */
    wait_for_lags(fixture, 3, 3);
}

static void subscriber_visit_lags__tells_none_for_partitions_of_another_member(void **state) {
    struct fixture *fixture = *state;
    size_t n;
    int64_t deadline = clock_monotonic_ms() + MOCK_PATIENCE_MS;
    produce(fixture, N_EACH);
    open_subscriber(fixture);
    receive(fixture, 2 * N_EACH, 64, true);
    wait_for_lags(fixture, 0, 0);

    struct subscriber *other = open_member(fixture);
    while ((lags_of(fixture->subscriber).n != 1 || lags_of(other).n != 1) &&
           clock_monotonic_ms() < deadline) {
        subscriber_poll(fixture->subscriber, 20, 64, &n, NULL);
        subscriber_poll(other, 20, 64, &n, NULL);
    }
    int n_own = lags_of(fixture->subscriber).n, n_others = lags_of(other).n;
    subscriber_close(other);
    assert_int_equal(n_own, 1);
    assert_int_equal(n_others, 1);
}

static void assert_is_first_record(const struct record *record) {
    assert_string_equal(record->topic, TOPIC);
    assert_int_equal(record->partition, 0);
    assert_int_equal(record->offset, 0);
    assert_int_equal(record->key.len, 12);
    assert_memory_equal(record->key.data, "CUSTOMER-123", 12);
    assert_int_equal(record->value.len, 4);
    assert_memory_equal(record->value.data, "zero", 4);
    assert_int_equal(record->n_headers, 2);
    assert_string_equal(record->headers[0].name, "ce_id");
    assert_int_equal(record->headers[0].value.len, 1);
    assert_string_equal(record->headers[1].name, "null");
    assert_null(record->headers[1].value.data);
}

static void subscriber_record__gives_a_record_byte_for_byte_each_time(void **state) {
    struct fixture *fixture = *state;
    size_t n = 0;
    int64_t deadline = clock_monotonic_ms() + MOCK_PATIENCE_MS;
    produce(fixture, 1);
    fixture->start[1] = 1;
    open_subscriber(fixture);
    while (n == 0 && clock_monotonic_ms() < deadline)
        assert_int_equal(subscriber_poll(fixture->subscriber, 100, 64, &n, &fixture->err), OK);

    assert_int_equal(n, 1);
    assert_is_first_record(subscriber_record(fixture->subscriber, 0));
    assert_is_first_record(subscriber_record(fixture->subscriber, 0));
}

/* librdkafka's queue is full and empty again several times on the way. */
static void subscriber_poll__does_not_wait_for_records_that_are_there(void **state) {
    enum { N = 24000, BATCH = 500, WAIT_MS = 100, WAITS_MAX = 10 };
    struct fixture *fixture = *state;
    const struct record record = {.topic = TOPIC, .value = {"zero", 4}};
    rd_kafka_t *producer = mock_producer_new(&fixture->mock);
    for (int i = 0; i < N; i++)
        mock_produce(producer, &record);
    assert_int_equal(rd_kafka_flush(producer, MOCK_PATIENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);
    open_subscriber(fixture);
    receive(fixture, 1, 1, false);

    int64_t deadline = clock_monotonic_ms() + MOCK_PATIENCE_MS;
    size_t n_received = 1;
    int n_waits = 0;
    while (n_received < N && clock_monotonic_ms() < deadline) {
        size_t n;
        assert_int_equal(subscriber_poll(fixture->subscriber, WAIT_MS, BATCH, &n, &fixture->err),
                         OK);
        n_received += n;
        n_waits += n == 0;
    }
    assert_int_equal(n_received, N);
    assert_in_range(n_waits, 0, WAITS_MAX);
}

#define WITH_CLUSTER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_CLUSTER(subscriber_poll__starts_where_its_owner_says_and_keeps_to_the_bound),
        WITH_CLUSTER(subscriber_poll__begins_without_asking_where_the_beginning_is),
        WITH_CLUSTER(subscriber_poll__begins_with_the_first_record_that_is_still_there),
        WITH_CLUSTER(subscriber_commit__moves_the_start_of_the_next_member),
        WITH_CLUSTER(subscriber_restart__delivers_again_from_where_its_owner_says),
        WITH_CLUSTER(subscriber_poll__starts_from_the_beginning_when_kafka_has_lost_the_last),
        WITH_CLUSTER(subscriber_poll__reads_the_other_partitions_while_one_has_no_leader),
        WITH_CLUSTER(subscriber_poll__asks_again_where_to_start_when_it_was_cut_off),
        WITH_CLUSTER(subscriber_poll__reads_nothing_until_its_owner_knows_where_to_start),
        WITH_CLUSTER(subscriber_visit_lags__tells_what_is_there_and_not_committed),
        WITH_CLUSTER(subscriber_visit_lags__tells_none_for_partitions_of_another_member),
        WITH_CLUSTER(subscriber_record__gives_a_record_byte_for_byte_each_time),
        WITH_CLUSTER(subscriber_poll__does_not_wait_for_records_that_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
