#include "store/outbox.h"

#include "base/clock.h"
#include "event/codec.h"
#include "store/prune.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* SQL: the newest row's seq, also when all were sent and pruned. */
#define LAST_SEQ                                                                                   \
    "coalesce((SELECT max(seq) FROM outbox), (SELECT ever_sent_upto FROM outbox_state))"

#define ROW_VALUES ", ?,?,?,?,?,?,?,?,?,?,?,?)"

struct outbox {
    const char *service;
    const char *const *topics;
    sqlite3_stmt *insert;
    sqlite3_stmt *insert_first;
    sqlite3_stmt *set_progress;
    sqlite3_stmt *note_sent;
    sqlite3_stmt *set_landmark;
    sqlite3_stmt *forget_landmarks;
    sqlite3_stmt *counts;
    struct prune prune;
    struct prune sent_prune;
    struct strbuf payload;
    struct strbuf headers;
    bool has_rows;                     /* committed ones: SQLite counts on from the newest */
    atomic_int_fast64_t appended_upto; /* the newest row */
    atomic_int_fast64_t ever_sent_upto;
};

static enum status read_counts(struct outbox *outbox, struct error *err) {
    bool row = false;
    enum status status = db_step(outbox->counts, &row, err);
    if (status == OK && row) {
        atomic_store(&outbox->appended_upto, sqlite3_column_int64(outbox->counts, 0));
        outbox->has_rows = sqlite3_column_int(outbox->counts, 1) != 0;
        atomic_store(&outbox->ever_sent_upto, sqlite3_column_int64(outbox->counts, 2));
        db_reset(outbox->counts);
    }
    return status;
}

enum status outbox_open(struct db *writer_db, const char *service,
                        const char *const topics[N_EVENT_TYPES], struct outbox **out,
                        struct error *err) {
    struct outbox *outbox = calloc(1, sizeof *outbox);
    if (!outbox)
        abort();
    outbox->service = service;
    outbox->topics = topics;
    strbuf_init(&outbox->payload);
    strbuf_init(&outbox->headers);

    enum status status =
        db_prepare(writer_db, "INSERT INTO outbox VALUES (NULL" ROW_VALUES, &outbox->insert, err);
    if (status == OK)
        status = db_prepare(writer_db, "INSERT INTO outbox VALUES (" LAST_SEQ " + 1" ROW_VALUES,
                            &outbox->insert_first, err);
    if (status == OK)
        status = db_prepare(writer_db,
                            "UPDATE outbox_state SET cluster_id = ?1, sent_upto = ?2,"
                            " ever_sent_upto = max(ever_sent_upto, ?2)",
                            &outbox->set_progress, err);
    if (status == OK)
        status = db_prepare(writer_db,
                            "INSERT INTO outbox_sent (seq, after_seq, sent_ms)"
                            " SELECT ?1, ever_sent_upto, ?2 FROM outbox_state"
                            " WHERE ever_sent_upto < ?1",
                            &outbox->note_sent, err);
    if (status == OK)
        status = db_prepare(writer_db, "INSERT OR REPLACE INTO outbox_landmarks VALUES (?,?,?,?)",
                            &outbox->set_landmark, err);
    if (status == OK)
        status =
            db_prepare(writer_db, "DELETE FROM outbox_landmarks", &outbox->forget_landmarks, err);
    if (status == OK)
        status = db_prepare(writer_db,
                            "SELECT " LAST_SEQ ", EXISTS (SELECT * FROM outbox), ever_sent_upto"
                            " FROM outbox_state",
                            &outbox->counts, err);
    if (status == OK)
        status = prune_open(&outbox->prune, writer_db, "outbox", "created_ms", err);
    if (status == OK)
        status = prune_open(&outbox->sent_prune, writer_db, "outbox_sent", "sent_ms", err);
    if (status == OK)
        status = read_counts(outbox, err);
    if (status != OK) {
        outbox_close(outbox);
        return status;
    }
    *out = outbox;
    return OK;
}

