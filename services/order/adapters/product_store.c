#include "order/adapters/product_store.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define SELECT_CHANGE "SELECT product_id, kind = 'deleted', name, price_cents FROM product_changes "

struct product_store {
    sqlite3_stmt *add;
    sqlite3_stmt *last;
};

enum status product_store_open(struct db *db, struct product_store **out, struct error *err) {
    struct product_store *store = calloc(1, sizeof *store);
    if (!store)
        abort();
    enum status status =
        db_prepare(db,
                   "INSERT INTO product_changes (product_id, kind, name, price_cents, changed_ms)"
                   " VALUES (?,?,?,?,?)",
                   &store->add, err);
    if (status == OK)
        status = db_prepare(db, SELECT_CHANGE "WHERE product_id = ? ORDER BY seq DESC LIMIT 1",
                            &store->last, err);
    if (status != OK) {
        product_store_close(store);
        return status;
    }
    *out = store;
    return OK;
}

void product_store_close(struct product_store *store) {
    if (!store)
        return;
    sqlite3_finalize(store->add);
    sqlite3_finalize(store->last);
    free(store);
}

enum status product_store_add(struct product_store *store, const struct product_change *change,
                              struct error *err) {
    db_bind_text(store->add, 1, change->product.product_id);
    db_bind_text(store->add, 2, change->is_deleted ? "deleted" : "saved");
    db_bind_text(store->add, 3, change->product.name);
    sqlite3_bind_int64(store->add, 4, change->product.price_cents);
    sqlite3_bind_int64(store->add, 5, clock_now_ms());
    return db_run(store->add, err);
}

static void read_change(sqlite3_stmt *stmt, struct product_change *out) {
    db_copy_text(stmt, 0, out->product.product_id, sizeof out->product.product_id);
    out->is_deleted = sqlite3_column_int(stmt, 1);
    db_copy_text(stmt, 2, out->product.name, sizeof out->product.name);
    out->product.price_cents = sqlite3_column_int64(stmt, 3);
}

enum status product_store_last(struct product_store *store, const char *product_id,
                               struct product_change *out, bool *out_found, struct error *err) {
    db_bind_text(store->last, 1, product_id);
    enum status status = db_step(store->last, out_found, err);
    if (status == OK && *out_found) {
        read_change(store->last, out);
        db_reset(store->last);
    }
    return status;
}

enum status product_store_apply(struct db *db, struct catalogue *catalogue, struct error *err) {
    static const char sql[] =
        SELECT_CHANGE "WHERE seq IN (SELECT max(seq) FROM product_changes GROUP BY product_id)"
                      " ORDER BY seq";
    sqlite3_stmt *stmt = NULL;
    bool row = true;
    enum status status = db_prepare(db, sql, &stmt, err);
    while (status == OK && row) {
        struct product_change change;
        status = db_step(stmt, &row, err);
        if (status != OK || !row)
            break;
        read_change(stmt, &change);
        if (change.is_deleted)
            catalogue_remove(catalogue, change.product.product_id);
        else
            catalogue_put(catalogue, &change.product);
    }
    sqlite3_finalize(stmt);
    return status;
}
