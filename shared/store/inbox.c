#include "store/inbox.h"

#include "base/clock.h"
#include "store/prune.h"

#include <stdlib.h>

enum { INSERT, REJECT, SET_POSITION, GET_POSITION, N_STATEMENTS };

static const char *const statements[N_STATEMENTS] = {
    [INSERT] = "INSERT INTO inbox (event_id, source, received_ms) VALUES (?,?,?)"
               " ON CONFLICT DO NOTHING",
    [REJECT] = "INSERT INTO rejected (cluster_id, topic, partition, offset, reason, rejected_ms)"
               " VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING",
    [SET_POSITION] = "INSERT INTO positions VALUES (?,?,?,?,?)"
                     " ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset,"
                     " before_ms = excluded.before_ms",
    [GET_POSITION] = "SELECT next_offset, before_ms FROM positions"
                     " WHERE cluster_id = ? AND topic = ? AND partition = ?",
};

struct inbox {
    sqlite3 *handle;
    sqlite3_stmt *stmt[N_STATEMENTS];
    struct prune events;
    struct prune rejections;
};

enum status inbox_open(struct db *writer_db, struct inbox **out, struct error *err) {
    struct inbox *inbox = calloc(1, sizeof *inbox);
    if (!inbox)
        abort();
    enum status status = OK;
    for (int i = 0; status == OK && i < N_STATEMENTS; i++)
        status = db_prepare(writer_db, statements[i], &inbox->stmt[i], err);
    if (status == OK)
        status = prune_open(&inbox->events, writer_db, "inbox", "received_ms", err);
    if (status == OK)
        status = prune_open(&inbox->rejections, writer_db, "rejected", "rejected_ms", err);
    if (status != OK) {
        inbox_close(inbox);
        return status;
    }
    inbox->handle = sqlite3_db_handle(inbox->stmt[INSERT]);
    *out = inbox;
    return OK;
}

void inbox_close(struct inbox *inbox) {
    if (!inbox)
        return;
    for (int i = 0; i < N_STATEMENTS; i++)
        sqlite3_finalize(inbox->stmt[i]);
    prune_release(&inbox->events);
    prune_release(&inbox->rejections);
    free(inbox);
}

static enum status run_insert(struct inbox *inbox, sqlite3_stmt *insert, bool *out_is_new,
                              struct error *err) {
    enum status status = db_run(insert, err);
    if (status == OK)
        *out_is_new = sqlite3_changes(inbox->handle) > 0;
    return status;
}

enum status inbox_insert(struct inbox *inbox, const struct envelope *envelope, bool *out_is_new,
                         struct error *err) {
    sqlite3_stmt *insert = inbox->stmt[INSERT];
    db_bind_text(insert, 1, envelope->id);
    db_bind_text(insert, 2, envelope->source);
    sqlite3_bind_int64(insert, 3, clock_now_ms());
    return run_insert(inbox, insert, out_is_new, err);
}

enum status inbox_reject(struct inbox *inbox, const char *cluster_id, const struct record *record,
                         const char *reason, bool *out_is_new, struct error *err) {
    sqlite3_stmt *insert = inbox->stmt[REJECT];
    db_bind_text(insert, 1, cluster_id);
    db_bind_text(insert, 2, record->topic);
    sqlite3_bind_int64(insert, 3, record->partition);
    sqlite3_bind_int64(insert, 4, record->offset);
    db_bind_text(insert, 5, reason);
    sqlite3_bind_int64(insert, 6, clock_now_ms());
    return run_insert(inbox, insert, out_is_new, err);
}

enum status inbox_set_position(struct inbox *inbox, const char *cluster_id,
                               const struct record_place *last, struct error *err) {
    sqlite3_stmt *set = inbox->stmt[SET_POSITION];
    db_bind_text(set, 1, cluster_id);
    db_bind_text(set, 2, last->topic);
    sqlite3_bind_int64(set, 3, last->partition);
    sqlite3_bind_int64(set, 4, last->offset + 1);
    sqlite3_bind_int64(set, 5, last->timestamp_ms);
    return db_run(set, err);
}

enum status inbox_get_position(struct inbox *inbox, const char *cluster_id,
                               struct record_place *out, struct error *err) {
    sqlite3_stmt *get = inbox->stmt[GET_POSITION];
    bool row;
    db_bind_text(get, 1, cluster_id);
    db_bind_text(get, 2, out->topic);
    sqlite3_bind_int64(get, 3, out->partition);
    enum status status = db_step(get, &row, err);
    if (status != OK)
        return status;
    out->offset = row ? sqlite3_column_int64(get, 0) - 1 : -1;
    out->timestamp_ms = row ? sqlite3_column_int64(get, 1) : -1;
    db_reset(get);
    return OK;
}

enum status inbox_prune(struct inbox *inbox, int64_t forget_before_ms, struct error *err) {
    enum status status = prune_run(&inbox->events, forget_before_ms, INT64_MAX, err);
    if (status == OK)
        status = prune_run(&inbox->rejections, forget_before_ms, INT64_MAX, err);
    return status;
}