void outbox_close(struct outbox *outbox) {
    if (!outbox)
        return;
    sqlite3_finalize(outbox->insert);
    sqlite3_finalize(outbox->insert_first);
    sqlite3_finalize(outbox->set_progress);
    sqlite3_finalize(outbox->note_sent);
    sqlite3_finalize(outbox->set_landmark);
    sqlite3_finalize(outbox->forget_landmarks);
    sqlite3_finalize(outbox->counts);
    prune_release(&outbox->prune);
    prune_release(&outbox->sent_prune);
    strbuf_release(&outbox->payload);
    strbuf_release(&outbox->headers);
    free(outbox);
}

/* Empty stands for what is not known: NULL. */
static void bind_known(sqlite3_stmt *stmt, int index, const char *text) {
    if (*text)
        db_bind_text(stmt, index, text);
}

static void bind_envelope(sqlite3_stmt *stmt, const struct envelope *envelope) {
    sqlite3_bind_int64(stmt, 7, envelope->time_ms);
    bind_known(stmt, 8, envelope->correlation);
    bind_known(stmt, 9, envelope->causation);
    bind_known(stmt, 10, envelope->traceparent);
    bind_known(stmt, 11, envelope->tracestate);
}

static void bind_headers(struct outbox *outbox, sqlite3_stmt *stmt, const struct record *record) {
    strbuf_reset(&outbox->headers);
    record_pack_headers(record, &outbox->headers);
    sqlite3_bind_int64(stmt, 7, clock_now_ms());
    db_bind_blob(stmt, 12, outbox->headers.data, outbox->headers.len);
}

/* An envelope stands for the record's headers; NULL: they are kept as they are. */
static enum status insert_row(struct outbox *outbox, const char *id, const char *aggregate_type,
                              const char *type, const struct record *record,
                              const struct envelope *envelope, struct error *err) {
    sqlite3_stmt *insert = outbox->has_rows ? outbox->insert : outbox->insert_first;
    db_bind_text(insert, 1, id);
    db_bind_text(insert, 2, aggregate_type);
    db_bind_blob(insert, 3, record->key.data, record->key.len);
    db_bind_text(insert, 4, type);
    db_bind_blob(insert, 5, record->value.data, record->value.len);
    db_bind_text(insert, 6, record->topic);
    if (envelope)
        bind_envelope(insert, envelope);
    else
        bind_headers(outbox, insert, record);
    return db_run(insert, err);
}

enum status outbox_append_encoded(struct outbox *outbox, struct event *event,
                                  const struct strbuf *payload, const struct envelope *cause,
                                  struct error *err) {
    envelope_init(&event->envelope, outbox->service, cause);
    const char *key = event_key(event);
    const struct record record = {.topic = outbox->topics[event->type],
                                  .key = {key, strlen(key)},
                                  .value = {payload->data, payload->len}};
    return insert_row(outbox, event->envelope.id, event_aggregate_type(event->type),
                      event_type_name(event->type), &record, &event->envelope, err);
}

enum status outbox_append(struct outbox *outbox, struct event *event, const struct envelope *cause,
                          struct error *err) {
    strbuf_reset(&outbox->payload);
    event_encode(event, &outbox->payload);
    return outbox_append_encoded(outbox, event, &outbox->payload, cause, err);
}

int64_t outbox_last_seq(const struct outbox *outbox) {
    return sqlite3_last_insert_rowid(sqlite3_db_handle(outbox->insert));
}

enum status outbox_append_action(struct outbox *outbox, const char *action,
                                 const struct envelope *cause, struct error *err) {
    struct event event; /* not cleared: it is large, as an order may be */
    event.type = EVENT_NEW_LOGGING_ACTION;
    assert(strlen(outbox->service) < ID_SIZE && strlen(action) < ID_SIZE);
    strcpy(event.logging_action.service_name, outbox->service);
    strcpy(event.logging_action.action, action);
    return outbox_append(outbox, &event, cause, err);
}

enum status outbox_append_record(struct outbox *outbox, const char *id, const struct record *record,
                                 struct error *err) {
    return insert_row(outbox, id, "dead-letter", "dead-letter", record, NULL, err);
}

