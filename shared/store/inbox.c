#include "store/inbox.h"

#include "base/clock.h"
#include "store/prune.h"

#include <stdlib.h>

/* Then a round over all events is over when half as many have come in. */
enum { LOOKS_AN_INSERT = 3 };

enum { INSERT, REJECT, SET_POSITION, GET_POSITION, LOOK, FORGET, N_STATEMENTS };

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
    [LOOK] = "SELECT event_id, source, received_ms FROM inbox"
             " WHERE (event_id, source) > (?1, ?2) ORDER BY event_id, source LIMIT ?3",
    [FORGET] = "DELETE FROM inbox WHERE (event_id, source) > (?1, ?2)"
               " AND (event_id, source) <= (?3, ?4) AND received_ms < ?5",
};

/* An event in the order of the table; the first is behind {"", ""}. */
struct event_key {
    char id[EVENT_ID_SIZE];
    char source[EVENT_SOURCE_SIZE];
};

/* The table is in the order of ids, not of time: old events are found by going
 * round, and for each that comes in, some are looked at. When all that the last
 * round has seen are young enough, there is none. */
struct round {
    struct event_key upto; /* without an id: it is over */
    int64_t oldest_ms;     /* that it has seen */
    int64_t due_ms;        /* the oldest that the last one has seen */
    int64_t n_looks;       /* to be taken */
};

struct inbox {
    sqlite3 *handle;
    sqlite3_stmt *stmt[N_STATEMENTS];
    struct round round;
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
    inbox->round.n_looks += LOOKS_AN_INSERT;
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

static void bind_key(sqlite3_stmt *stmt, int first, const struct event_key *key) {
    db_bind_text(stmt, first, key->id);
    db_bind_text(stmt, first + 1, key->source);
}

/* What was seen of some events. */
struct look {
    struct event_key last;
    int64_t n, oldest_ms;
};

static enum status look_on(struct inbox *inbox, struct look *out, struct error *err) {
    sqlite3_stmt *stmt = inbox->stmt[LOOK];
    bool row;
    *out = (struct look){.oldest_ms = INT64_MAX};
    bind_key(stmt, 1, &inbox->round.upto);
    sqlite3_bind_int64(stmt, 3, inbox->round.n_looks);
    for (;;) {
        enum status status = db_step(stmt, &row, err);
        if (status != OK || !row)
            return status;
        int64_t received_ms = sqlite3_column_int64(stmt, 2);
        db_copy_text(stmt, 0, out->last.id, sizeof out->last.id);
        db_copy_text(stmt, 1, out->last.source, sizeof out->last.source);
        out->n++;
        if (received_ms < out->oldest_ms)
            out->oldest_ms = received_ms;
    }
}

static enum status forget(struct inbox *inbox, const struct event_key *upto,
                          int64_t forget_before_ms, struct error *err) {
    sqlite3_stmt *stmt = inbox->stmt[FORGET];
    bind_key(stmt, 1, &inbox->round.upto);
    bind_key(stmt, 3, upto);
    sqlite3_bind_int64(stmt, 5, forget_before_ms);
    return db_run(stmt, err);
}

static enum status go_on(struct inbox *inbox, int64_t forget_before_ms, struct error *err) {
    struct round *round = &inbox->round;
    struct look look;
    enum status status = look_on(inbox, &look, err);
    if (status == OK && look.oldest_ms < forget_before_ms)
        status = forget(inbox, &look.last, forget_before_ms, err);
    if (status != OK)
        return status;
    if (look.oldest_ms < round->oldest_ms)
        round->oldest_ms = look.oldest_ms;
    round->upto = look.last;
    if (look.n < round->n_looks) {
        *round->upto.id = '\0';
        round->due_ms = round->oldest_ms;
    }
    return OK;
}

static enum status go_round(struct inbox *inbox, int64_t forget_before_ms, struct error *err) {
    struct round *round = &inbox->round;
    bool is_over = *round->upto.id == '\0';
    if (is_over) { /* what comes in behind the next one's back is not older than that */
        *round->upto.source = '\0';
        round->oldest_ms = clock_now_ms();
    }
    enum status status = OK;
    if (round->n_looks > 0 && (!is_over || round->due_ms < forget_before_ms))
        status = go_on(inbox, forget_before_ms, err);
    round->n_looks = 0;
    return status;
}

enum status inbox_prune(struct inbox *inbox, int64_t forget_before_ms, struct error *err) {
    enum status status = go_round(inbox, forget_before_ms, err);
    if (status == OK)
        status = prune_run(&inbox->rejections, forget_before_ms, INT64_MAX, err);
    return status;
}
