#include "store/inbox.h"

#include "unit/store/folder.h"

/* Events that are looked at for each that comes in. */
enum { LOOKS_AN_INSERT = 3 };

static const char *const steps[] = {INBOX_SCHEMA, INBOX_SCHEMA_2, INBOX_SCHEMA_3};
enum { N_STEPS = sizeof steps / sizeof *steps };

struct fixture {
    struct folder folder;
    char path[128];
    struct db *db;
    struct inbox *inbox;
    struct error err;
};

static void open_all(struct fixture *fixture) {
    struct error *err = &fixture->err;
    if (db_open_writer(fixture->path, &(struct db_schema){steps, N_STEPS}, &fixture->db, err) !=
            OK ||
        inbox_open(fixture->db, &fixture->inbox, err) != OK)
        fail_msg("%s", err->text);
}

static void close_all(struct fixture *fixture) {
    inbox_close(fixture->inbox);
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

static bool insert(struct fixture *fixture, const char *id, const char *source) {
    struct envelope envelope = {.time_ms = 1};
    bool is_new = false;
    strcpy(envelope.id, id);
    strcpy(envelope.source, source);
    assert_int_equal(inbox_insert(fixture->inbox, &envelope, &is_new, &fixture->err), OK);
    return is_new;
}

static bool reject(struct fixture *fixture, const char *cluster_id, const char *topic,
                   int32_t partition, int64_t offset) {
    const struct record record = {.topic = topic, .partition = partition, .offset = offset};
    bool is_new = false;
    assert_int_equal(
        inbox_reject(fixture->inbox, cluster_id, &record, "no JSON", &is_new, &fixture->err), OK);
    return is_new;
}

static void set_position(struct fixture *fixture, const char *cluster_id, const char *topic,
                         int32_t partition, int64_t offset) {
    const struct record_place last = {topic, partition, offset, offset + 1000};
    assert_int_equal(inbox_set_position(fixture->inbox, cluster_id, &last, &fixture->err), OK);
}

/* Its offset; a time is known for each. */
static int64_t get_position(struct fixture *fixture, const char *cluster_id, const char *topic,
                            int32_t partition) {
    struct record_place last = {.topic = topic, .partition = partition};
    assert_int_equal(inbox_get_position(fixture->inbox, cluster_id, &last, &fixture->err), OK);
    assert_int_equal(last.timestamp_ms, last.offset >= 0 ? last.offset + 1000 : -1);
    return last.offset;
}

static int64_t count(struct fixture *fixture, const char *condition) {
    char sql[200];
    sqlite3_stmt *stmt;
    bool row;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM inbox WHERE %s", condition);
    assert_int_equal(db_prepare(fixture->db, sql, &stmt, NULL), OK);
    assert_int_equal(db_step(stmt, &row, NULL), OK);
    int64_t n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return n;
}

static int64_t count_events(struct fixture *fixture) {
    return count(fixture, "TRUE");
}

static void inbox_insert__knows_an_event_by_its_id_and_source_together(void **state) {
    struct fixture *fixture = *state;
    assert_true(insert(fixture, "1", "/order-service"));
    assert_false(insert(fixture, "1", "/order-service"));
    assert_true(insert(fixture, "1", "/another-service"));
    assert_true(insert(fixture, "1", ""));
    assert_true(insert(fixture, "2", "/order-service"));
    assert_false(insert(fixture, "1", "/order-service"));
}

static void inbox_insert__knows_an_event_after_a_restart(void **state) {
    struct fixture *fixture = *state;
    assert_true(insert(fixture, "1", "/order-service"));
    close_all(fixture);
    open_all(fixture);
    assert_false(insert(fixture, "1", "/order-service"));
}

static void inbox_insert__knows_the_events_of_an_older_version(void **state) {
    struct fixture *fixture = *state;
    close_all(fixture);
    folder_path(&fixture->folder, "old.db", fixture->path);
    struct db *old;
    assert_int_equal(db_open_writer(fixture->path, &(struct db_schema){steps, 2}, &old, NULL), OK);
    assert_int_equal(db_exec(old,
                             "INSERT INTO inbox (event_id, source, received_ms) VALUES"
                             " ('1', '/order-service', 1), ('1', '/another-service', 2)",
                             NULL),
                     OK);
    db_close(old);
    open_all(fixture);
    assert_false(insert(fixture, "1", "/order-service"));
    assert_false(insert(fixture, "1", "/another-service"));
    assert_int_equal(count(fixture, "received_ms IN (1, 2)"), 2);
    assert_true(insert(fixture, "2", "/order-service"));
}

static void inbox_insert__forgets_an_event_whose_transaction_was_undone(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(db_exec(fixture->db, "BEGIN", NULL), OK);
    assert_true(insert(fixture, "1", "/order-service"));
    assert_int_equal(db_exec(fixture->db, "ROLLBACK", NULL), OK);
    assert_true(insert(fixture, "1", "/order-service"));
}

static void inbox_reject__knows_a_record_by_its_place(void **state) {
    struct fixture *fixture = *state;
    assert_true(reject(fixture, "cluster-1", "orders", 0, 7));
    assert_false(reject(fixture, "cluster-1", "orders", 0, 7));
    assert_true(reject(fixture, "cluster-1", "orders", 0, 8));
    assert_true(reject(fixture, "cluster-1", "orders", 1, 7));
    assert_true(reject(fixture, "cluster-1", "actions", 0, 7));
    assert_true(reject(fixture, "cluster-2", "orders", 0, 7));
}

static void inbox_reject__leaves_the_events_id_free_for_its_replay(void **state) {
    struct fixture *fixture = *state;
    const struct record record = {
        .topic = "orders", .offset = 7, .n_headers = 1, .headers = {{"ce_id", {"1", 1}}}};
    bool is_new = false;
    assert_int_equal(
        inbox_reject(fixture->inbox, "cluster-1", &record, "no JSON", &is_new, &fixture->err), OK);
    assert_true(is_new);
    assert_true(insert(fixture, "1", "/order-service"));
}

static void inbox_get_position__keeps_each_partition_of_each_cluster_apart(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(get_position(fixture, "cluster-1", "orders", 0), -1);
    set_position(fixture, "cluster-1", "orders", 0, 10);
    set_position(fixture, "cluster-1", "orders", 1, 11);
    set_position(fixture, "cluster-1", "actions", 0, 12);
    set_position(fixture, "cluster-2", "orders", 0, 13);
    close_all(fixture);
    open_all(fixture);
    assert_int_equal(get_position(fixture, "cluster-1", "orders", 0), 10);
    assert_int_equal(get_position(fixture, "cluster-1", "orders", 1), 11);
    assert_int_equal(get_position(fixture, "cluster-1", "actions", 0), 12);
    assert_int_equal(get_position(fixture, "cluster-2", "orders", 0), 13);
    assert_int_equal(get_position(fixture, "cluster-2", "orders", 1), -1);
}

static void inbox_set_position__goes_forward_and_back(void **state) {
    struct fixture *fixture = *state;
    set_position(fixture, "cluster-1", "orders", 0, 10);
    set_position(fixture, "cluster-1", "orders", 0, 20);
    assert_int_equal(get_position(fixture, "cluster-1", "orders", 0), 20);
    set_position(fixture, "cluster-1", "orders", 0, 0);
    assert_int_equal(get_position(fixture, "cluster-1", "orders", 0), 0);
}

static void make_old(struct fixture *fixture, const char *condition) {
    char sql[200];
    snprintf(sql, sizeof sql, "UPDATE inbox SET received_ms = received_ms - 60000 WHERE %s",
             condition);
    assert_int_equal(db_exec(fixture->db, sql, NULL), OK);
}

/* What make_old has made old. */
static void prune_old(struct fixture *fixture) {
    assert_int_equal(inbox_prune(fixture->inbox, clock_now_ms() - 30000, &fixture->err), OK);
}

static void insert_numbers(struct fixture *fixture, int first, int n) {
    char id[16];
    assert_int_equal(db_exec(fixture->db, "BEGIN", NULL), OK);
    for (int i = first; i < first + n; i++) {
        snprintf(id, sizeof id, "%d", i);
        assert_true(insert(fixture, id, "/order-service"));
    }
    assert_int_equal(db_exec(fixture->db, "COMMIT", NULL), OK);
}

static void inbox_prune__keeps_young_events(void **state) {
    struct fixture *fixture = *state;
    insert(fixture, "old", "/order-service");
    insert(fixture, "young", "/order-service");
    insert(fixture, "old", "/another-service");
    make_old(fixture, "event_id = 'old' AND source = '/order-service'");
    prune_old(fixture);
    assert_false(insert(fixture, "young", "/order-service"));
    assert_false(insert(fixture, "old", "/another-service"));
    assert_true(insert(fixture, "old", "/order-service"));
}

/* So that no transaction gets long, however much is old. */
static void inbox_prune__deletes_as_many_as_have_come_in_and_some_more(void **state) {
    struct fixture *fixture = *state;
    enum { N = 100 };
    insert_numbers(fixture, 0, N);
    make_old(fixture, "TRUE");
    close_all(fixture);
    open_all(fixture);
    prune_old(fixture);
    assert_int_equal(count_events(fixture), N);
    insert(fixture, "x", "/order-service");
    prune_old(fixture);
    assert_int_equal(count_events(fixture), N - LOOKS_AN_INSERT + 1);
    insert(fixture, "y", "/order-service");
    insert(fixture, "y", "/order-service");
    prune_old(fixture);
    assert_int_equal(count_events(fixture), N - 3 * LOOKS_AN_INSERT + 2);
}

#define IS_OLD "CAST(event_id AS INTEGER) % 5 = 2"

static void insert_old_and_young(struct fixture *fixture, int first, int n) {
    insert_numbers(fixture, first, n);
    assert_int_equal(
        db_exec(fixture->db, "UPDATE inbox SET received_ms = 1e18 WHERE NOT " IS_OLD, NULL), OK);
}

/* Events come in behind and before what was looked at, and old ones are anywhere. */
static void inbox_prune__finds_each_old_event_within_a_round(void **state) {
    struct fixture *fixture = *state;
    enum { N = 400, STEP = 7, ROUNDS = 3 };
    int n_inserted = N;
    insert_old_and_young(fixture, 0, N);
    for (int round = 0; round < ROUNDS; round++) {
        char old_of_before[80];
        snprintf(old_of_before, sizeof old_of_before, "%s AND CAST(event_id AS INTEGER) < %d",
                 IS_OLD, n_inserted);
        int64_t n_before = count_events(fixture);
        for (int n = 0; n < n_before; n += STEP, n_inserted += STEP) {
            insert_old_and_young(fixture, n_inserted, STEP);
            assert_int_equal(inbox_prune(fixture->inbox, clock_now_ms() + 1000, NULL), OK);
        }
        assert_int_equal(count(fixture, old_of_before), 0);
    }
    assert_int_equal(count(fixture, "NOT " IS_OLD), n_inserted - (n_inserted + 2) / 5);
}

static void inbox_prune__deletes_old_rejections_too(void **state) {
    struct fixture *fixture = *state;
    assert_true(reject(fixture, "cluster-1", "orders", 0, 7));
    assert_int_equal(inbox_prune(fixture->inbox, INT64_MAX, &fixture->err), OK);
    assert_true(reject(fixture, "cluster-1", "orders", 0, 7));
}

#define WITH_INBOX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_INBOX(inbox_insert__knows_an_event_by_its_id_and_source_together),
        WITH_INBOX(inbox_insert__knows_an_event_after_a_restart),
        WITH_INBOX(inbox_insert__knows_the_events_of_an_older_version),
        WITH_INBOX(inbox_insert__forgets_an_event_whose_transaction_was_undone),
        WITH_INBOX(inbox_reject__knows_a_record_by_its_place),
        WITH_INBOX(inbox_reject__leaves_the_events_id_free_for_its_replay),
        WITH_INBOX(inbox_get_position__keeps_each_partition_of_each_cluster_apart),
        WITH_INBOX(inbox_set_position__goes_forward_and_back),
        WITH_INBOX(inbox_prune__keeps_young_events),
        WITH_INBOX(inbox_prune__deletes_as_many_as_have_come_in_and_some_more),
        WITH_INBOX(inbox_prune__finds_each_old_event_within_a_round),
        WITH_INBOX(inbox_prune__deletes_old_rejections_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
