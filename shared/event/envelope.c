#include "event/envelope.h"

#include "base/uuid.h"
#include "event/rfc3339.h"
#include "event/utf8.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void new_span(struct envelope *envelope) {
    if (*envelope->traceparent) {
        traceparent_continue(envelope->traceparent);
    } else {
        traceparent_start(envelope->traceparent);
        *envelope->tracestate = '\0';
    }
}

void envelope_init(struct envelope *envelope, const char *service, const struct envelope *cause) {
    /* Nearly all of an envelope is room for what other programs may send: text by
     * text costs a fraction of the whole. */
    assert(strlen(service) < EVENT_SOURCE_SIZE - 1);
    uuid_v7(envelope->id);
    strcpy(stpcpy(envelope->source, "/"), service);
    envelope->time_ms = clock_now_ms();
    strcpy(envelope->correlation, cause ? cause->correlation : "");
    strcpy(envelope->causation, cause ? cause->id : "");
    strcpy(envelope->traceparent, cause ? cause->traceparent : "");
    strcpy(envelope->tracestate, cause ? cause->tracestate : "");
    new_span(envelope);
}

static void read_trace(struct envelope *envelope, struct bytes traceparent,
                       struct bytes tracestate) {
    if (!traceparent_parse(traceparent.data, traceparent.len, envelope->traceparent))
        return;
    if (!tracestate_copy(tracestate.data, tracestate.len, envelope->tracestate))
        *envelope->tracestate = '\0';
}

static struct bytes bytes_of(const char *text) {
    return (struct bytes){text, text ? strlen(text) : 0};
}

void envelope_join_trace(struct envelope *envelope, const char *traceparent,
                         const char *tracestate) {
    read_trace(envelope, bytes_of(traceparent), bytes_of(tracestate));
    new_span(envelope);
}

/* The last header of that name; false when there is none. */
static bool find_header(const struct record *record, const char *name, struct bytes *out) {
    struct record_walk walk = record_walk(record);
    struct record_header header;
    bool found = false;
    while (record_walk_next(&walk, &header)) {
        if (strcmp(header.name, name) != 0)
            continue;
        *out = header.value;
        found = true;
    }
    return found;
}

static struct bytes header_or_nothing(const struct record *record, const char *name) {
    struct bytes value;
    return find_header(record, name, &value) && value.data ? value : (struct bytes){"", 0};
}

static bool is_control(unsigned char c) {
    return c < 0x20 || c == 0x7f;
}

/* Whether it is 1 to `max_len` bytes of UTF-8 without control characters. */
static bool is_plain_text(struct bytes value, size_t max_len) {
    if (value.len == 0 || value.len > max_len)
        return false;
    const unsigned char *text = value.data;
    for (size_t at = 0, n; at < value.len; at += n) {
        n = utf8_sequence(text + at, value.len - at);
        if (n == 0 || is_control(text[at]))
            return false;
    }
    return true;
}

/* Copies a header that is plain text and fits; otherwise leaves `out` alone. */
static void read_optional(const struct record *record, const char *name, char *out, size_t size) {
    struct bytes value = header_or_nothing(record, name);
    if (!is_plain_text(value, size - 1))
        return;
    memcpy(out, value.data, value.len);
    out[value.len] = '\0';
}

/* Copies a header that may be missing but not malformed. */
static enum status read_checked(const struct record *record, const char *name, char *out,
                                struct error *err) {
    struct bytes value;
    if (!find_header(record, name, &value))
        return OK;
    if (!is_plain_text(value, ENVELOPE_FOREIGN_TEXT_MAX))
        return error_set(err, ERR_INVALID,
                         "header %s must be 1 to %d bytes of UTF-8 without control characters",
                         name, ENVELOPE_FOREIGN_TEXT_MAX);
    memcpy(out, value.data, value.len);
    out[value.len] = '\0';
    return OK;
}

static enum status check_type(const struct record *record, const char *type_name,
                              struct error *err) {
    struct bytes value;
    if (!find_header(record, "ce_type", &value))
        return OK;
    if (value.len == strlen(type_name) && memcmp(value.data, type_name, value.len) == 0)
        return OK;
    return error_set(err, ERR_INVALID, "header ce_type must be %s", type_name);
}

static int64_t read_time_ms(const struct record *record) {
    struct bytes value = header_or_nothing(record, "ce_time");
    int64_t time_ms;
    if (rfc3339_parse(value.data, value.len, &time_ms))
        return time_ms;
    return record->timestamp_ms >= 0 ? record->timestamp_ms : clock_now_ms();
}

/* A topic's name has at most 249 characters, a cluster's usually 22: what is
 * cut here can only be the cluster's, and never makes two records the same. */
void envelope_id_of_place(const char *cluster_id, const char *topic, int32_t partition,
                          int64_t offset, char out[static EVENT_ID_SIZE]) {
    snprintf(out, EVENT_ID_SIZE, "%.100s/%.249s/%d/%lld", cluster_id, topic, partition,
             (long long)offset);
}

enum status envelope_read(struct envelope *out, const struct record *record, const char *cluster_id,
                          const char *type_name, struct error *err) {
    struct envelope envelope = {0};
    enum status status = check_type(record, type_name, err);
    if (status == OK)
        status = read_checked(record, ENVELOPE_ID, envelope.id, err);
    if (status == OK)
        status = read_checked(record, ENVELOPE_SOURCE, envelope.source, err);
    if (status != OK)
        return status;

    if (!*envelope.id) {
        envelope_id_of_place(cluster_id, record->topic, record->partition, record->offset,
                             envelope.id);
        *envelope.source = '\0';
    }
    envelope.time_ms = read_time_ms(record);
    read_optional(record, "ce_correlationid", envelope.correlation, sizeof envelope.correlation);
    read_optional(record, "ce_causationid", envelope.causation, sizeof envelope.causation);
    read_trace(&envelope, header_or_nothing(record, "traceparent"),
               header_or_nothing(record, "tracestate"));
    if (!*envelope.traceparent)
        traceparent_derive(envelope.source, envelope.id, envelope.traceparent);
    *out = envelope;
    return OK;
}

/* Appends a header, unless its value is not known. */
static void append(struct record *record, const char *name, const char *value) {
    if (!*value)
        return;
    assert(record->n_headers < RECORD_HEADERS_MAX);
    record->headers[record->n_headers++] = (struct record_header){name, bytes_of(value)};
}

void envelope_write(const struct envelope *envelope, const char *type_name,
                    struct envelope_text *text, struct record *record) {
    clock_format_rfc3339(envelope->time_ms, text->time);
    append(record, "ce_specversion", "1.0");
    append(record, ENVELOPE_ID, envelope->id);
    append(record, "ce_type", type_name);
    append(record, ENVELOPE_SOURCE, envelope->source);
    append(record, "ce_time", text->time);
    append(record, "content-type", "application/json");
    append(record, "ce_correlationid", envelope->correlation);
    append(record, "ce_causationid", envelope->causation);
    append(record, "traceparent", envelope->traceparent);
    append(record, "tracestate", envelope->tracestate);
}
