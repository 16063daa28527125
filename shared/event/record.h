/*
 * A Kafka record as bytes: what the bus delivers, and what it is given to
 * send. Nothing here is owned; everything points into memory that outlives
 * the record's use.
 */
#pragma once

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

/* More than any event of ours carries. Of a received record, further headers
 * are left out; those that a dead letter gets on its way have room behind. */
enum { RECORD_HEADERS_RECEIVED_MAX = 56, RECORD_HEADERS_MAX = 64 };

struct record {
    const char *topic;
    int32_t partition;    /* of a received record */
    int64_t offset;       /* of a received record */
    int64_t timestamp_ms; /* of a received record; -1: not known */
    struct bytes key;
    struct bytes value;
    size_t n_headers;
    struct record_header headers[RECORD_HEADERS_MAX];
};
