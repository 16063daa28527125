/*
 * The inbox: which events have had their effect, and where the consumer is in
 * each partition. It is written in the transaction of the effect itself, and
 * that makes "handled once" true whatever is delivered twice.
 *
 * All of it is used only inside jobs of the writer.
 */
#pragma once

#include "event/envelope.h"
#include "store/db.h"

#define INBOX_SCHEMA                                                                               \
    "CREATE TABLE inbox ("                                                                         \
    " seq INTEGER PRIMARY KEY,"                                                                    \
    " event_id TEXT NOT NULL,"                                                                     \
    " source TEXT NOT NULL,"                                                                       \
    " received_ms INTEGER NOT NULL,"                                                               \
    " UNIQUE (event_id, source)"                                                                   \
    ") STRICT;"                                                                                    \
    "CREATE TABLE rejected ("                                                                      \
    " seq INTEGER PRIMARY KEY,"                                                                    \
    " cluster_id TEXT NOT NULL,"                                                                   \
    " topic TEXT NOT NULL,"                                                                        \
    " partition INTEGER NOT NULL,"                                                                 \
    " offset INTEGER NOT NULL,"                                                                    \
    " reason TEXT NOT NULL,"                                                                       \
    " rejected_ms INTEGER NOT NULL,"                                                               \
    " UNIQUE (cluster_id, topic, partition, offset)"                                               \
    ") STRICT;"                                                                                    \
    "CREATE TABLE positions ("                                                                     \
    " cluster_id TEXT NOT NULL,"                                                                   \
    " topic TEXT NOT NULL,"                                                                        \
    " partition INTEGER NOT NULL,"                                                                 \
    " next_offset INTEGER NOT NULL,"                                                               \
    " PRIMARY KEY (cluster_id, topic, partition)"                                                  \
    ") STRICT, WITHOUT ROWID;"

/* The second step: when the last record before each position was written, so that
 * a broker that has lost it is noticed. */
#define INBOX_SCHEMA_2 "ALTER TABLE positions ADD COLUMN before_ms INTEGER NOT NULL DEFAULT -1;"

/* The third step: one B-tree in place of two, and half the bytes. Ids that are
 * UUIDs of version 7, as ours, come nearly in its order. */
#define INBOX_SCHEMA_3                                                                             \
    "CREATE TABLE inbox_events ("                                                                  \
    " event_id TEXT NOT NULL,"                                                                     \
    " source TEXT NOT NULL,"                                                                       \
    " received_ms INTEGER NOT NULL,"                                                               \
    " PRIMARY KEY (event_id, source)"                                                              \
    ") STRICT, WITHOUT ROWID;"                                                                     \
    "INSERT INTO inbox_events SELECT event_id, source, received_ms FROM inbox;"                    \
    "DROP TABLE inbox;"                                                                            \
    "ALTER TABLE inbox_events RENAME TO inbox;"

struct inbox;

enum status inbox_open(struct db *writer_db, struct inbox **out, struct error *err);
void inbox_close(struct inbox *inbox);

/* Remembers the event as handled. *out_is_new is false when it already was:
 * then its effect must not be applied again. CloudEvents identifies an event
 * by its id and source together. */
enum status inbox_insert(struct inbox *inbox, const struct envelope *envelope, bool *out_is_new,
                         struct error *err);

/* Remembers a record that went to the dead letters, by its place: its event id
 * stays free, so that the event can be replayed once the cause is mended.
 * *out_is_new is false when this very record was rejected before. */
enum status inbox_reject(struct inbox *inbox, const char *cluster_id, const struct record *record,
                         const char *reason, bool *out_is_new, struct error *err);

/* Stores the last record that was read from its partition. */
enum status inbox_set_position(struct inbox *inbox, const char *cluster_id,
                               const struct record_place *last, struct error *err);

/* Reads it into out->offset and out->timestamp_ms; the topic and the partition
 * are given in `out`. The offset is -1 when this database has read nothing from
 * that partition of that cluster. */
enum status inbox_get_position(struct inbox *inbox, const char *cluster_id,
                               struct record_place *out, struct error *err);

/* Deletes what was remembered before that time, some at a time: the more, the more
 * was inserted since. As long as events come in as before, one is kept for at most
 * half as long again. */
enum status inbox_prune(struct inbox *inbox, int64_t forget_before_ms, struct error *err);
