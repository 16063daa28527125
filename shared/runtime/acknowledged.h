/*
 * Where the last acknowledged record of each partition stands: kept in memory,
 * stored beside the outbox, and held against what Kafka has, so that a log
 * that was lost under an unchanged cluster id is noticed. Used by the relay's
 * thread, but for struct acknowledged_note.
 */
#pragma once

#include "bus/kafka.h"
#include "store/outbox.h"

#include <stdbool.h>
#include <stddef.h>

struct acknowledged;

/* Reads what is stored. */
enum status acknowledged_open(struct db *reader_db, struct acknowledged **out, struct error *err);
void acknowledged_close(struct acknowledged *acknowledged); /* NULL is fine */

/* A record was acknowledged there. Returns false, and remembers nothing, when a
 * later place of its partition was acknowledged before: then Kafka may have
 * lost that one. */
bool acknowledged_add(struct acknowledged *acknowledged, const struct record_place *place);

/* Forgets all places: they are of a log that is no more. */
void acknowledged_forget(struct acknowledged *acknowledged);

/* Asks Kafka for all of them. *out_is_lost says that one is gone. Errors as
 * landmarks_check has them; a partition without a leader is one, too, as the
 * outbox goes out in one sequence. */
enum status acknowledged_check(struct acknowledged *acknowledged, const struct kafka_config *config,
                               int timeout_ms, bool *out_is_lost, struct error *err);

/* What is to be stored, copied for the writer's thread. */
struct acknowledged_note {
    bool forgets; /* all that is stored, first */
    struct record_place *places;
    size_t n, size;
};

/* Fills the note with what has changed since the last one; what an earlier note
 * failed to forget is still to be forgotten. */
void acknowledged_take(struct acknowledged *acknowledged, struct acknowledged_note *note);

/* Stores the note; inside a job of the writer. */
enum status acknowledged_store(const struct acknowledged_note *note, struct outbox *outbox,
                               struct error *err);
void acknowledged_note_release(struct acknowledged_note *note);
