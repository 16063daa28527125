/*
 * Sends records with an idempotent producer: acks=all, in order, the Java
 * clients' partitioner. Used by one thread; nothing here blocks but
 * publisher_prepare, publisher_poll, publisher_cluster_id and publisher_close.
 */
#pragma once

#include "bus/kafka.h"
#include "event/record.h"

#include <stdbool.h>
#include <stdint.h>

struct publisher;

struct publisher_events {
    /* A record's fate; called in publisher_poll and publisher_close. OK: the
     * broker has it. ERR_INVALID: the broker found the batch that it was in too
     * large; when nothing else was on its way, the record itself is, and can
     * never be sent. Anything else: the broker may have it. */
    void (*delivered)(void *context, uint64_t tag, enum status status, const char *reason);
    /* Something waits for publisher_poll; from a thread of librdkafka's: just
     * wake your own. Written as 8 bytes (an eventfd) when it is >= 0. */
    int wake_fd;
    void *context;
    /* Where a record stands, before `delivered` says OK of it; NULL: nobody
     * asks. The place's topic lives for the call. */
    void (*placed)(void *context, const struct record_place *place);
};

enum status publisher_open(const struct kafka_config *config, const struct publisher_events *events,
                           struct publisher **out, struct error *err);

/*
 * Queues a copy of the record; its fate comes with `tag`. ERR_BUSY: the queue
 * is full, poll and try again. ERR_INVALID: it can never be sent (too large).
 * ERR_UNAVAILABLE: not now.
 */
enum status publisher_send(struct publisher *publisher, const struct record *record, uint64_t tag,
                           struct error *err);

/* Learns about a topic ahead of its first record, which would otherwise wait for
 * that up to a second. A failure does no harm. */
void publisher_prepare(struct publisher *publisher, const char *topic);

/* Delivers what is known by now, waiting at most `timeout_ms` for the first. */
void publisher_poll(struct publisher *publisher, int timeout_ms);

/* True after an error that an idempotent producer cannot recover from: close
 * it, open another, send again what was not acknowledged. */
bool publisher_is_broken(const struct publisher *publisher);

/* Was the connection to all brokers lost since the last call? Asked between
 * calls of publisher_poll. */
bool publisher_was_cut_off(struct publisher *publisher);

/* As client_cluster_id; `out` has room for `size` bytes. */
enum status publisher_cluster_id(struct publisher *publisher, int timeout_ms, char *out,
                                 size_t size, struct error *err);

/* Ends it; what was not sent is reported as not delivered. NULL is fine. */
void publisher_close(struct publisher *publisher);
