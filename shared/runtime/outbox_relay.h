/*
 * The relay: one thread that publishes the outbox.
 *
 *     read rows behind the last one read, in order
 *       └▶ send them with an idempotent producer
 *            └▶ acknowledged: the row and all before it are done
 *                 └▶ note how far, as a job of the writer
 *
 * Whatever goes wrong on the way, it connects anew and sends the rows again that
 * were not acknowledged; after a restart, all behind the first of them. That can
 * put an event into its topic twice, never leave one out. When the broker is
 * another cluster than last time (an embedded one that was restarted, a disk that
 * was lost), it goes back to the oldest row that is kept.
 */
#pragma once

#include "runtime/config.h"
#include "runtime/metrics.h"
#include "store/outbox.h"
#include "store/writer.h"

struct outbox_relay;

struct outbox_relay_config {
    const struct config *config;
    const char *service; /* whose outbox it is */
    const char *db_path;
    struct writer *writer;
    struct outbox *outbox;
    struct metrics *metrics;
};

/* Starts the thread. A broker that is away is no error: rows wait. */
enum status outbox_relay_open(const struct outbox_relay_config *config, struct outbox_relay **out,
                              struct error *err);

/* Rows were committed. Any thread. */
void outbox_relay_wake(struct outbox_relay *relay);

/* Publishes what is left, for at most `timeout_ms`, notes how far it came, and
 * ends the thread. Rows that are left are published after the next start.
 * The writer must still run. NULL is fine. */
void outbox_relay_close(struct outbox_relay *relay, int timeout_ms);
