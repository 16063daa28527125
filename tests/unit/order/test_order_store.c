#include "order/adapters/order_store.h"

#include "event/codec.h"
#include "order/adapters/customer_index.h"
#include "store/outbox.h"
#include "unit/store/folder.h"

enum {
    RUN = CUSTOMER_RUN,
    N_CUSTOMERS = 90,
    TRANSACTION = 256, /* orders, so that runs begin between transactions and within */
};

#define ANOTHER "ANOTHER" /* a customer before all others */

/* As the first version with an index by customer, and as the one with the table. */
static const char *const steps[] = {
    OUTBOX_SCHEMA ORDER_STORE_SCHEMA OUTBOX_SCHEMA_2 ORDER_STORE_SCHEMA_2,
    CUSTOMER_INDEX_SCHEMA,
};

struct fixture {
    struct folder folder;
    struct db *db, *reader_db;
    struct order_store *store, *reader;
    int64_t n; /* orders, also those that were undone */
    struct error err;
};

static void open_stores(struct fixture *fixture) {
    const struct db_schema schema = {steps, sizeof steps / sizeof *steps};
    struct error *err = &fixture->err;
    char path[128];
    folder_path(&fixture->folder, "order.db", path);
    if (db_open_writer(path, &schema, &fixture->db, err) != OK ||
        order_store_open(fixture->db, &fixture->store, err) != OK ||
        db_open_reader(path, &fixture->reader_db, err) != OK ||
        order_store_open(fixture->reader_db, &fixture->reader, err) != OK)
        fail_msg("%s", err->text);
}

/* What is open is undone, as after a crash. */
static void close_stores(struct fixture *fixture) {
    order_store_close(fixture->store);
    order_store_close(fixture->reader);
    db_close(fixture->reader_db);
    db_close(fixture->db);
}

static int set_up(void **state) {
    static struct fixture fixture;
    fixture.n = 0;
    folder_make(&fixture.folder);
    open_stores(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    close_stores(fixture);
    folder_remove(&fixture->folder);
    return 0;
}

static void execute(struct fixture *fixture, const char *sql) {
    if (db_exec(fixture->db, sql, &fixture->err) != OK)
        fail_msg("%s: %s", sql, fixture->err.text);
}

static int64_t number(struct fixture *fixture, const char *sql) {
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    assert_int_equal(db_prepare(fixture->db, sql, &stmt, &fixture->err), OK);
    assert_int_equal(db_step(stmt, &row, &fixture->err), OK);
    int64_t value = row ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return value;
}

static void add(struct fixture *fixture, const char *customer_id) {
    struct stored_order order = {.order = {.n_lines = 1}};
    struct strbuf payload;
    strbuf_init(&payload);
    snprintf(order.order.order_id, ID_SIZE, "ORDER-%lld", (long long)++fixture->n);
    strcpy(order.order.customer_id, customer_id);
    order.order.lines[0] = (struct order_line){"PRODUCT-1", 1, 2650};
    order_encode(&order.order, &payload);
    if (order_store_add(fixture->store, &order, &payload, &fixture->err) != OK)
        fail_msg("%s", fixture->err.text);
    strbuf_release(&payload);
}

static const char *customer(int64_t i) {
    static char id[ID_SIZE];
    snprintf(id, sizeof id, "CUSTOMER-%lld", (long long)(i * i % N_CUSTOMERS));
    return id;
}

/* Orders of many customers, some of whom have far more than others. */
static void add_many(struct fixture *fixture, int64_t n) {
    for (; n > 0; n--)
        add(fixture, customer(fixture->n));
}

static void accept_orders(struct fixture *fixture, int64_t n) {
    for (; n > 0; n -= TRANSACTION) {
        execute(fixture, "BEGIN IMMEDIATE");
        add_many(fixture, n < TRANSACTION ? n : TRANSACTION);
        execute(fixture, "COMMIT");
    }
}

/* Orders of another customer, which are undone. */
static void accept_and_undo(struct fixture *fixture, int64_t n) {
    execute(fixture, "BEGIN IMMEDIATE");
    for (; n > 0; n--)
        add(fixture, ANOTHER);
    execute(fixture, "ROLLBACK");
}

struct listing {
    int64_t n, seqs[5 * RUN];
};

static bool note(void *context, const struct stored_order *order) {
    struct listing *listing = context;
    listing->seqs[listing->n++] = order->seq;
    return true;
}

static const struct listing *list(struct fixture *fixture, const char *customer_id, int64_t after,
                                  int64_t limit) {
    static struct listing listing;
    listing.n = 0;
    if (order_store_list(fixture->reader, customer_id, after, limit, note, &listing,
                         &fixture->err) != OK)
        fail_msg("%s", fixture->err.text);
    return &listing;
}

/* As the rows have them, without any index. */
static const struct listing *read_orders(struct fixture *fixture, const char *customer_id) {
    static struct listing listing;
    sqlite3_stmt *stmt = NULL;
    const char *sql = "SELECT seq FROM orders WHERE customer_id = ? ORDER BY seq";
    assert_int_equal(db_prepare(fixture->db, sql, &stmt, &fixture->err), OK);
    db_bind_text(stmt, 1, customer_id);
    listing.n = 0;
    for (bool row; db_step(stmt, &row, &fixture->err) == OK && row; listing.n++)
        listing.seqs[listing.n] = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return &listing;
}

/* Page by page, as a client asks. */
static void assert_listed(struct fixture *fixture, const char *customer_id, int64_t limit) {
    const struct listing *orders = read_orders(fixture, customer_id);
    int64_t n = 0;
    for (const struct listing *page = NULL; !page || page->n > 0; n += page->n) {
        page = list(fixture, customer_id, n > 0 ? orders->seqs[n - 1] : 0, limit);
        assert_int_equal(page->n, orders->n - n < limit ? orders->n - n : limit);
        assert_memory_equal(page->seqs, orders->seqs + n, (size_t)page->n * sizeof(int64_t));
    }
    assert_int_equal(n, orders->n);
}

static void assert_all_listed(struct fixture *fixture) {
    for (int64_t i = 0; i < N_CUSTOMERS; i++)
        assert_listed(fixture, customer(i), 100);
    assert_listed(fixture, ANOTHER, 100);
}

/* The table has the orders of all runs but the last two, and of the one before the
 * last as many as the last one has. */
static void assert_table_follows(struct fixture *fixture) {
    int64_t n = number(fixture, "SELECT max(seq) FROM orders");
    char sql[200];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM orders LEFT JOIN customer_orders USING (customer_id, seq)"
             " WHERE seq <= %lld AND customer_orders.seq IS NULL",
             (long long)(((n - 1) / RUN - 1) * RUN));
    assert_int_equal(number(fixture, "SELECT count(*) FROM customer_orders"),
                     n > RUN ? n - RUN : 0);
    assert_int_equal(number(fixture, "SELECT count(*) FROM customer_orders LEFT JOIN orders"
                                     " USING (customer_id, seq) WHERE order_id IS NULL"),
                     0);
    assert_int_equal(number(fixture, sql), 0);
}

