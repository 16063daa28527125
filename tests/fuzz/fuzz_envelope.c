/* The reader of a record's headers: what it accepts survives being written, and bounds hold. */
#include "event/envelope.h"
#include "fuzz/fuzz.h"
#include "fuzz/oracle.h"
#include "fuzz/record_text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char cluster_id[] = "cluster-1";
static const char type_name[] = "new-order";
static const char coordinates[] = "cluster-1/new-order-topic/3/42";
static const struct record position = {
    .topic = "new-order-topic", .partition = 3, .offset = 42, .timestamp_ms = 1763700000123};
static const int64_t last_ms = 253402300799999; /* of the year 9999, the last that can be written */

enum { OWN_HEADERS_MAX = 10 };

static bool has_header(const struct record *record, const char *name) {
    for (size_t i = 0; i < record->n_headers; i++)
        if (strcmp(record->headers[i].name, name) == 0)
            return true;
    return false;
}

static bool is_same(const struct envelope *a, const struct envelope *b) {
    return strcmp(a->id, b->id) == 0 && strcmp(a->source, b->source) == 0 &&
           a->time_ms == b->time_ms && strcmp(a->correlation, b->correlation) == 0 &&
           strcmp(a->causation, b->causation) == 0 && strcmp(a->traceparent, b->traceparent) == 0 &&
           strcmp(a->tracestate, b->tracestate) == 0;
}

static bool is_plain_text(const char *text, size_t size) {
    if (!memchr(text, '\0', size))
        return false;
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    return oracle_is_utf8(text, strlen(text));
}

static void check_trace(const struct envelope *envelope) {
    char again[TRACEPARENT_SIZE];
    assert(is_plain_text(envelope->traceparent, TRACEPARENT_SIZE));
    assert(is_plain_text(envelope->tracestate, TRACESTATE_SIZE));
    assert(traceparent_parse(envelope->traceparent, strlen(envelope->traceparent), again));
    assert(strcmp(envelope->traceparent, again) == 0);
}

static void check_fields(const struct envelope *envelope, const struct record *record) {
    assert(*envelope->id && is_plain_text(envelope->id, sizeof envelope->id));
    assert(is_plain_text(envelope->source, sizeof envelope->source));
    assert(is_plain_text(envelope->correlation, sizeof envelope->correlation));
    assert(is_plain_text(envelope->causation, sizeof envelope->causation));
    check_trace(envelope);
    if (!has_header(record, "ce_id"))
        assert(strcmp(envelope->id, coordinates) == 0 && !*envelope->source);
    if (!has_header(record, "ce_time"))
        assert(envelope->time_ms == position.timestamp_ms);
}

/* Of headers given twice the last ones count: all of them twice is as once. */
static void check_repeated(const struct envelope *envelope, const struct record *record) {
    struct record twice = *record;
    struct envelope again;
    if (record->n_headers > RECORD_HEADERS_MAX / 2)
        return;
    memcpy(twice.headers + twice.n_headers, record->headers,
           record->n_headers * sizeof record->headers[0]);
    twice.n_headers *= 2;
    assert(envelope_read(&again, &twice, cluster_id, type_name, NULL) == OK);
    assert(is_same(envelope, &again));
}

static void check_round_trip(const struct envelope *envelope) {
    struct record record = position;
    struct envelope_text text;
    struct envelope expected = *envelope, again;
    struct error err;
    envelope_write(envelope, type_name, &text, &record);
    assert(record.n_headers <= OWN_HEADERS_MAX);
    assert(envelope_read(&again, &record, cluster_id, type_name, &err) == OK);

    if (expected.time_ms < 0)
        expected.time_ms = 0;
    if (expected.time_ms > last_ms)
        expected.time_ms = last_ms;
    assert(is_same(&expected, &again));
}

/* An event that this one causes: the same story, and a span of its own in the same trace. */
static void check_effect(const struct envelope *cause) {
    struct envelope effect;
    envelope_init(&effect, "order-service", cause);
    assert(strcmp(effect.causation, cause->id) == 0 && strcmp(effect.id, cause->id) != 0);
    assert(strcmp(effect.correlation, cause->correlation) == 0);
    assert(strcmp(effect.tracestate, cause->tracestate) == 0);
    assert(strcmp(effect.traceparent, cause->traceparent) != 0);
    assert(memcmp(effect.traceparent, cause->traceparent, strlen("00-") + 32) == 0);
    check_trace(&effect);
    check_round_trip(&effect);
}

static void check_record(const struct record *record) {
    struct envelope envelope;
    struct error err = {""};
    oracle_mark(&envelope, sizeof envelope);
    enum status status = envelope_read(&envelope, record, cluster_id, type_name, &err);
    if (status != OK) {
        assert(status == ERR_INVALID && *err.text);
        assert(oracle_is_marked(&envelope, sizeof envelope));
        return;
    }
    check_fields(&envelope, record);
    check_repeated(&envelope, record);
    check_round_trip(&envelope);
    check_effect(&envelope);
}

void fuzz_envelope(const uint8_t *data, size_t size) {
    struct record record = position;
    char *text = malloc(size + 1);
    assert(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    record_text_read(text, size, RECORD_HEADERS_RECEIVED_MAX, &record);
    check_record(&record);
    free(text);
}
