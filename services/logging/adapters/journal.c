#include "logging/adapters/journal.h"

#include "base/clock.h"
#include "store/query.h"

#include <stdlib.h>

struct journal {
    struct db *db;
    sqlite3_stmt *add;
    sqlite3_stmt *last;
};

enum status journal_open(struct db *db, struct journal **out, struct error *err) {
    struct journal *journal = calloc(1, sizeof *journal);
    if (!journal)
        abort();
    journal->db = db;
    enum status status =
        db_prepare(db,
                   "INSERT INTO actions (service_name, action, order_id, event_id, happened_ms,"
                   " logged_ms) VALUES (?,?,?,?,?,?)",
                   &journal->add, err);
    if (status == OK)
        status = db_prepare(db, "SELECT max(seq) FROM actions", &journal->last, err);
    if (status != OK) {
        journal_close(journal);
        return status;
    }
    *out = journal;
    return OK;
}

void journal_close(struct journal *journal) {
    if (!journal)
        return;
    sqlite3_finalize(journal->add);
    sqlite3_finalize(journal->last);
    free(journal);
}

enum status journal_add(struct journal *journal, struct journal_row *row, struct error *err) {
    row->logged_ms = clock_now_ms();
    db_bind_text(journal->add, 1, row->entry.service_name);
    db_bind_text(journal->add, 2, row->entry.action);
    db_bind_text(journal->add, 3, row->entry.order_id);
    db_bind_text(journal->add, 4, row->event_id);
    sqlite3_bind_int64(journal->add, 5, row->happened_ms);
    sqlite3_bind_int64(journal->add, 6, row->logged_ms);
    enum status status = db_run(journal->add, err);
    if (status == OK)
        row->seq = sqlite3_last_insert_rowid(sqlite3_db_handle(journal->add));
    return status;
}

static void read_row(sqlite3_stmt *stmt, struct journal_row *out) {
    out->seq = sqlite3_column_int64(stmt, 0);
    db_copy_text(stmt, 1, out->entry.service_name, sizeof out->entry.service_name);
    db_copy_text(stmt, 2, out->entry.action, sizeof out->entry.action);
    db_copy_text(stmt, 3, out->entry.order_id, sizeof out->entry.order_id);
    db_copy_text(stmt, 4, out->event_id, sizeof out->event_id);
    out->happened_ms = sqlite3_column_int64(stmt, 5);
    out->logged_ms = sqlite3_column_int64(stmt, 6);
}

enum status journal_list(struct journal *journal, const struct journal_filter *filter,
                         int64_t after, int64_t limit,
                         bool (*visit)(void *context, const struct journal_row *row), void *context,
                         struct error *err) {
    const struct query_filter filters[] = {
        {"order_id", filter->order_id},
        {"service_name", filter->service_name},
        {"action", filter->action},
    };
    sqlite3_stmt *stmt = NULL;
    enum status status =
        query_prepare(journal->db,
                      "SELECT seq, service_name, action, order_id, event_id, happened_ms,"
                      " logged_ms FROM actions",
                      filters, sizeof filters / sizeof *filters, after, limit, &stmt, err);
    bool found = true;
    while (status == OK && found) {
        struct journal_row row;
        status = db_step(stmt, &found, err);
        if (status != OK || !found)
            break;
        read_row(stmt, &row);
        if (!visit(context, &row))
            break;
    }
    sqlite3_finalize(stmt);
    return status;
}

enum status journal_last(struct journal *journal, int64_t *out_seq, struct error *err) {
    bool row;
    enum status status = db_step(journal->last, &row, err);
    if (status != OK)
        return status;
    *out_seq = row ? sqlite3_column_int64(journal->last, 0) : 0;
    db_reset(journal->last);
    return OK;
}