enum status outbox_set_progress(struct outbox *outbox, const struct outbox_progress *progress,
                                int64_t forget_before_ms, struct error *err) {
    sqlite3_bind_int64(outbox->note_sent, 1, progress->sent_upto);
    sqlite3_bind_int64(outbox->note_sent, 2, progress->sent_ms);
    enum status status = db_run(outbox->note_sent, err);
    if (status != OK)
        return status;
    db_bind_text(outbox->set_progress, 1, progress->cluster_id);
    sqlite3_bind_int64(outbox->set_progress, 2, progress->sent_upto);
    status = db_run(outbox->set_progress, err);
    if (status != OK)
        return status;
    /* One is kept: the next row's seq comes from it. */
    status = prune_run(&outbox->prune, forget_before_ms, progress->sent_upto - 1, err);
    if (status == OK)
        status = prune_run(&outbox->sent_prune, forget_before_ms, INT64_MAX, err);
    return status;
}

enum status outbox_set_landmark(struct outbox *outbox, const struct record_place *place,
                                struct error *err) {
    db_bind_text(outbox->set_landmark, 1, place->topic);
    sqlite3_bind_int64(outbox->set_landmark, 2, place->partition);
    sqlite3_bind_int64(outbox->set_landmark, 3, place->offset);
    sqlite3_bind_int64(outbox->set_landmark, 4, place->timestamp_ms);
    return db_run(outbox->set_landmark, err);
}

enum status outbox_forget_landmarks(struct outbox *outbox, struct error *err) {
    return db_run(outbox->forget_landmarks, err);
}

void outbox_committed(struct outbox *outbox) {
    read_counts(outbox, NULL); /* if it fails, the next commit will tell */
}

int64_t outbox_backlog(struct outbox *outbox) {
    int64_t backlog = atomic_load(&outbox->appended_upto) - atomic_load(&outbox->ever_sent_upto);
    return backlog > 0 ? backlog : 0;
}

struct outbox_reader {
    const char *service;
    sqlite3_stmt *next;
    sqlite3_stmt *progress;
    sqlite3_stmt *range;
    int64_t last_seq;
    bool is_stepping; /* `next` is bound and holds a snapshot */
};

enum status outbox_reader_open(struct db *reader_db, const char *service,
                               struct outbox_reader **out, struct error *err) {
    struct outbox_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        abort();
    reader->service = service;
    enum status status =
        db_prepare(reader_db, "SELECT " OUTBOX_ROW " FROM outbox WHERE seq > ? ORDER BY seq",
                   &reader->next, err);
    if (status == OK)
        status = db_prepare(reader_db, "SELECT cluster_id, sent_upto FROM outbox_state",
                            &reader->progress, err);
    if (status == OK)
        status = db_prepare(reader_db,
                            "SELECT (SELECT seq FROM outbox WHERE created_ms >= ? ORDER BY seq"
                            " LIMIT 1), (SELECT max(seq) FROM outbox)",
                            &reader->range, err);
    if (status != OK) {
        outbox_reader_close(reader);
        return status;
    }
    *out = reader;
    return OK;
}

void outbox_reader_close(struct outbox_reader *reader) {
    if (!reader)
        return;
    sqlite3_finalize(reader->next);
    sqlite3_finalize(reader->progress);
    sqlite3_finalize(reader->range);
    free(reader);
}

void outbox_reader_pause(struct outbox_reader *reader) {
    if (reader->is_stepping)
        db_reset(reader->next);
    reader->is_stepping = false;
}

void outbox_reader_seek(struct outbox_reader *reader, int64_t after_seq) {
    outbox_reader_pause(reader);
    reader->last_seq = after_seq;
}

static struct bytes column_bytes(sqlite3_stmt *stmt, int index) {
    struct bytes bytes = {NULL, 0};
    if (sqlite3_column_type(stmt, index) == SQLITE_NULL)
        return bytes;
    bytes.data = sqlite3_column_blob(stmt, index);
    bytes.len = (size_t)sqlite3_column_bytes(stmt, index);
    if (!bytes.data)
        bytes.data = ""; /* SQLite gives no address for zero bytes */
    return bytes;
}

