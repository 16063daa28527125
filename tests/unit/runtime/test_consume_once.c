#include "runtime/consume_once.h"

#include "unit/runtime/shop.h"

#include <stdatomic.h>

#define EFFECTS "SELECT count(*) FROM effects"
#define REJECTED "SELECT count(*) FROM rejected"
#define LETTERS "SELECT count(*) FROM outbox WHERE topic = 'orders.dlq'"
#define ACTIONS "SELECT count(*) FROM outbox WHERE topic = 'actions'"
#define POSITIONS "SELECT total(next_offset) FROM positions"

enum { EVENTS_MAX = 64 };

struct fixture {
    struct shop shop;
    sqlite3_stmt *insert_effect;
    struct consume_once *consumer;
    atomic_int n_calls;      /* of the handler */
    enum status fail_status; /* of each event's first handling; OK: it succeeds */
    int n_faults;
    bool failed[EVENTS_MAX]; /* has the event of that number failed already? */
    atomic_int n_ended;      /* calls of the hook `failed` */
    int n_held;              /* events handled since the batch began */
    int n_stored;            /* those of batches that came to their end */
    int n_produced;
};

/* Is the event to fail now? Those of orders without a number never are. */
static bool is_faulty(struct fixture *fixture, const struct event *event) {
    int number;
    if (fixture->fail_status == OK || sscanf(event->order.order_id, "ORDER-%d", &number) != 1 ||
        fixture->failed[number])
        return false;
    fixture->failed[number] = true;
    fixture->n_faults++;
    return true;
}

/* Enters the event's effect and tells of it; then comes the fault. */
static enum status handle(void *context, const struct event *event, struct error *err) {
    struct fixture *fixture = context;
    atomic_fetch_add(&fixture->n_calls, 1);
    fixture->n_held++;
    db_bind_text(fixture->insert_effect, 1, event->envelope.id);
    db_bind_text(fixture->insert_effect, 2, event->order.order_id);
    enum status status = db_run(fixture->insert_effect, err);
    if (status == OK)
        status =
            outbox_append_action(fixture->shop.outbox, "inventory-updated", &event->envelope, err);
    if (status == OK && is_faulty(fixture, event))
        status = error_set(err, fixture->fail_status, "fault %d", fixture->n_faults);
    return status;
}

static void begin_batch(void *context) {
    struct fixture *fixture = context;
    fixture->n_held = 0;
}

static enum status end_batch(void *context, struct error *err) {
    struct fixture *fixture = context;
    (void)err;
    fixture->n_stored += fixture->n_held;
    return OK;
}

static void on_failed(void *context, const struct error *err) {
    struct fixture *fixture = context;
    (void)err;
    atomic_fetch_add(&fixture->n_ended, 1);
}

static void open_consumer(struct fixture *fixture) {
    static event_handler *const handlers[N_EVENT_TYPES] = {[EVENT_NEW_ORDER] = handle};
    const struct consume_once_config config = {
        .config = &fixture->shop.config,
        .handlers = handlers,
        .batch = {begin_batch, end_batch},
        .service = fixture,
        .writer = fixture->shop.writer,
        .inbox = fixture->shop.inbox,
        .outbox = fixture->shop.outbox,
        .metrics = fixture->shop.metrics,
        .failed = on_failed,
        .context = fixture,
    };
    struct error err;
    if (consume_once_open(&config, &fixture->consumer, &err) != OK)
        fail_msg("%s", err.text);
}

static void close_consumer(struct fixture *fixture) {
    consume_once_close(fixture->consumer);
    fixture->consumer = NULL;
}

static void prepare_effects(struct fixture *fixture) {
    static const char sql[] = "INSERT INTO effects (event_id, order_id) VALUES (?,?)";
    assert_int_equal(db_prepare(fixture->shop.db, sql, &fixture->insert_effect, NULL), OK);
}

/* The writer first: its jobs use the statement. */
static void close_database(struct fixture *fixture) {
    writer_close(fixture->shop.writer);
    fixture->shop.writer = NULL;
    sqlite3_finalize(fixture->insert_effect);
    shop_close_database(&fixture->shop);
}

