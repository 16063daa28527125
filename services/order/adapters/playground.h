/*
 * The playground: single records, sent straight to Kafka beside the outbox, to
 * topics that are none of the shop's. A record is there when the broker has
 * acknowledged it, and its sender waits for that, for a few seconds at most.
 *
 * It has a thread of its own, and a producer from the first record on. Records
 * that Kafka has not acknowledged in time are given up together with the
 * producer that has them: they may be in their topic or not.
 */
#pragma once

#include "event/record.h"
#include "runtime/config.h"

struct playground;

/* A record to send, as the first member of the caller's own struct. It is the
 * caller's memory, with all that it points to, and must live until `done` was
 * called. */
struct playground_post {
    const char *topic; /* as playground_topic gave it */
    struct bytes key;  /* NULL: none */
    struct bytes value;

    /* Called exactly once, in the playground's thread. OK: the broker has it,
     * at `partition` and `offset`. ERR_UNAVAILABLE: it was not sent; try again.
     * ERR_OUTCOME_UNKNOWN: no acknowledgement came in time; it may be there.
     * ERR_INVALID: it is larger than its topic takes. */
    void (*done)(struct playground_post *post, enum status status, const struct error *err);
    int32_t partition;
    int64_t offset;

    int64_t deadline_ms; /* the playground's, as the rest */
    bool is_sent;
};

/* Checks the comma-separated list of a setting; each fault is a line in
 * `faults`. Returns their number. */
size_t playground_check(const struct config *config, const char *topics, struct strbuf *faults);

/* Starts the thread. `topics` was checked and is not empty. `config` is borrowed
 * until the playground is closed. */
enum status playground_open(const struct config *config, const char *topics,
                            struct playground **out, struct error *err);

/* The name, if it is one of the topics, else NULL. Lives as long as the
 * playground. Any thread. */
const char *playground_topic(const struct playground *playground, const char *name);

/* Sends a record. ERR_BUSY: too many wait already; ERR_UNAVAILABLE: the
 * playground has ended. Then `done` is not called. Any thread. */
enum status playground_submit(struct playground *playground, struct playground_post *post,
                              struct error *err);

/* Takes no more records, gives Kafka a moment for those that wait, and ends the
 * thread: all are done then. */
void playground_end(struct playground *playground);

/* The same, and frees it. NULL is fine. */
void playground_close(struct playground *playground);
