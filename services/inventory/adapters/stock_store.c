#include "inventory/adapters/stock_store.h"

#include "base/clock.h"
#include "store/query.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { GET, SET, ENTER, N_STATEMENTS };

static const char *const statements[N_STATEMENTS] = {
    [GET] = "SELECT stock FROM stock WHERE product_id = ?",
    [SET] = "INSERT INTO stock (product_id, stock) VALUES (?,?)"
            " ON CONFLICT (product_id) DO UPDATE SET stock = excluded.stock",
    [ENTER] = "INSERT INTO movements (product_id, event_id, line, kind, delta, stock, order_id,"
              " moved_ms) VALUES (?,?,?,?,?,?,?,?)",
};

/* A product's stock while a batch changes it. */
struct held_stock {
    char product_id[ID_SIZE]; /* "": none */
    int64_t stock;
    bool is_changed; /* and not yet written */
};

/* A product has one place it can be held in, and makes room for another there. */
enum { HELD_MAX = 256 };

struct stock_store {
    struct db *db;
    sqlite3_stmt *stmt[N_STATEMENTS];
    struct held_stock held[HELD_MAX];
};

enum status stock_store_open(struct db *db, struct stock_store **out, struct error *err) {
    struct stock_store *store = calloc(1, sizeof *store);
    if (!store)
        abort();
    store->db = db;
    enum status status = OK;
    for (int i = 0; status == OK && i < N_STATEMENTS; i++)
        status = db_prepare(db, statements[i], &store->stmt[i], err);
    if (status != OK) {
        stock_store_close(store);
        return status;
    }
    *out = store;
    return OK;
}

void stock_store_close(struct stock_store *store) {
    if (!store)
        return;
    for (int i = 0; i < N_STATEMENTS; i++)
        sqlite3_finalize(store->stmt[i]);
    free(store);
}

enum status stock_store_get(struct stock_store *store, const char *product_id, int64_t *out_stock,
                            bool *out_found, struct error *err) {
    sqlite3_stmt *get = store->stmt[GET];
    bool row;
    db_bind_text(get, 1, product_id);
    enum status status = db_step(get, &row, err);
    if (status != OK)
        return status;
    if (row) {
        *out_stock = sqlite3_column_int64(get, 0);
        db_reset(get);
    }
    *out_found = row;
    return OK;
}

static struct held_stock *place_of(struct stock_store *store, const char *product_id) {
    unsigned hash = 5381;
    for (const char *c = product_id; *c; c++)
        hash = hash * 33 ^ (unsigned char)*c;
    return &store->held[hash % HELD_MAX];
}

static enum status set_stock(struct stock_store *store, const char *product_id, int64_t stock,
                             struct error *err) {
    db_bind_text(store->stmt[SET], 1, product_id);
    sqlite3_bind_int64(store->stmt[SET], 2, stock);
    return db_run(store->stmt[SET], err);
}

static enum status write_held(struct stock_store *store, struct held_stock *held,
                              struct error *err) {
    if (!held->is_changed)
        return OK;
    enum status status = set_stock(store, held->product_id, held->stock, err);
    if (status == OK)
        held->is_changed = false;
    return status;
}

void stock_store_begin(struct stock_store *store) {
    memset(store->held, 0, sizeof store->held);
}

enum status stock_store_end(struct stock_store *store, struct error *err) {
    enum status status = OK;
    for (size_t i = 0; status == OK && i < HELD_MAX; i++)
        status = write_held(store, &store->held[i], err);
    return status;
}

enum status stock_store_hold(struct stock_store *store, const char *product_id, int64_t first_stock,
                             int64_t *out_stock, struct error *err) {
    struct held_stock *held = place_of(store, product_id);
    if (strcmp(held->product_id, product_id) == 0) {
        *out_stock = held->stock;
        return OK;
    }
    bool found = false;
    int64_t stock = first_stock;
    enum status status = write_held(store, held, err);
    if (status == OK)
        status = stock_store_get(store, product_id, &stock, &found, err);
    if (status == OK && !found) /* at once: products are numbered as they come */
        status = set_stock(store, product_id, stock, err);
    if (status != OK)
        return status;
    strcpy(held->product_id, product_id);
    *out_stock = held->stock = stock;
    return OK;
}

