#include "store/outbox.h"

#include "base/clock.h"
#include "event/codec.h"
#include "unit/store/folder.h"

enum { ROWS_PRUNED_AT_ONCE = 2000 };

static const char *const steps[] = {OUTBOX_SCHEMA, OUTBOX_SCHEMA_2, OUTBOX_SCHEMA_3};
static const char *const topics[N_EVENT_TYPES] = {"orders", "empty", "actions"};

struct fixture {
    struct folder folder;
    char path[128];
    struct db *db, *reader_db;
    struct outbox *outbox;
    struct outbox_reader *reader;
    struct error err;
};

static void open_all(struct fixture *fixture) {
    struct error *err = &fixture->err;
    const struct db_schema schema = {steps, sizeof steps / sizeof *steps};
    if (db_open_writer(fixture->path, &schema, &fixture->db, err) != OK ||
        outbox_open(fixture->db, "order-service", topics, &fixture->outbox, err) != OK ||
        db_open_reader(fixture->path, &fixture->reader_db, err) != OK ||
        outbox_reader_open(fixture->reader_db, "order-service", &fixture->reader, err) != OK)
        fail_msg("%s", err->text);
}

static void close_all(struct fixture *fixture) {
    outbox_reader_close(fixture->reader);
    db_close(fixture->reader_db);
    outbox_close(fixture->outbox);
    db_close(fixture->db);
}

