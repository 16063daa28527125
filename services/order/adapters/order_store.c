#include "order/adapters/order_store.h"

#include "event/codec.h"
#include "order/adapters/customer_index.h"
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
    sqlite3_stmt *find_of; /* an order by its number, when it is this customer's */
    sqlite3_stmt *begin, *end;
    struct customer_index *customers;
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
    if (status == OK)
        status =
            db_prepare(db, SELECT_ORDER " WHERE seq = ? AND customer_id = ?", &store->find_of, err);
    if (status == OK)
        status = db_prepare(db, "BEGIN", &store->begin, err);
    if (status == OK)
        status = db_prepare(db, "END", &store->end, err);
    if (status == OK)
        status = customer_index_open(db, &store->customers, err);
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
    sqlite3_finalize(store->find_of);
    sqlite3_finalize(store->begin);
    sqlite3_finalize(store->end);
    customer_index_close(store->customers);
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
    enum status status = db_run(store->add, err);
    if (status == OK)
        status = customer_index_add(store->customers, order->order.customer_id,
                                    sqlite3_last_insert_rowid(sqlite3_db_handle(store->add)), err);
    return status;
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

/* Runs a look-up, with its parameters bound, that gives one order or none. */
static enum status find_order(sqlite3_stmt *find, struct stored_order *out, bool *out_found,
                              struct error *err) {
    bool row;
    enum status status = db_step(find, &row, err);
    if (status != OK)
        return status;
    if (row) {
        status = read_order(find, out, err);
        db_reset(find);
    }
    if (status == OK)
        *out_found = row;
    return status;
}

enum status order_store_find(struct order_store *store, const char *order_id,
                             struct stored_order *out, bool *out_found, struct error *err) {
    db_bind_text(store->find, 1, order_id);
    return find_order(store->find, out, out_found, err);
}

static enum status list_all(struct order_store *store, int64_t after, int64_t limit,
                            order_visitor *visit, void *context, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    enum status status = query_prepare(store->db, SELECT_ORDER, NULL, 0, after, limit, &stmt, err);
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

/* Inside a transaction, which saves one for each look-up. */
static enum status list_of(struct order_store *store, const char *customer_id, int64_t after,
                           int64_t limit, order_visitor *visit, void *context, struct error *err) {
    enum status status = customer_index_look(store->customers, err);
    int64_t seq = after, n = 0;
    while (status == OK && n < limit) {
        struct stored_order order;
        bool is_listed, is_found = false;
        status = customer_index_next(store->customers, customer_id, seq, &seq, &is_listed, err);
        if (status != OK || !is_listed)
            break;
        sqlite3_bind_int64(store->find_of, 1, seq);
        db_bind_text(store->find_of, 2, customer_id);
        status = find_order(store->find_of, &order, &is_found, err);
        if (status == OK && is_found && !visit(context, &order))
            break;
        n += is_found;
    }
    return status;
}

enum status order_store_list(struct order_store *store, const char *customer_id, int64_t after,
                             int64_t limit, order_visitor *visit, void *context,
                             struct error *err) {
    if (!customer_id)
        return list_all(store, after, limit, visit, context, err);
    enum status status = db_run(store->begin, err);
    if (status != OK)
        return status;
    status = list_of(store, customer_id, after, limit, visit, context, err);
    db_run(store->end, NULL);
    return status;
}