static void order_store__lists_an_order_as_soon_as_it_is_committed(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(list(fixture, "CUSTOMER-1", 0, 10)->n, 0);
    execute(fixture, "BEGIN IMMEDIATE");
    add(fixture, "CUSTOMER-1");
    assert_int_equal(list(fixture, "CUSTOMER-1", 0, 10)->n, 0);
    execute(fixture, "COMMIT");
    assert_int_equal(list(fixture, "CUSTOMER-1", 0, 10)->n, 1);
    for (int64_t n = 1; n < 2 * RUN + 2; n++) {
        if (n % TRANSACTION == 1)
            execute(fixture, "BEGIN IMMEDIATE");
        add(fixture, "CUSTOMER-1");
        if (n % TRANSACTION != 0 && n < 2 * RUN + 1)
            continue;
        execute(fixture, "COMMIT");
        assert_int_equal(list(fixture, "CUSTOMER-1", n - 1, 10)->n, 2);
    }
}

static void order_store__lists_each_customers_orders_in_sequence_across_runs(void **state) {
    static const int64_t totals[] = {RUN - 1,     RUN,     RUN + 1,          2 * RUN,
                                     2 * RUN + 1, 3 * RUN, 3 * RUN + RUN / 2};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        accept_orders(fixture, totals[i] - fixture->n);
        assert_all_listed(fixture);
        assert_table_follows(fixture);
    }
}

static void order_store__lists_the_same_when_the_reader_looks_for_the_first_time(void **state) {
    struct fixture *fixture = *state;
    accept_orders(fixture, 3 * RUN + 5);
    assert_all_listed(fixture);
}

static void order_store__begins_a_page_anywhere(void **state) {
    struct fixture *fixture = *state;
    const int64_t n = 3 * RUN + RUN / 2;
    for (int64_t i = 0; i < n; i += TRANSACTION) {
        execute(fixture, "BEGIN IMMEDIATE");
        for (int64_t j = 0; j < TRANSACTION && i + j < n; j++)
            add(fixture, "CUSTOMER-1");
        execute(fixture, "COMMIT");
    }
    const int64_t ends[] = {0, RUN, 2 * RUN, 3 * RUN};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        for (int64_t after = ends[i] > 3 ? ends[i] - 3 : 0; after < ends[i] + 3; after++) {
            const struct listing *page = list(fixture, "CUSTOMER-1", after, 4);
            assert_int_equal(page->n, 4);
            for (int64_t j = 0; j < 4; j++)
                assert_int_equal(page->seqs[j], after + 1 + j);
        }
    }
    assert_int_equal(list(fixture, "CUSTOMER-1", n - 2, 4)->n, 2);
    assert_int_equal(list(fixture, "CUSTOMER-1", n, 4)->n, 0);
    assert_int_equal(list(fixture, "CUSTOMER-1", INT64_MAX, 4)->n, 0);
    assert_int_equal(list(fixture, "CUSTOMER-1", 0, 0)->n, 0);
}