enum status stock_store_move(struct stock_store *store, struct ledger_entry *entry,
                             struct error *err) {
    sqlite3_stmt *enter = store->stmt[ENTER];
    struct held_stock *held = place_of(store, entry->product_id);
    assert(strcmp(held->product_id, entry->product_id) == 0);
    entry->moved_ms = clock_now_ms();
    db_bind_text(enter, 1, entry->product_id);
    db_bind_text(enter, 2, entry->event_id);
    sqlite3_bind_int64(enter, 3, entry->line);
    db_bind_text(enter, 4, movement_kind_name(entry->movement.kind));
    sqlite3_bind_int64(enter, 5, entry->movement.delta);
    sqlite3_bind_int64(enter, 6, entry->movement.stock);
    db_bind_text(enter, 7, entry->order_id);
    sqlite3_bind_int64(enter, 8, entry->moved_ms);
    enum status status = db_run(enter, err);
    if (status != OK)
        return status;
    entry->seq = sqlite3_last_insert_rowid(sqlite3_db_handle(enter));
    held->stock = entry->movement.stock;
    held->is_changed = true;
    return OK;
}

enum status stock_store_list(struct stock_store *store, int64_t after, int64_t limit,
                             bool (*visit)(void *context, const struct stock_level *level),
                             void *context, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    enum status status = query_prepare(store->db, "SELECT seq, product_id, stock FROM stock", NULL,
                                       0, after, limit, &stmt, err);
    bool row = true;
    while (status == OK && row) {
        status = db_step(stmt, &row, err);
        if (status != OK || !row)
            break;
        struct stock_level level = {.seq = sqlite3_column_int64(stmt, 0),
                                    .stock = sqlite3_column_int64(stmt, 2)};
        db_copy_text(stmt, 1, level.product_id, sizeof level.product_id);
        if (!visit(context, &level))
            break;
    }
    sqlite3_finalize(stmt);
    return status;
}

static void read_entry(sqlite3_stmt *stmt, struct ledger_entry *out) {
    out->seq = sqlite3_column_int64(stmt, 0);
    db_copy_text(stmt, 1, out->product_id, sizeof out->product_id);
    db_copy_text(stmt, 2, out->event_id, sizeof out->event_id);
    out->line = sqlite3_column_int64(stmt, 3);
    out->movement.kind =
        strcmp(db_column_text(stmt, 4), "refill") == 0 ? MOVEMENT_REFILL : MOVEMENT_SALE;
    out->movement.delta = sqlite3_column_int64(stmt, 5);
    out->movement.stock = sqlite3_column_int64(stmt, 6);
    db_copy_text(stmt, 7, out->order_id, sizeof out->order_id);
    out->moved_ms = sqlite3_column_int64(stmt, 8);
}

enum status stock_store_list_movements(struct stock_store *store, const char *product_id,
                                       const char *order_id, int64_t after, int64_t limit,
                                       bool (*visit)(void *context,
                                                     const struct ledger_entry *entry),
                                       void *context, struct error *err) {
    const struct query_filter filters[] = {{"order_id", order_id}, {"product_id", product_id}};
    sqlite3_stmt *stmt = NULL;
    enum status status =
        query_prepare(store->db,
                      "SELECT seq, product_id, event_id, line, kind, delta, stock, order_id,"
                      " moved_ms FROM movements",
                      filters, sizeof filters / sizeof *filters, after, limit, &stmt, err);
    bool row = true;
    while (status == OK && row) {
        struct ledger_entry entry;
        status = db_step(stmt, &row, err);
        if (status != OK || !row)
            break;
        read_entry(stmt, &entry);
        if (!visit(context, &entry))
            break;
    }
    sqlite3_finalize(stmt);
    return status;
}
