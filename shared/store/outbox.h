/*
 * The transactional outbox: events are written in the same transaction as the
 * change that causes them, and published from here afterwards. Rows are kept
 * for a while after they were sent, so that they can be published again when a
 * broker has lost its disk.
 *
 * The columns are those of Debezium's outbox event router (id, aggregatetype,
 * aggregateid, type, payload) and what publishing needs. Rows are sent in the
 * order of `seq`; everything up to outbox_state.sent_upto was acknowledged.
 */
#pragma once

#include "base/strbuf.h"
#include "event/event.h"
#include "store/db.h"

#define OUTBOX_SCHEMA                                                                              \
    "CREATE TABLE outbox ("                                                                        \
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"                                                      \
    " id TEXT NOT NULL,"                                                                           \
    " aggregatetype TEXT NOT NULL,"                                                                \
    " aggregateid BLOB,"                                                                           \
    " type TEXT NOT NULL,"                                                                         \
    " payload BLOB,"                                                                               \
    " topic TEXT NOT NULL,"                                                                        \
    " headers BLOB NOT NULL,"                                                                      \
    " created_ms INTEGER NOT NULL"                                                                 \
    ") STRICT;"                                                                                    \
    "CREATE TABLE outbox_state ("                                                                  \
    " one INTEGER PRIMARY KEY CHECK (one = 1),"                                                    \
    " cluster_id TEXT NOT NULL,"                                                                   \
    " sent_upto INTEGER NOT NULL,"                                                                 \
    " ever_sent_upto INTEGER NOT NULL"                                                             \
    ") STRICT;"                                                                                    \
    "INSERT INTO outbox_state VALUES (1, '', 0, 0);"

/* The second step: when rows were acknowledged for the first time, some at once;
 * and where the last acknowledged record of each partition stands, so that a
 * broker that has lost it is noticed. */
#define OUTBOX_SCHEMA_2                                                                            \
    "CREATE TABLE outbox_sent ("                                                                   \
    " seq INTEGER PRIMARY KEY,"    /* rows up to this one, */                                      \
    " after_seq INTEGER NOT NULL," /* and behind this one */                                       \
    " sent_ms INTEGER NOT NULL"                                                                    \
    ") STRICT;"                                                                                    \
    "CREATE TABLE outbox_landmarks ("                                                              \
    " topic TEXT NOT NULL,"                                                                        \
    " partition INTEGER NOT NULL,"                                                                 \
    " offset INTEGER NOT NULL,"                                                                    \
    " timestamp_ms INTEGER NOT NULL,"                                                              \
    " PRIMARY KEY (topic, partition)"                                                              \
    ") STRICT, WITHOUT ROWID;"

/* The third step: an event's envelope stands in columns, half as long as its
 * packed headers; only dead letters, and rows from before, have those. And SQLite
 * no longer notes the highest seq by itself, which cost a third of each row: it
 * counts on from the newest row, which is never pruned. */
#define OUTBOX_SCHEMA_3                                                                            \
    "CREATE TABLE outbox_rows ("                                                                   \
    " seq INTEGER PRIMARY KEY,"                                                                    \
    " id TEXT NOT NULL,"                                                                           \
    " aggregatetype TEXT NOT NULL,"                                                                \
    " aggregateid BLOB,"                                                                           \
    " type TEXT NOT NULL,"                                                                         \
    " payload BLOB,"                                                                               \
    " topic TEXT NOT NULL,"                                                                        \
    " created_ms INTEGER NOT NULL,"                                                                \
    " correlation TEXT,"                                                                           \
    " causation TEXT,"                                                                             \
    " traceparent TEXT,"                                                                           \
    " tracestate TEXT,"                                                                            \
    " headers BLOB"                                                                                \
    ") STRICT;"                                                                                    \
    "INSERT INTO outbox_rows SELECT seq, id, aggregatetype, aggregateid, type, payload, topic,"    \
    " created_ms, NULL, NULL, NULL, NULL, headers FROM outbox;"                                    \
    "DROP TABLE outbox;"                                                                           \
    "ALTER TABLE outbox_rows RENAME TO outbox;"

/* SQL: when row `seq` (an expression) was acknowledged, in milliseconds, wall
 * clock; under load up to 50 ms later than it was so. NULL: not yet, or longer
 * ago than sent rows are kept. */
#define OUTBOX_SENT_MS(seq_sql)                                                                    \
    "(SELECT CASE WHEN outbox_sent.after_seq < " seq_sql " THEN outbox_sent.sent_ms END"           \
    " FROM outbox_sent WHERE outbox_sent.seq >= " seq_sql " ORDER BY outbox_sent.seq LIMIT 1)"
/* The writing side; used only inside jobs of the writer. */
struct outbox;