static void read_envelope(sqlite3_stmt *stmt, const char *service, struct outbox_row *row) {
    struct envelope *envelope = &row->envelope;
    strcpy(stpcpy(envelope->source, "/"), service);
    db_copy_text(stmt, 1, envelope->id, sizeof envelope->id);
    envelope->time_ms = row->created_ms;
    db_copy_text(stmt, 8, envelope->correlation, sizeof envelope->correlation);
    db_copy_text(stmt, 9, envelope->causation, sizeof envelope->causation);
    db_copy_text(stmt, 10, envelope->traceparent, sizeof envelope->traceparent);
    db_copy_text(stmt, 11, envelope->tracestate, sizeof envelope->tracestate);
    envelope_write(envelope, db_column_text(stmt, 7), &row->text, &row->record);
}

enum status outbox_row_read(sqlite3_stmt *stmt, const char *service, struct outbox_row *out,
                            struct error *err) {
    struct bytes headers = column_bytes(stmt, 6);
    out->seq = sqlite3_column_int64(stmt, 0);
    out->id = db_column_text(stmt, 1);
    out->created_ms = sqlite3_column_int64(stmt, 2);
    out->record.topic = db_column_text(stmt, 3);
    out->record.key = column_bytes(stmt, 4);
    out->record.value = column_bytes(stmt, 5);
    out->record.earlier_headers = (struct bytes){NULL, 0};
    out->record.n_headers = 0;
    if (!headers.data) {
        read_envelope(stmt, service, out);
        return OK;
    }
    enum status status = record_unpack_headers(headers, &out->record, err);
    return status == OK ? OK : error_wrap(err, status, "outbox: row %lld", (long long)out->seq);
}

enum status outbox_reader_next(struct outbox_reader *reader, struct outbox_row *out,
                               bool *out_found, struct error *err) {
    bool row;
    if (!reader->is_stepping)
        sqlite3_bind_int64(reader->next, 1, reader->last_seq);
    enum status status = db_step(reader->next, &row, err);
    reader->is_stepping = status == OK && row;
    if (status == OK && row)
        status = outbox_row_read(reader->next, reader->service, out, err);
    if (status != OK)
        return status;
    if (row)
        reader->last_seq = out->seq;
    *out_found = row;
    return OK;
}

enum status outbox_reader_progress(struct outbox_reader *reader, struct outbox_progress *out,
                                   struct error *err) {
    bool row;
    enum status status = db_step(reader->progress, &row, err);
    if (status != OK)
        return status;
    if (!row)
        return error_set(err, ERR_BUG, "outbox: its state is missing");
    db_copy_text(reader->progress, 0, out->cluster_id, sizeof out->cluster_id);
    out->sent_upto = sqlite3_column_int64(reader->progress, 1);
    db_reset(reader->progress);
    return OK;
}

enum status outbox_reader_range(struct outbox_reader *reader, int64_t since_ms, int64_t *out_first,
                                int64_t *out_last, struct error *err) {
    bool row;
    sqlite3_bind_int64(reader->range, 1, since_ms);
    enum status status = db_step(reader->range, &row, err);
    if (status != OK)
        return status;
    *out_first = sqlite3_column_int64(reader->range, 0);
    *out_last = *out_first > 0 ? sqlite3_column_int64(reader->range, 1) : 0;
    db_reset(reader->range);
    return OK;
}

enum status outbox_read_landmarks(struct db *reader_db,
                                  void (*found)(void *context, const struct record_place *place),
                                  void *context, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    bool row = true;
    enum status status =
        db_prepare(reader_db, "SELECT topic, partition, offset, timestamp_ms FROM outbox_landmarks",
                   &stmt, err);
    while (status == OK && row) {
        status = db_step(stmt, &row, err);
        if (status != OK || !row)
            break;
        const struct record_place place = {
            .topic = db_column_text(stmt, 0),
            .partition = sqlite3_column_int(stmt, 1),
            .offset = sqlite3_column_int64(stmt, 2),
            .timestamp_ms = sqlite3_column_int64(stmt, 3),
        };
        found(context, &place);
    }
    sqlite3_finalize(stmt);
    return status;
}
