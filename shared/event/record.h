/*
 * A Kafka record as bytes: what the bus delivers, and what it is given to
 * send. Nothing here is owned; everything points into memory that outlives
 * the record's use.
 */
#pragma once

#include "base/status.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL `data` is Kafka's null, which differs from zero bytes. */
struct bytes {
    const void *data;
    size_t len;
};

struct record_header {
    const char *name;
    struct bytes value;
};

/* A record holds its headers in place, as far as there is room: more than any
 * event of ours carries. Of a received record with more than
 * RECORD_HEADERS_RECEIVED_MAX, the last ones are in place and those before them
 * packed; what a dead letter gets on its way has room behind. */
enum { RECORD_HEADERS_RECEIVED_MAX = 16, RECORD_HEADERS_MAX = 24 };

struct record {
    const char *topic;
    int32_t partition;    /* of a received record */
    int64_t offset;       /* of a received record */
    int64_t timestamp_ms; /* of a received record; -1: not known */
    struct bytes key;
    struct bytes value;
    struct bytes earlier_headers; /* packed, those before `headers`; of most records none */
    size_t n_headers;
    struct record_header headers[RECORD_HEADERS_MAX];
};

/* Where a record stands in Kafka. */
struct record_place {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* as Kafka has it; -1: not known */
};

/* A walk over all headers of a record, in their order. */
struct record_walk {
    const struct record *record;
    struct bytes packed; /* what is left of the earlier ones */
    size_t next;         /* of those in place */
};

struct record_walk record_walk(const struct record *record);

/* The next header; false behind the last. What it gives lives as long as the
 * record's own memory. */
bool record_walk_next(struct record_walk *walk, struct record_header *out);

/* Appends a header in the packed form: its name with the terminator, the
 * value's length (-1: null) and the value. Written and read on one machine. */
void record_pack_header(const struct record_header *header, struct strbuf *out);

/* Appends all headers of the record, packed. */
void record_pack_headers(const struct record *record, struct strbuf *out);

/* Gives the record the packed headers, in place of those it had. It points into
 * them. ERR_BUG: they are damaged. */
enum status record_unpack_headers(struct bytes packed, struct record *record, struct error *err);