static void order_store__goes_on_where_it_was_when_it_is_opened_again(void **state) {
    static const int64_t totals[] = {1,           RUN - 1,     RUN,    RUN + RUN / 3,
                                     2 * RUN - 1, 2 * RUN + 1, 3 * RUN};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        accept_orders(fixture, totals[i] - fixture->n);
        close_stores(fixture);
        open_stores(fixture);
        assert_table_follows(fixture);
    }
    accept_orders(fixture, RUN);
    assert_all_listed(fixture);
    assert_table_follows(fixture);
}

static void order_store__goes_on_within_its_first_run_when_it_is_opened_again(void **state) {
    struct fixture *fixture = *state;
    accept_orders(fixture, 5);
    close_stores(fixture);
    open_stores(fixture);
    accept_orders(fixture, 2 * RUN);
    assert_all_listed(fixture);
    assert_table_follows(fixture);
}

/* What is written together is together in the table. */
static void order_store__brings_a_run_into_the_table_in_its_order(void **state) {
    struct fixture *fixture = *state;
    accept_orders(fixture, RUN + RUN / 2);
    assert_int_equal(number(fixture, "SELECT count(*) FROM customer_orders"), RUN / 2);
    char sql[200];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM orders WHERE seq <= %d AND (customer_id, seq) <="
             " (SELECT customer_id, seq FROM customer_orders"
             " ORDER BY customer_id DESC, seq DESC LIMIT 1)",
             RUN);
    assert_int_equal(number(fixture, sql), RUN / 2);
}

/* Also where transactions had begun a run, and the next one brings others in their place. */
static void order_store__forgets_what_an_undone_transaction_added(void **state) {
    static const int64_t totals[] = {10, RUN - 5, RUN, 2 * RUN - 5, 2 * RUN, 2 * RUN + 1000};
    struct fixture *fixture = *state;
    int64_t n_stored = 0;
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        accept_orders(fixture, totals[i] - n_stored);
        n_stored = totals[i];
        accept_and_undo(fixture, 20);
        assert_table_follows(fixture);
        accept_and_undo(fixture, 3);
    }
    accept_orders(fixture, 2 * RUN);
    assert_all_listed(fixture);
    assert_table_follows(fixture);
}

static void order_store__lists_no_order_of_another_whose_id_hashes_alike(void **state) {
    struct fixture *fixture = *state;
    execute(fixture, "BEGIN IMMEDIATE");
    add(fixture, "CUSTOMER-HLMVRY");
    add(fixture, "CUSTOMER-ZCGPHN");
    add(fixture, "CUSTOMER-HLMVRY");
    execute(fixture, "COMMIT");
    assert_listed(fixture, "CUSTOMER-HLMVRY", 2);
    assert_listed(fixture, "CUSTOMER-ZCGPHN", 1);
}

/* As a version before the table left it: an index, and orders of any number. */
static void order_store__takes_over_the_orders_of_an_older_version(void **state) {
    struct fixture *fixture = *state;
    const int64_t n = 2 * RUN + RUN / 2;
    accept_orders(fixture, n);
    execute(fixture, "DROP TABLE customer_orders;"
                     "CREATE INDEX orders_by_customer ON orders (customer_id, seq);"
                     "PRAGMA user_version = 1");
    close_stores(fixture);
    open_stores(fixture);
    assert_int_equal(number(fixture, "SELECT count(*) FROM customer_orders"), n);
    assert_all_listed(fixture);
    accept_orders(fixture, RUN);
    assert_all_listed(fixture);
    accept_orders(fixture, RUN);
    assert_all_listed(fixture);
    assert_table_follows(fixture);
}

static void order_store__lists_the_orders_of_all_in_sequence(void **state) {
    struct fixture *fixture = *state;
    accept_orders(fixture, 30);
    const struct listing *page = list(fixture, NULL, 10, 15);
    assert_int_equal(page->n, 15);
    for (int64_t i = 0; i < page->n; i++)
        assert_int_equal(page->seqs[i], 11 + i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(order_store__lists_an_order_as_soon_as_it_is_committed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            order_store__lists_each_customers_orders_in_sequence_across_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            order_store__lists_the_same_when_the_reader_looks_for_the_first_time, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(order_store__begins_a_page_anywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_store__goes_on_where_it_was_when_it_is_opened_again,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            order_store__goes_on_within_its_first_run_when_it_is_opened_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_store__brings_a_run_into_the_table_in_its_order,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_store__forgets_what_an_undone_transaction_added,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            order_store__lists_no_order_of_another_whose_id_hashes_alike, set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_store__takes_over_the_orders_of_an_older_version,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_store__lists_the_orders_of_all_in_sequence, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