static int set_up(void **state) {
    static struct fixture fixture;
    folder_make(&fixture.folder);
    folder_path(&fixture.folder, "shop.db", fixture.path);
    open_all(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    close_all(fixture);
    folder_remove(&fixture->folder);
    return 0;
}

static void append_records(struct fixture *fixture, int n) {
    const struct record record = {.topic = "orders", .value = {"x", 1}};
    assert_int_equal(db_exec(fixture->db, "BEGIN", NULL), OK);
    for (int i = 0; i < n; i++)
        assert_int_equal(outbox_append_record(fixture->outbox, "id", &record, &fixture->err), OK);
    assert_int_equal(db_exec(fixture->db, "COMMIT", NULL), OK);
    outbox_committed(fixture->outbox);
}

static void set_progress(struct fixture *fixture, const char *cluster_id, int64_t sent_upto,
                         int64_t forget_before_ms) {
    struct outbox_progress progress = {.sent_upto = sent_upto, .sent_ms = clock_now_ms()};
    strcpy(progress.cluster_id, cluster_id);
    assert_int_equal(
        outbox_set_progress(fixture->outbox, &progress, forget_before_ms, &fixture->err), OK);
    outbox_committed(fixture->outbox);
}

static bool next(struct fixture *fixture, struct outbox_row *out) {
    bool found = false;
    if (outbox_reader_next(fixture->reader, out, &found, &fixture->err) != OK)
        fail_msg("%s", fixture->err.text);
    return found;
}

static void assert_range(struct fixture *fixture, int64_t expected_first, int64_t expected_last) {
    int64_t first = -1, last = -1;
    assert_int_equal(outbox_reader_range(fixture->reader, 0, &first, &last, &fixture->err), OK);
    assert_int_equal(first, expected_first);
    assert_int_equal(last, expected_last);
}

static void assert_bytes(const struct bytes *bytes, const struct bytes *expected) {
    assert_int_equal(bytes->data == NULL, expected->data == NULL);
    assert_int_equal(bytes->len, expected->len);
    if (bytes->len > 0)
        assert_memory_equal(bytes->data, expected->data, bytes->len);
}

static void assert_read_back(struct fixture *fixture, const struct record *record) {
    struct outbox_row row;
    assert_int_equal(outbox_append_record(fixture->outbox, "id", record, &fixture->err), OK);
    assert_true(next(fixture, &row));
    assert_string_equal(row.record.topic, record->topic);
    assert_bytes(&row.record.key, &record->key);
    assert_bytes(&row.record.value, &record->value);
    assert_string_equal(row.id, "id");
    assert_bytes(&row.record.earlier_headers, &record->earlier_headers);
    assert_int_equal(row.record.n_headers, record->n_headers);
    for (size_t i = 0; i < record->n_headers; i++) {
        assert_string_equal(row.record.headers[i].name, record->headers[i].name);
        assert_bytes(&row.record.headers[i].value, &record->headers[i].value);
    }
    outbox_reader_pause(fixture->reader);
}

/* When a row was acknowledged, as a reader sees it; 0: not known. */
static int64_t sent_ms(struct fixture *fixture, const char *sql) {
    sqlite3_stmt *stmt;
    bool row;
    assert_int_equal(db_prepare(fixture->reader_db, sql, &stmt, &fixture->err), OK);
    assert_int_equal(db_step(stmt, &row, &fixture->err), OK);
    int64_t time_ms = row ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return time_ms;
}

static void outbox_set_progress__notes_when_a_row_was_sent_for_the_first_time(void **state) {
    struct fixture *fixture = *state;
    const int64_t now_ms = clock_now_ms();
    set_progress(fixture, "cluster", 2, 0);
    set_progress(fixture, "cluster", 5, 0);
    const int64_t first_ms = sent_ms(fixture, "SELECT " OUTBOX_SENT_MS("4"));

    set_progress(fixture, "another cluster", 0, 0); /* all once more */
    set_progress(fixture, "another cluster", 4, 0);

    assert_true(first_ms >= now_ms);
    assert_true(sent_ms(fixture, "SELECT " OUTBOX_SENT_MS("1")) >= now_ms);
    assert_true(sent_ms(fixture, "SELECT " OUTBOX_SENT_MS("2")) >= now_ms);
    assert_int_equal(sent_ms(fixture, "SELECT " OUTBOX_SENT_MS("4")), first_ms);
    assert_int_equal(sent_ms(fixture, "SELECT " OUTBOX_SENT_MS("6")), 0);
    assert_int_equal(sent_ms(fixture, "SELECT count(*) FROM outbox_sent"), 2);
}

/* A later row's time must not be taken for that of one that is forgotten. */
static void outbox_set_progress__forgets_when_rows_were_sent(void **state) {
    struct fixture *fixture = *state;
    set_progress(fixture, "cluster", 2, 0);
    assert_int_equal(db_exec(fixture->db, "DELETE FROM outbox_sent", &fixture->err), OK);
    set_progress(fixture, "cluster", 5, 0);

    assert_int_equal(sent_ms(fixture, "SELECT " OUTBOX_SENT_MS("2")), 0);
    assert_true(sent_ms(fixture, "SELECT " OUTBOX_SENT_MS("3")) > 0);
}

static void outbox_append_record__is_read_back_byte_for_byte(void **state) {
    const struct record record = {
        .topic = "orders.dlq",
        .key = {"k\0y", 3},
        .value = {"\xff\0\n", 3},
        .n_headers = 4,
        .headers = {{"twice", {"1", 1}},
                    {"", {"no name", 7}},
                    {"twice", {"2\0", 2}},
                    {"x", {"y", 1}}},
    };
    assert_read_back(*state, &record);
}

static void outbox_append_record__tells_null_from_empty_values(void **state) {
    const struct record nulls = {
        .topic = "orders", .n_headers = 2, .headers = {{"null", {NULL, 0}}, {"empty", {"", 0}}}};
    const struct record empties = {.topic = "orders", .key = {"", 0}, .value = {"", 0}};
    assert_read_back(*state, &nulls);
    assert_read_back(*state, &empties);
}

static void outbox_append_record__keeps_as_many_headers_as_a_record_has(void **state) {
    struct record record = {.topic = "orders", .n_headers = RECORD_HEADERS_MAX};
    struct strbuf earlier;
    strbuf_init(&earlier);
    for (size_t i = 0; i < RECORD_HEADERS_MAX; i++)
        record.headers[i] = (struct record_header){"name", {"value", 5}};
    assert_read_back(*state, &record);

    for (size_t i = 0; i < 1000; i++)
        record_pack_header(&(struct record_header){"earlier", {NULL, 0}}, &earlier);
    record.earlier_headers = (struct bytes){earlier.data, earlier.len};
    assert_read_back(*state, &record);
    strbuf_release(&earlier);
}

static void outbox_append__makes_the_envelope_and_the_record_of_an_event(void **state) {
    struct fixture *fixture = *state;
    struct event event = {.type = EVENT_INVENTORY_EMPTY}, decoded = {.type = event.type};
    struct envelope cause, read;
    struct contract_faults faults;
    struct outbox_row row;
    envelope_init(&cause, "another-service", NULL);
    strcpy(cause.correlation, "ORDER-123");
    strcpy(event.inventory_empty.product_id, "PRODUCT-123");

    assert_int_equal(outbox_append(fixture->outbox, &event, &cause, &fixture->err), OK);

    assert_true(next(fixture, &row));
    assert_string_equal(row.record.topic, "empty");
    assert_bytes(&row.record.key, &(struct bytes){"PRODUCT-123", 11});
    assert_int_equal(event_decode(row.record.value.data, row.record.value.len, &decoded, &faults),
                     OK);
    assert_string_equal(decoded.inventory_empty.product_id, "PRODUCT-123");
    assert_int_equal(envelope_read(&read, &row.record, "cluster", "inventory-empty", NULL), OK);
    assert_string_equal(read.id, event.envelope.id);
    assert_string_equal(read.source, "/order-service");
    assert_string_equal(read.correlation, "ORDER-123");
    assert_string_equal(read.causation, cause.id);
}

static void outbox_append_action__names_the_service_and_its_action(void **state) {
    struct fixture *fixture = *state;
    static const char payload[] = "{\"serviceName\":\"order-service\",\"action\":\"new-order\"}";
    struct outbox_row row;
    assert_int_equal(outbox_append_action(fixture->outbox, "new-order", NULL, &fixture->err), OK);
    assert_true(next(fixture, &row));
    assert_string_equal(row.record.topic, "actions");
    assert_bytes(&row.record.value, &(struct bytes){payload, sizeof payload - 1});
}

static void outbox_reader_next__gives_rows_in_order_and_finds_later_ones_later(void **state) {
    struct fixture *fixture = *state;
    struct outbox_row row;
    assert_false(next(fixture, &row));
    append_records(fixture, 2);
    assert_true(next(fixture, &row));
    assert_int_equal(row.seq, 1);
    outbox_reader_pause(fixture->reader);
    append_records(fixture, 1);
    for (int64_t seq = 2; seq <= 3; seq++) {
        assert_true(next(fixture, &row));
        assert_int_equal(row.seq, seq);
    }
    assert_false(next(fixture, &row));
    append_records(fixture, 1);
    assert_true(next(fixture, &row));
    assert_int_equal(row.seq, 4);
}

static void outbox_reader_seek__goes_back_and_forth(void **state) {
    struct fixture *fixture = *state;
    struct outbox_row row;
    append_records(fixture, 3);
    outbox_reader_seek(fixture->reader, 2);
    assert_true(next(fixture, &row));
    assert_int_equal(row.seq, 3);
    outbox_reader_seek(fixture->reader, 0);
    assert_true(next(fixture, &row));
    assert_int_equal(row.seq, 1);
}

static void outbox_reader_next__does_not_see_what_was_undone(void **state) {
    struct fixture *fixture = *state;
    struct outbox_row row;
    assert_int_equal(db_exec(fixture->db, "BEGIN", NULL), OK);
    assert_int_equal(outbox_append_action(fixture->outbox, "new-order", NULL, NULL), OK);
    assert_false(next(fixture, &row));
    assert_int_equal(db_exec(fixture->db, "ROLLBACK", NULL), OK);
    assert_false(next(fixture, &row));
}

static void outbox_set_progress__is_read_back_after_a_restart(void **state) {
    struct fixture *fixture = *state;
    struct outbox_progress progress;
    assert_int_equal(outbox_reader_progress(fixture->reader, &progress, NULL), OK);
    assert_string_equal(progress.cluster_id, "");
    assert_int_equal(progress.sent_upto, 0);

    append_records(fixture, 3);
    set_progress(fixture, "cluster-1", 2, 0);
    close_all(fixture);
    open_all(fixture);

    assert_int_equal(outbox_reader_progress(fixture->reader, &progress, NULL), OK);
    assert_string_equal(progress.cluster_id, "cluster-1");
    assert_int_equal(progress.sent_upto, 2);
}

static void collect_place(void *context, const struct record_place *place) {
    struct record_place *places = context;
    assert_string_equal(place->topic, "orders");
    assert_in_range(place->partition, 0, 1);
    places[place->partition] = *place;
}

static void outbox_set_landmark__keeps_the_last_of_each_partition(void **state) {
    struct fixture *fixture = *state;
    static const struct record_place places[] = {
        {"orders", 0, 7, 1000}, {"orders", 1, 8, -1}, {"orders", 0, 9, 2000}};
    struct record_place read[2] = {{NULL, 0, -1, 0}, {NULL, 0, -1, 0}};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(outbox_set_landmark(fixture->outbox, &places[i], &fixture->err), OK);

    assert_int_equal(outbox_read_landmarks(fixture->reader_db, collect_place, read, NULL), OK);
    assert_int_equal(read[0].offset, 9);
    assert_int_equal(read[0].timestamp_ms, 2000);
    assert_int_equal(read[1].offset, 8);
    assert_int_equal(read[1].timestamp_ms, -1);

    assert_int_equal(outbox_forget_landmarks(fixture->outbox, &fixture->err), OK);
    read[0].offset = read[1].offset = -1;
    assert_int_equal(outbox_read_landmarks(fixture->reader_db, collect_place, read, NULL), OK);
    assert_int_equal(read[0].offset, -1);
    assert_int_equal(read[1].offset, -1);
}

static void outbox_backlog__counts_what_was_never_sent_to_any_cluster(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(outbox_backlog(fixture->outbox), 0);
    append_records(fixture, 5);
    assert_int_equal(outbox_backlog(fixture->outbox), 5);
    set_progress(fixture, "cluster-1", 3, 0);
    assert_int_equal(outbox_backlog(fixture->outbox), 2);

    set_progress(fixture, "cluster-2", 0, 0);
    assert_int_equal(outbox_backlog(fixture->outbox), 2);
    close_all(fixture);
    open_all(fixture);
    assert_int_equal(outbox_backlog(fixture->outbox), 2);
    append_records(fixture, 1);
    assert_int_equal(outbox_backlog(fixture->outbox), 3);
}

static void outbox_backlog__leaves_out_what_was_undone(void **state) {
    struct fixture *fixture = *state;
    const struct outbox_progress progress = {.cluster_id = "cluster-1", .sent_upto = 1};
    append_records(fixture, 2);
    assert_int_equal(db_exec(fixture->db, "BEGIN", NULL), OK);
    assert_int_equal(outbox_append_action(fixture->outbox, "new-order", NULL, NULL), OK);
    assert_int_equal(outbox_set_progress(fixture->outbox, &progress, 0, NULL), OK);
    assert_int_equal(outbox_backlog(fixture->outbox), 2);
    assert_int_equal(db_exec(fixture->db, "ROLLBACK", NULL), OK);

    outbox_committed(fixture->outbox);

    assert_int_equal(outbox_backlog(fixture->outbox), 2);
}

static void outbox_set_progress__deletes_sent_rows_that_are_old_some_at_a_time(void **state) {
    struct fixture *fixture = *state;
    const int64_t sent_upto = ROWS_PRUNED_AT_ONCE + 300, last = sent_upto + 200;
    append_records(fixture, (int)last);

    set_progress(fixture, "cluster-1", sent_upto, INT64_MAX);
    assert_range(fixture, ROWS_PRUNED_AT_ONCE + 1, last);
    set_progress(fixture, "cluster-1", sent_upto, INT64_MAX);
    assert_range(fixture, sent_upto, last);
    set_progress(fixture, "cluster-1", sent_upto, INT64_MAX);
    assert_range(fixture, sent_upto, last);
}

static void outbox_set_progress__keeps_sent_rows_that_are_young(void **state) {
    struct fixture *fixture = *state;
    append_records(fixture, 3);
    assert_int_equal(db_exec(fixture->db,
                             "UPDATE outbox SET created_ms = created_ms - 60000 WHERE seq <= 2",
                             NULL),
                     OK);
    set_progress(fixture, "cluster-1", 3, clock_now_ms() - 30000);
    assert_range(fixture, 3, 3);
}

static void outbox_reader_range__leaves_out_rows_before_the_time(void **state) {
    struct fixture *fixture = *state;
    int64_t first, last, now_ms = clock_now_ms();
    append_records(fixture, 4);
    assert_int_equal(db_exec(fixture->db,
                             "UPDATE outbox SET created_ms = created_ms - 60000 WHERE seq <= 2",
                             NULL),
                     OK);
    assert_int_equal(
        outbox_reader_range(fixture->reader, now_ms - 30000, &first, &last, &fixture->err), OK);
    assert_int_equal(first, 3);
    assert_int_equal(last, 4);
    assert_int_equal(
        outbox_reader_range(fixture->reader, now_ms + 60000, &first, &last, &fixture->err), OK);
    assert_int_equal(first, 0);
    assert_int_equal(last, 0);
}

static void outbox__goes_on_counting_behind_the_one_row_that_is_kept(void **state) {
    struct fixture *fixture = *state;
    append_records(fixture, 3);
    set_progress(fixture, "cluster-1", 3, INT64_MAX);
    assert_range(fixture, 3, 3);
    close_all(fixture);
    open_all(fixture);
    assert_int_equal(outbox_backlog(fixture->outbox), 0);

    append_records(fixture, 1);

    assert_range(fixture, 3, 4);
    assert_int_equal(outbox_backlog(fixture->outbox), 1);
}

/* The first rows of all, and undone: the next ones have their numbers. */
static void outbox__counts_from_where_it_was_when_its_first_rows_are_undone(void **state) {
    struct fixture *fixture = *state;
    const struct record record = {.topic = "orders", .value = {"x", 1}};
    for (int round = 0; round < 2; round++) {
        assert_int_equal(db_exec(fixture->db, "BEGIN", NULL), OK);
        for (int i = 1; i <= 2; i++) {
            assert_int_equal(outbox_append_record(fixture->outbox, "id", &record, NULL), OK);
            assert_int_equal(outbox_last_seq(fixture->outbox), i);
        }
        assert_int_equal(db_exec(fixture->db, "ROLLBACK", NULL), OK);
    }
}

/* A database of the second version: it has numbered `n` rows, each with a packed
 * header, and kept those behind `pruned_upto`. */
static void make_older_database(struct fixture *fixture, int n, int pruned_upto) {
    struct db *db;
    char sql[512];
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE numbers(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers"
             " LIMIT %d) INSERT INTO outbox SELECT seq, 'id', 'order', NULL, 'new-order', NULL,"
             " 'orders', x'63655f6964000100000078', 0 FROM numbers;"
             "DELETE FROM outbox WHERE seq <= %d;"
             "UPDATE outbox_state SET sent_upto = %d, ever_sent_upto = %d",
             n, pruned_upto, pruned_upto, pruned_upto);
    folder_path(&fixture->folder, "older.db", fixture->path);
    assert_int_equal(db_open_writer(fixture->path, &(struct db_schema){steps, 2}, &db, NULL), OK);
    assert_int_equal(db_exec(db, sql, NULL), OK);
    db_close(db);
}

static void outbox_schema_3__keeps_rows_and_goes_on_counting_behind_them(void **state) {
    struct fixture *fixture = *state;
    struct outbox_row row;
    close_all(fixture);
    make_older_database(fixture, 7, 4);
    open_all(fixture);
    assert_range(fixture, 5, 7);
    append_records(fixture, 1);
    assert_range(fixture, 5, 8);
    outbox_reader_seek(fixture->reader, 4);
    assert_true(next(fixture, &row));
    assert_int_equal(row.record.n_headers, 1);
    assert_string_equal(row.record.headers[0].name, "ce_id");
    assert_bytes(&row.record.headers[0].value, &(struct bytes){"x", 1});
}

static void outbox_schema_3__goes_on_counting_when_all_rows_were_pruned(void **state) {
    struct fixture *fixture = *state;
    close_all(fixture);
    make_older_database(fixture, 7, 7);
    open_all(fixture);
    assert_range(fixture, 0, 0);
    append_records(fixture, 2);
    assert_range(fixture, 8, 9);
}

#define WITH_OUTBOX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_OUTBOX(outbox_set_progress__notes_when_a_row_was_sent_for_the_first_time),
        WITH_OUTBOX(outbox_set_progress__forgets_when_rows_were_sent),
        WITH_OUTBOX(outbox_append_record__is_read_back_byte_for_byte),
        WITH_OUTBOX(outbox_append_record__tells_null_from_empty_values),
        WITH_OUTBOX(outbox_append_record__keeps_as_many_headers_as_a_record_has),
        WITH_OUTBOX(outbox_append__makes_the_envelope_and_the_record_of_an_event),
        WITH_OUTBOX(outbox_append_action__names_the_service_and_its_action),
        WITH_OUTBOX(outbox_reader_next__gives_rows_in_order_and_finds_later_ones_later),
        WITH_OUTBOX(outbox_reader_seek__goes_back_and_forth),
        WITH_OUTBOX(outbox_reader_next__does_not_see_what_was_undone),
        WITH_OUTBOX(outbox_set_progress__is_read_back_after_a_restart),
        WITH_OUTBOX(outbox_set_landmark__keeps_the_last_of_each_partition),
        WITH_OUTBOX(outbox_backlog__counts_what_was_never_sent_to_any_cluster),
        WITH_OUTBOX(outbox_backlog__leaves_out_what_was_undone),
        WITH_OUTBOX(outbox_set_progress__deletes_sent_rows_that_are_old_some_at_a_time),
        WITH_OUTBOX(outbox_set_progress__keeps_sent_rows_that_are_young),
        WITH_OUTBOX(outbox_reader_range__leaves_out_rows_before_the_time),
        WITH_OUTBOX(outbox__goes_on_counting_behind_the_one_row_that_is_kept),
        WITH_OUTBOX(outbox__counts_from_where_it_was_when_its_first_rows_are_undone),
        WITH_OUTBOX(outbox_schema_3__keeps_rows_and_goes_on_counting_behind_them),
        WITH_OUTBOX(outbox_schema_3__goes_on_counting_when_all_rows_were_pruned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