/* `service` ("order-service") becomes the events' source; `topics` names the
 * topic of each event type. Both are borrowed until the outbox is closed. */
enum status outbox_open(struct db *writer_db, const char *service,
                        const char *const topics[N_EVENT_TYPES], struct outbox **out,
                        struct error *err);
void outbox_close(struct outbox *outbox);

/*
 * Appends an event whose type and payload the caller has set. Its envelope is
 * made here, as a new event caused by `cause` (NULL: by nothing); it can be
 * read from `event` afterwards.
 */
enum status outbox_append(struct outbox *outbox, struct event *event, const struct envelope *cause,
                          struct error *err);

/* The same, where the caller has what event_encode makes of the event. */
enum status outbox_append_encoded(struct outbox *outbox, struct event *event,
                                  const struct strbuf *payload, const struct envelope *cause,
                                  struct error *err);

/* The row of the last append, in the job that made it. */
int64_t outbox_last_seq(const struct outbox *outbox);

/* Appends the log action `action` of this service, caused by `cause`. */
enum status outbox_append_action(struct outbox *outbox, const char *action,
                                 const struct envelope *cause, struct error *err);

/* Appends a record byte for byte, as a dead letter is passed on. `id` names
 * it in the table. */
enum status outbox_append_record(struct outbox *outbox, const char *id, const struct record *record,
                                 struct error *err);

/* Which rows were sent, and to which cluster. */
struct outbox_progress {
    char cluster_id[128]; /* "": nothing was ever sent */
    int64_t sent_upto;    /* every row up to this one was acknowledged */
    int64_t sent_ms;      /* when the last of them was, wall clock; written, not read */
};

/* Stores the progress, and deletes sent rows that are older than
 * `forget_before_ms`, some at a time; the last of them stays. */
enum status outbox_set_progress(struct outbox *outbox, const struct outbox_progress *progress,
                                int64_t forget_before_ms, struct error *err);

/* Stores where the last acknowledged record of a partition stands. */
enum status outbox_set_landmark(struct outbox *outbox, const struct record_place *place,
                                struct error *err);

/* Forgets all of them: Kafka has lost them. */
enum status outbox_forget_landmarks(struct outbox *outbox, struct error *err);

/* To be called after each commit, in the writer's thread: what outbox_backlog
 * counts are committed rows. */
void outbox_committed(struct outbox *outbox);

/* How many rows were never sent to any cluster. Any thread. */
int64_t outbox_backlog(struct outbox *outbox);

/* A row, as it goes out. It lives until the next call on its statement or
 * reader, and only where it is: headers point into it. */
struct outbox_row {
    int64_t seq;
    const char *id;     /* of the event; of a dead letter, its record's place */
    int64_t created_ms; /* wall clock */
    struct record record;
    struct envelope envelope; /* where headers point */
    struct envelope_text text;
};

/* SQL: the columns that outbox_row_read reads. */
#define OUTBOX_ROW                                                                                 \
    "seq, id, created_ms, topic, aggregateid, payload, headers, type, correlation, causation,"     \
    " traceparent, tracestate"

/* Reads the row that a statement stands on, of the outbox of `service`. ERR_BUG:
 * its headers are damaged. */
enum status outbox_row_read(sqlite3_stmt *stmt, const char *service, struct outbox_row *out,
                            struct error *err);

/* The reading side, on a read-only connection of the caller's thread. */
struct outbox_reader;

/* `service` is whose outbox it is ("order-service"), borrowed until it is closed. */
enum status outbox_reader_open(struct db *reader_db, const char *service,
                               struct outbox_reader **out, struct error *err);
void outbox_reader_close(struct outbox_reader *reader);

/* Starts at the first row after `seq`. */
void outbox_reader_seek(struct outbox_reader *reader, int64_t after_seq);

/* The next row, in order. *out_found is false when there is no further row at
 * this moment; rows committed later are found by later calls. */
enum status outbox_reader_next(struct outbox_reader *reader, struct outbox_row *out,
                               bool *out_found, struct error *err);

/* Lets go of the database's snapshot; call it before waiting. */
void outbox_reader_pause(struct outbox_reader *reader);

enum status outbox_reader_progress(struct outbox_reader *reader, struct outbox_progress *out,
                                   struct error *err);

/* The first row that was appended at `since_ms` (wall clock) or later, and the
 * last row; both 0 when there is none. Rows may be there that are older than
 * what the last prune should keep: it only runs when something is sent. */
enum status outbox_reader_range(struct outbox_reader *reader, int64_t since_ms, int64_t *out_first,
                                int64_t *out_last, struct error *err);

/* Calls `found` for each landmark; the place lives for the call. */
enum status outbox_read_landmarks(struct db *reader_db,
                                  void (*found)(void *context, const struct record_place *place),
                                  void *context, struct error *err);
