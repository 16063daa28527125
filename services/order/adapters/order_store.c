#include "order/adapters/order_store.h"

#include "event/codec.h"
#include "store/outbox.h"
#include "store/query.h"

#include <stdlib.h>
#include <string.h>

#define SELECT_ORDER                                                                               \
    "SELECT seq, payload, event_id, accepted_ms, " OUTBOX_SENT_MS(                                 \
        "orders.outbox_seq") " FROM orders"

struct order_store {
    struct db *db;
    sqlite3_stmt *add;
    sqlite3_stmt *find;
};

enum status order_store_open(struct db *db, struct order_store **out, struct error *err) {
    struct order_store *store = calloc(1, sizeof *store);
    if (!store)
        abort();
    store->db = db;
    enum status status =
        db_prepare(db,
                   "INSERT INTO orders (order_id, customer_id, payload, event_id, accepted_ms,"
                   " outbox_seq) VALUES (?,?,?,?,?,?)",
                   &store->add, err);
    if (status == OK)
        status = db_prepare(db, SELECT_ORDER " WHERE order_id = ?", &store->find, err);
    if (status != OK) {
        order_store_close(store);
        return status;
    }
    *out = store;
    return OK;
}

void order_store_close(struct order_store *store) {
    if (!store)
        return;
    sqlite3_finalize(store->add);
    sqlite3_finalize(store->find);
    free(store);
}

enum status order_store_add(struct order_store *store, const struct stored_order *order,
                            const struct strbuf *payload, struct error *err) {
    db_bind_text(store->add, 1, order->order.order_id);
    db_bind_text(store->add, 2, order->order.customer_id);
    db_bind_text(store->add, 3, payload->data);
    db_bind_text(store->add, 4, order->event_id);
    sqlite3_bind_int64(store->add, 5, order->accepted_ms);
    sqlite3_bind_int64(store->add, 6, order->outbox_seq);
    return db_run(store->add, err);
}

static enum status read_order(sqlite3_stmt *stmt, struct stored_order *out, struct error *err) {
    struct contract_faults faults;
    const char *payload = db_column_text(stmt, 1);
    out->seq = sqlite3_column_int64(stmt, 0);
    if (order_decode(payload, strlen(payload), ORDER_EVENT, &out->order, &faults) != OK)
        return error_set(err, ERR_BUG, "stored order %lld is damaged", (long long)out->seq);
    db_copy_text(stmt, 2, out->event_id, sizeof out->event_id);
    out->accepted_ms = sqlite3_column_int64(stmt, 3);
    out->published_ms = sqlite3_column_int64(stmt, 4);
    return OK;
}

enum status order_store_find(struct order_store *store, const char *order_id,
                             struct stored_order *out, bool *out_found, struct error *err) {
    bool row;
    db_bind_text(store->find, 1, order_id);
    enum status status = db_step(store->find, &row, err);
    if (status != OK)
        return status;
    if (row) {
        status = read_order(store->find, out, err);
        db_reset(store->find);
    }
    if (status == OK)
        *out_found = row;
    return status;
}

enum status order_store_list(struct order_store *store, const char *customer_id, int64_t after,
                             int64_t limit,
                             bool (*visit)(void *context, const struct stored_order *order),
                             void *context, struct error *err) {
    const struct query_filter filter = {"customer_id", customer_id};
    sqlite3_stmt *stmt = NULL;
    enum status status =
        query_prepare(store->db, SELECT_ORDER, &filter, 1, after, limit, &stmt, err);
    bool row = true;
    while (status == OK && row) {
        struct stored_order order;
        status = db_step(stmt, &row, err);
        if (status == OK && row)
            status = read_order(stmt, &order, err);
        if (status == OK && row && !visit(context, &order))
            break;
    }
    sqlite3_finalize(stmt);
    return status;
}
