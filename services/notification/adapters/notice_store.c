#include "notification/adapters/notice_store.h"

#include "base/clock.h"
#include "store/query.h"

#include <stdlib.h>
#include <string.h>

struct notice_store {
    struct db *db;
    sqlite3_stmt *add;
};

enum status notice_store_open(struct db *db, struct notice_store **out, struct error *err) {
    struct notice_store *store = calloc(1, sizeof *store);
    if (!store)
        abort();
    store->db = db;
    enum status status =
        db_prepare(db,
                   "INSERT INTO notifications (kind, order_id, customer_id, product_id, event_id,"
                   " sent_ms) VALUES (?,?,?,?,?,?)",
                   &store->add, err);
    if (status != OK) {
        notice_store_close(store);
        return status;
    }
    *out = store;
    return OK;
}

void notice_store_close(struct notice_store *store) {
    if (!store)
        return;
    sqlite3_finalize(store->add);
    free(store);
}

enum status notice_store_add(struct notice_store *store, struct stored_notice *notice,
                             struct error *err) {
    notice->sent_ms = clock_now_ms();
    db_bind_text(store->add, 1, notice_kind_name(notice->notice.kind));
    db_bind_text(store->add, 2, notice->notice.order_id);
    db_bind_text(store->add, 3, notice->notice.customer_id);
    db_bind_text(store->add, 4, notice->notice.product_id);
    db_bind_text(store->add, 5, notice->event_id);
    sqlite3_bind_int64(store->add, 6, notice->sent_ms);
    enum status status = db_run(store->add, err);
    if (status == OK)
        notice->seq = sqlite3_last_insert_rowid(sqlite3_db_handle(store->add));
    return status;
}

static void read_notice(sqlite3_stmt *stmt, struct stored_notice *out) {
    struct notice *notice = &out->notice;
    out->seq = sqlite3_column_int64(stmt, 0);
    notice->kind = strcmp(db_column_text(stmt, 1), "refill") == 0 ? NOTICE_REFILL : NOTICE_ORDER;
    db_copy_text(stmt, 2, notice->order_id, sizeof notice->order_id);
    db_copy_text(stmt, 3, notice->customer_id, sizeof notice->customer_id);
    db_copy_text(stmt, 4, notice->product_id, sizeof notice->product_id);
    db_copy_text(stmt, 5, out->event_id, sizeof out->event_id);
    out->sent_ms = sqlite3_column_int64(stmt, 6);
}

enum status notice_store_list(struct notice_store *store, const char *order_id,
                              const char *product_id, int64_t after, int64_t limit,
                              bool (*visit)(void *context, const struct stored_notice *notice),
                              void *context, struct error *err) {
    const struct query_filter filters[] = {
        {"order_id", order_id},
        {"product_id", product_id},
    };
    sqlite3_stmt *stmt = NULL;
    enum status status =
        query_prepare(store->db,
                      "SELECT seq, kind, order_id, customer_id, product_id, event_id, sent_ms"
                      " FROM notifications",
                      filters, sizeof filters / sizeof *filters, after, limit, &stmt, err);
    bool row = true;
    while (status == OK && row) {
        struct stored_notice notice;
        status = db_step(stmt, &row, err);
        if (status != OK || !row)
            break;
        read_notice(stmt, &notice);
        if (!visit(context, &notice))
            break;
    }
    sqlite3_finalize(stmt);
    return status;
}
