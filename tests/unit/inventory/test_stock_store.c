#include "inventory/adapters/stock_store.h"

#include "unit/store/folder.h"

enum { MANY = 600 }; /* more products than a store holds at once */

static const char *const steps[] = {STOCK_STORE_SCHEMA STOCK_STORE_SCHEMA_2};

struct fixture {
    struct folder folder;
    struct db *db;
    struct stock_store *store;
    struct error err;
};

static int set_up(void **state) {
    static struct fixture fixture;
    char path[128];
    folder_make(&fixture.folder);
    folder_path(&fixture.folder, "inventory.db", path);
    if (db_open_writer(path, &(struct db_schema){steps, 1}, &fixture.db, &fixture.err) != OK ||
        stock_store_open(fixture.db, &fixture.store, &fixture.err) != OK)
        fail_msg("%s", fixture.err.text);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    stock_store_close(fixture->store);
    db_close(fixture->db);
    folder_remove(&fixture->folder);
    return 0;
}

static void begin(struct fixture *fixture) {
    assert_int_equal(db_exec(fixture->db, "BEGIN IMMEDIATE", &fixture->err), OK);
    stock_store_begin(fixture->store);
}

static void commit(struct fixture *fixture) {
    assert_int_equal(stock_store_end(fixture->store, &fixture->err), OK);
    assert_int_equal(db_exec(fixture->db, "COMMIT", &fixture->err), OK);
}

/* Takes pieces off the stock and returns what is left. */
static int64_t sell(struct fixture *fixture, const char *product_id, int32_t quantity) {
    struct ledger_entry entry = {.event_id = "event", .order_id = "ORDER-1"};
    int64_t stock;
    assert_int_equal(
        stock_store_hold(fixture->store, product_id, STOCK_FULL, &stock, &fixture->err), OK);
    strcpy(entry.product_id, product_id);
    entry.movement = (struct movement){MOVEMENT_SALE, -quantity, stock - quantity};
    assert_int_equal(stock_store_move(fixture->store, &entry, &fixture->err), OK);
    return stock - quantity;
}

static void assert_stored(struct fixture *fixture, const char *product_id, int64_t expected) {
    int64_t stock = -1;
    bool found = false;
    assert_int_equal(stock_store_get(fixture->store, product_id, &stock, &found, &fixture->err),
                     OK);
    assert_true(found);
    assert_int_equal(stock, expected);
}

static void stock_store__stores_what_a_batch_leaves_of_each_product(void **state) {
    struct fixture *fixture = *state;
    begin(fixture);
    assert_int_equal(sell(fixture, "PRODUCT-1", 2), STOCK_FULL - 2);
    assert_int_equal(sell(fixture, "PRODUCT-2", 1), STOCK_FULL - 1);
    assert_int_equal(sell(fixture, "PRODUCT-1", 3), STOCK_FULL - 5);
    commit(fixture);
    begin(fixture);
    assert_int_equal(sell(fixture, "PRODUCT-1", 1), STOCK_FULL - 6);
    commit(fixture);
    assert_stored(fixture, "PRODUCT-1", STOCK_FULL - 6);
    assert_stored(fixture, "PRODUCT-2", STOCK_FULL - 1);
}

static void stock_store__forgets_what_an_undone_batch_sold(void **state) {
    struct fixture *fixture = *state;
    begin(fixture);
    sell(fixture, "PRODUCT-1", 2);
    commit(fixture);
    begin(fixture);
    sell(fixture, "PRODUCT-1", 3);
    sell(fixture, "PRODUCT-2", 3);
    assert_int_equal(db_exec(fixture->db, "ROLLBACK", &fixture->err), OK);
    begin(fixture);
    assert_int_equal(sell(fixture, "PRODUCT-1", 1), STOCK_FULL - 3);
    assert_int_equal(sell(fixture, "PRODUCT-2", 1), STOCK_FULL - 1);
    commit(fixture);
    assert_stored(fixture, "PRODUCT-1", STOCK_FULL - 3);
    assert_stored(fixture, "PRODUCT-2", STOCK_FULL - 1);
}

static void stock_store__loses_nothing_when_a_batch_has_more_products_than_it_holds(void **state) {
    struct fixture *fixture = *state;
    char product_id[ID_SIZE];
    begin(fixture);
    for (int i = 0; i < 2 * MANY; i++) {
        snprintf(product_id, sizeof product_id, "PRODUCT-%d", i % MANY);
        sell(fixture, product_id, 1);
    }
    commit(fixture);
    for (int i = 0; i < MANY; i++) {
        snprintf(product_id, sizeof product_id, "PRODUCT-%d", i);
        assert_stored(fixture, product_id, STOCK_FULL - 2);
    }
}

struct listing {
    int n;
    char product_ids[3][ID_SIZE];
};

static bool add(void *context, const struct stock_level *level) {
    struct listing *listing = context;
    strcpy(listing->product_ids[listing->n++], level->product_id);
    return true;
}

static void stock_store__numbers_products_as_they_were_first_sold(void **state) {
    struct fixture *fixture = *state;
    struct listing listing = {0};
    begin(fixture);
    sell(fixture, "PRODUCT-C", 1);
    sell(fixture, "PRODUCT-A", 1);
    sell(fixture, "PRODUCT-B", 1);
    commit(fixture);
    assert_int_equal(stock_store_list(fixture->store, 0, 3, add, &listing, &fixture->err), OK);
    assert_int_equal(listing.n, 3);
    assert_string_equal(listing.product_ids[0], "PRODUCT-C");
    assert_string_equal(listing.product_ids[1], "PRODUCT-A");
    assert_string_equal(listing.product_ids[2], "PRODUCT-B");
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_STORE(stock_store__stores_what_a_batch_leaves_of_each_product),
        WITH_STORE(stock_store__forgets_what_an_undone_batch_sold),
        WITH_STORE(stock_store__loses_nothing_when_a_batch_has_more_products_than_it_holds),
        WITH_STORE(stock_store__numbers_products_as_they_were_first_sold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
