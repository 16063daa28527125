/*
 * What travels with an event beside its payload: its id, when and where it
 * happened, what caused it, and the trace it belongs to. On the wire these are
 * record headers: CloudEvents 1.0 (Kafka binary mode, with its correlation
 * extension) and W3C Trace Context. All functions here: any thread.
 */
#pragma once

#include "base/clock.h"
#include "base/status.h"
#include "event/record.h"
#include "event/trace.h"

#include <stdint.h>

/* With the terminator. */
enum {
    EVENT_ID_SIZE = 384, /* room for cluster id/topic/partition/offset, which may be long */
    EVENT_SOURCE_SIZE = 256,
    CORRELATION_SIZE = 65,
};

#define ENVELOPE_ID "ce_id"
#define ENVELOPE_SOURCE "ce_source"

/* Longer ids and sources of other programs are refused, in bytes; ours have 36. */
enum { ENVELOPE_FOREIGN_TEXT_MAX = 255 };

/* Empty strings stand for what is not known. */
struct envelope {
    char id[EVENT_ID_SIZE];             /* ce_id; CloudEvents: unique for its source */
    char source[EVENT_SOURCE_SIZE];     /* ce_source, such as "/order-service" */
    int64_t time_ms;                    /* ce_time, wall clock */
    char correlation[CORRELATION_SIZE]; /* ce_correlationid: the orderId it is all about */
    char causation[EVENT_ID_SIZE];      /* ce_causationid: the id of the event that caused it */
    char traceparent[TRACEPARENT_SIZE]; /* of a received event its sender's span, of ours its own */
    char tracestate[TRACESTATE_SIZE];
};

/*
 * A new event of `service` ("order-service"), now: a UUIDv7 and its source.
 * It continues `cause` (NULL: nothing caused it): same correlation, same
 * trace; its causation is the cause's id. Without a trace, a new one starts.
 */
void envelope_init(struct envelope *envelope, const char *service, const struct envelope *cause);

/* The id of a record without one: its place. */
void envelope_id_of_place(const char *cluster_id, const char *topic, int32_t partition,
                          int64_t offset, char out[static EVENT_ID_SIZE]);

/*
 * Joins the trace of a W3C `traceparent` (and `tracestate`; both may be NULL),
 * as an HTTP request brings it: the envelope becomes a new span of that trace.
 * A malformed value is ignored, as the standard demands.
 */
void envelope_join_trace(struct envelope *envelope, const char *traceparent,
                         const char *tracestate);

/*
 * Reads the envelope of a received record. `cluster_id` names the record's
 * cluster: a record without a ce_id gets the id cluster/topic/partition/offset
 * and an empty source, since its coordinates say all that is known of it.
 *
 * Nothing else needs to be there. A malformed correlation, causation or trace
 * is ignored; in place of a missing or malformed time stands the record's
 * timestamp, or else now. Without a good trace a new one starts, which depends
 * on id and source alone: all that the event causes is in it, whichever
 * services do it. Of a header given twice the last one counts, as for
 * Kafka's own clients. Headers not named in `struct envelope` are not looked
 * at: not ce_specversion, and not content-type, since the payload's decoder
 * judges the bytes themselves.
 *
 * ERR_INVALID: ce_id or ce_source is empty, longer than 255 bytes, not UTF-8
 * or has control characters, or ce_type is there and is not `type_name`. The
 * record cannot be told apart from others, or is not this event: refuse it.
 */
enum status envelope_read(struct envelope *out, const struct record *record, const char *cluster_id,
                          const char *type_name, struct error *err);

/* Room for the text values of an envelope's headers. */
struct envelope_text {
    char time[CLOCK_RFC3339_SIZE];
};

/* Appends the envelope's headers to `record`: their values point into
 * `envelope`, `type_name` and `text`. What is not known is left out. `record`
 * must have room for 10. */
void envelope_write(const struct envelope *envelope, const char *type_name,
                    struct envelope_text *text, struct record *record);