static int set_up(void **state) {
    static struct fixture fixture;
    memset(&fixture, 0, sizeof fixture);
    shop_open(&fixture.shop);
    prepare_effects(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    close_consumer(fixture);
    close_database(fixture);
    shop_close(&fixture->shop);
    return 0;
}

/* Puts one order into the topic; with the id "" its event has no headers. */
static void produce(struct mock_cluster *mock, int32_t partition, const char *event_id,
                    const char *order_id) {
    char payload[256];
    snprintf(payload, sizeof payload,
             "{\"orderId\":\"%s\",\"customerId\":\"CUSTOMER-123\",\"products\":[{\"productId\":"
             "\"PRODUCT-123\",\"quantity\":1,\"totalPrice\":19.99}]}",
             order_id);
    struct record record = {
        .topic = ORDERS, .partition = partition, .value = {payload, strlen(payload)}};
    if (*event_id) {
        record.headers[0] = (struct record_header){"ce_id", {event_id, strlen(event_id)}};
        record.headers[1] = (struct record_header){"ce_source", {"/order-service", 14}};
        record.n_headers = 2;
    }
    mock_produce_all(mock, &record, 1);
}

/* Puts `n` new orders with ids of their own into the topic. */
static void produce_new(struct fixture *fixture, int n) {
    for (int i = 0; i < n; i++) {
        char id[32];
        snprintf(id, sizeof id, "ORDER-%d", fixture->n_produced++);
        produce(&fixture->shop.mock, i % MOCK_PARTITIONS, id, id);
    }
}

static void assert_counts(struct fixture *fixture, const char *sql, int64_t expected) {
    assert_int_equal(shop_count(&fixture->shop, sql), expected);
}

static void consume_once__handles_an_event_once_when_it_comes_again(void **state) {
    struct fixture *fixture = *state;
    struct shop *shop = &fixture->shop;
    produce(&shop->mock, 0, "1", "ORDER-1");
    produce(&shop->mock, 0, "1", "ORDER-1");
    produce(&shop->mock, 0, "2", "ORDER-1");
    produce(&shop->mock, 0, "", "ORDER-1");
    produce(&shop->mock, 0, "", "ORDER-1");
    open_consumer(fixture);
    shop_wait_for(shop, POSITIONS, 5);
    assert_true(consume_once_is_ready(fixture->consumer));

    produce(&shop->mock, 1, "1", "ORDER-1");
    shop_wait_for(shop, POSITIONS, 6);

    /* Two ids, and two records that are told apart by their places. */
    assert_counts(fixture, EFFECTS, 4);
    assert_counts(fixture, ACTIONS, 4);
    assert_int_equal(atomic_load(&fixture->n_calls), 4);
    shop_assert_metric(shop, "orderflow_events_handled_total{topic=\"orders\"} 4\n");
    shop_assert_metric(shop, "orderflow_events_repeated_total{topic=\"orders\"} 2\n");
}

static void consume_once__leaves_nothing_behind_a_fault_at_any_call_of_the_handler(void **state) {
    struct fixture *fixture = *state;
    enum { N = 6 };
    fixture->fail_status = ERR_UNAVAILABLE;
    produce_new(fixture, N);
    open_consumer(fixture);
    shop_wait_for(&fixture->shop, POSITIONS, N);
    close_consumer(fixture);

    assert_int_equal(fixture->n_faults, N);
    assert_counts(fixture, EFFECTS, N);
    assert_counts(fixture, "SELECT count(DISTINCT event_id) FROM effects", N);
    assert_counts(fixture, ACTIONS, N);
    assert_counts(fixture, "SELECT count(*) FROM inbox", N);
    assert_int_equal(fixture->n_stored, N);
    assert_int_equal(atomic_load(&fixture->n_ended), 0);
}

static void consume_once__ends_when_a_handler_finds_a_bug(void **state) {
    struct fixture *fixture = *state;
    fixture->fail_status = ERR_BUG;
    produce_new(fixture, 1);
    open_consumer(fixture);
    int64_t deadline = clock_monotonic_ms() + SHOP_PATIENCE_MS;
    while (atomic_load(&fixture->n_ended) == 0 && clock_monotonic_ms() < deadline)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    close_consumer(fixture);
    assert_int_equal(atomic_load(&fixture->n_ended), 1);
    assert_int_equal(atomic_load(&fixture->n_calls), 1);
    assert_counts(fixture, EFFECTS, 0);
    assert_counts(fixture, ACTIONS, 0);
    assert_counts(fixture, POSITIONS, 0);
}

static void assert_bytes(const struct bytes *bytes, const void *expected, size_t len) {
    assert_int_equal(bytes->len, len);
    assert_memory_equal(bytes->data, expected, len);
}

static void assert_header(const struct record *record, size_t i, const char *name,
                          const char *value) {
    assert_true(i < record->n_headers);
    assert_string_equal(record->headers[i].name, name);
    assert_bytes(&record->headers[i].value, value, strlen(value));
}

static void assert_letter(struct shop *shop) {
    struct outbox_reader *reader;
    struct outbox_row row;
    bool found = true;
    assert_int_equal(outbox_reader_open(shop->reader_db, "order-service", &reader, NULL), OK);
    do {
        assert_int_equal(outbox_reader_next(reader, &row, &found, NULL), OK);
        assert_true(found);
    } while (strcmp(row.record.topic, "orders.dlq") != 0);

    const struct record *letter = &row.record;
    assert_bytes(&letter->key, "k\0y", 3);
    assert_bytes(&letter->value, "{\"orderId\":\xff\0", 12);
    assert_int_equal(letter->n_headers, 3 + 8);
    assert_header(letter, 0, "ce_id", "malformed");
    assert_string_equal(letter->headers[1].name, "bytes");
    assert_bytes(&letter->headers[1].value, "\xff\0\n", 3);
    assert_string_equal(letter->headers[2].name, "null");
    assert_null(letter->headers[2].value.data);
    assert_header(letter, 3, "__connect.errors.topic", ORDERS);
    assert_header(letter, 4, "__connect.errors.partition", "0");
    assert_header(letter, 5, "__connect.errors.offset", "1");
    assert_header(letter, 6, "__connect.errors.connector.name", "inventory-service-group");
    assert_header(letter, 7, "__connect.errors.stage", "VALUE_CONVERTER");
    assert_header(letter, 8, "__connect.errors.exception.class.name", "orderflow.SyntaxError");
    assert_string_equal(letter->headers[9].name, "__connect.errors.exception.message");
    assert_true(letter->headers[9].value.len > 0);
    assert_string_equal(letter->headers[10].name, "orderflow.dlq.cluster");
    assert_memory_equal(letter->headers[10].value.data, "mockCluster", 11);
    outbox_reader_close(reader);
}

static void consume_once__passes_a_malformed_record_on_and_goes_on(void **state) {
    struct fixture *fixture = *state;
    struct shop *shop = &fixture->shop;
    const struct record malformed = {
        .topic = ORDERS,
        .key = {"k\0y", 3},
        .value = {"{\"orderId\":\xff\0", 12},
        .n_headers = 3,
        .headers = {{"ce_id", {"malformed", 9}}, {"bytes", {"\xff\0\n", 3}}, {"null", {NULL, 0}}},
    };
    const struct record tombstone = {.topic = ORDERS, .key = {"k", 1}};
    produce(&shop->mock, 0, "1", "ORDER-1");
    mock_produce_all(&shop->mock, &malformed, 1);
    produce(&shop->mock, 0, "2", "ORDER 2");
    mock_produce_all(&shop->mock, &tombstone, 1);
    produce(&shop->mock, 0, "3", "ORDER-3");
    open_consumer(fixture);
    shop_wait_for(shop, POSITIONS, 5);
    close_consumer(fixture);

    assert_counts(fixture, EFFECTS, 2);
    assert_counts(fixture, LETTERS, 3);
    assert_counts(fixture, REJECTED, 3);
    assert_letter(shop);

    /* The topic from its beginning again, as after the offsets were lost: the
     * dead letters are not doubled. */
    shop->config.consumer_group = "another-group";
    produce(&shop->mock, 1, "malformed", "ORDER-4");
    open_consumer(fixture);
    shop_wait_for(shop, POSITIONS, 6);
    shop_wait_for(shop, EFFECTS, 3);
    assert_counts(fixture, LETTERS, 3);
}

static void consume_once__goes_on_where_it_was_after_a_restart(void **state) {
    struct fixture *fixture = *state;
    struct shop *shop = &fixture->shop;
    produce_new(fixture, 6);
    open_consumer(fixture);
    shop_wait_for(shop, POSITIONS, 6);
    close_consumer(fixture);
    close_database(fixture);

    shop_open_database(shop);
    prepare_effects(fixture);
    produce_new(fixture, 4);
    open_consumer(fixture);
    shop_wait_for(shop, POSITIONS, 10);

    assert_counts(fixture, EFFECTS, 10);
    assert_int_equal(atomic_load(&fixture->n_calls), 10);
    shop_assert_metric(shop, "orderflow_events_repeated_total{topic=\"orders\"} 0\n");
}

/* As after a kill between the commit of the effects and Kafka's of the offsets. */
static void consume_once__has_no_second_effect_when_the_offsets_are_lost(void **state) {
    struct fixture *fixture = *state;
    struct shop *shop = &fixture->shop;
    produce_new(fixture, 6);
    produce(&shop->mock, 0, "", "ORDER-WITHOUT-HEADERS");
    open_consumer(fixture);
    shop_wait_for(shop, POSITIONS, 7);
    close_consumer(fixture);

    shop->config.consumer_group = "another-group";
    produce_new(fixture, 1);
    open_consumer(fixture);
    shop_wait_for(shop, EFFECTS, 8);
    shop_wait_for(shop, POSITIONS, 8);
    assert_counts(fixture, "SELECT count(DISTINCT event_id) FROM effects", 8);
    assert_counts(fixture, ACTIONS, 8);
    assert_int_equal(atomic_load(&fixture->n_calls), 8);
}

static void consume_once__tells_clusters_apart_by_their_ids(void **state) {
    struct fixture *fixture = *state;
    struct shop *shop = &fixture->shop;
    struct mock_cluster other;
    produce(&shop->mock, 0, "1", "ORDER-1");
    produce(&shop->mock, 0, "", "ORDER-2");
    open_consumer(fixture);
    shop_wait_for(shop, POSITIONS, 2);
    close_consumer(fixture);

    mock_cluster_open(&other);
    mock_topic_create(&other, ORDERS);
    produce(&other, 0, "1", "ORDER-1");
    produce(&other, 0, "", "ORDER-3");
    shop->config.kafka.brokers = other.brokers;
    open_consumer(fixture);
    shop_wait_for(shop, POSITIONS, 4);
    close_consumer(fixture);
    mock_cluster_close(&other);

    assert_counts(fixture, EFFECTS, 3);
    assert_counts(fixture, "SELECT count(*) FROM effects WHERE order_id = 'ORDER-3'", 1);
}

/* Under the cluster id that it had: other records stand where known ones stood,
 * and one of them, before the position, is not known. */
static void consume_once__reads_a_partition_again_when_kafka_has_lost_its_records(void **state) {
    struct fixture *fixture = *state;
    struct shop *shop = &fixture->shop;
    produce_new(fixture, 6);
    open_consumer(fixture);
    shop_wait_for(shop, POSITIONS, 6);
    close_consumer(fixture);
    assert_counts(fixture, EFFECTS, 6);
    assert_int_equal(db_exec(shop->db,
                             "UPDATE positions SET before_ms = before_ms - 1 WHERE partition = 0;"
                             "DELETE FROM inbox WHERE event_id = 'ORDER-0'",
                             NULL),
                     OK);

    open_consumer(fixture);
    shop_wait_for(shop, EFFECTS, 7);
    produce_new(fixture, 2);
    shop_wait_for(shop, EFFECTS, 9);
    assert_counts(fixture, "SELECT count(*) FROM effects WHERE order_id = 'ORDER-0'", 2);
}

#define WITH_SHOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SHOP(consume_once__handles_an_event_once_when_it_comes_again),
        WITH_SHOP(consume_once__leaves_nothing_behind_a_fault_at_any_call_of_the_handler),
        WITH_SHOP(consume_once__ends_when_a_handler_finds_a_bug),
        WITH_SHOP(consume_once__passes_a_malformed_record_on_and_goes_on),
        WITH_SHOP(consume_once__goes_on_where_it_was_after_a_restart),
        WITH_SHOP(consume_once__has_no_second_effect_when_the_offsets_are_lost),
        WITH_SHOP(consume_once__reads_a_partition_again_when_kafka_has_lost_its_records),
        WITH_SHOP(consume_once__tells_clusters_apart_by_their_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
