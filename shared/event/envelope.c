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

/* The headers that are read, in the order in which our services write them. */
enum header_index {
    HEADER_ID,
    HEADER_TYPE,
    HEADER_SOURCE,
    HEADER_TIME,
    HEADER_CORRELATION,
    HEADER_CAUSATION,
    HEADER_TRACEPARENT,
    HEADER_TRACESTATE,
    N_HEADERS,
};

static const char *const header_names[N_HEADERS] = {
    [HEADER_ID] = ENVELOPE_ID,
    [HEADER_TYPE] = "ce_type",
    [HEADER_SOURCE] = ENVELOPE_SOURCE,
    [HEADER_TIME] = "ce_time",
    [HEADER_CORRELATION] = "ce_correlationid",
    [HEADER_CAUSATION] = "ce_causationid",
    [HEADER_TRACEPARENT] = "traceparent",
    [HEADER_TRACESTATE] = "tracestate",
};

/* A header that is there has an address, be it empty or null. */
struct header_values {
    struct bytes of[N_HEADERS];
};

/* N_HEADERS: it is none of those. Looks first for the one behind `last`, which
 * it nearly always is. */
static size_t find_header(const char *name, size_t last) {
    for (size_t i = 1; i <= N_HEADERS; i++) {
        size_t at = (last + i) % N_HEADERS;
        if (strcmp(name, header_names[at]) == 0)
            return at;
    }
    return N_HEADERS;
}

/* Of a header that is there several times, the last. */
static void collect_headers(const struct record *record, struct header_values *out) {
    struct record_walk walk = record_walk(record);
    struct record_header header;
    size_t last = N_HEADERS - 1;
    *out = (struct header_values){0};
    while (record_walk_next(&walk, &header)) {
        size_t at = find_header(header.name, last);
        if (at == N_HEADERS)
            continue;
        out->of[at] = header.value.data ? header.value : (struct bytes){"", 0};
        last = at;
    }
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
        n = text[at] < 0x80 ? 1 : utf8_sequence(text + at, value.len - at);
        if (n == 0 || is_control(text[at]))
            return false;
    }
    return true;
}

/* Copies the value, or nothing, and terminates it; there must be room. */
static void copy_text(struct bytes value, char *out) {
    if (value.data)
        memcpy(out, value.data, value.len);
    out[value.len] = '\0';
}

/* What is no plain text, or does not fit, counts as not there. */
static void read_optional(struct bytes value, char *out, size_t size) {
    copy_text(is_plain_text(value, size - 1) ? value : (struct bytes){"", 0}, out);
}

/* A header that may be missing but not malformed. */
static enum status check_text(const struct header_values *values, enum header_index header,
                              struct error *err) {
    struct bytes value = values->of[header];
    if (!value.data || is_plain_text(value, ENVELOPE_FOREIGN_TEXT_MAX))
        return OK;
    return error_set(err, ERR_INVALID,
                     "header %s must be 1 to %d bytes of UTF-8 without control characters",
                     header_names[header], ENVELOPE_FOREIGN_TEXT_MAX);
}

static enum status check_type(const struct header_values *values, const char *type_name,
                              struct error *err) {
    struct bytes value = values->of[HEADER_TYPE];
    if (!value.data ||
        (value.len == strlen(type_name) && memcmp(value.data, type_name, value.len) == 0))
        return OK;
    return error_set(err, ERR_INVALID, "header ce_type must be %s", type_name);
}

static int64_t read_time_ms(struct bytes value, const struct record *record) {
    int64_t time_ms;
    if (value.data && rfc3339_parse(value.data, value.len, &time_ms))
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

static void read_trace_headers(const struct header_values *values, struct envelope *envelope) {
    *envelope->traceparent = '\0';
    *envelope->tracestate = '\0';
    struct bytes parent = values->of[HEADER_TRACEPARENT], state = values->of[HEADER_TRACESTATE];
    if (parent.data)
        read_trace(envelope, parent, state);
    if (!*envelope->traceparent)
        traceparent_derive(envelope->source, envelope->id, envelope->traceparent);
}

enum status envelope_read(struct envelope *out, const struct record *record, const char *cluster_id,
                          const char *type_name, struct error *err) {
    struct header_values values;
    collect_headers(record, &values);
    enum status status = check_type(&values, type_name, err);
    if (status == OK)
        status = check_text(&values, HEADER_ID, err);
    if (status == OK)
        status = check_text(&values, HEADER_SOURCE, err);
    if (status != OK)
        return status;

    bool has_id = values.of[HEADER_ID].data;
    bool has_source = has_id && values.of[HEADER_SOURCE].data;
    if (has_id)
        copy_text(values.of[HEADER_ID], out->id);
    else
        envelope_id_of_place(cluster_id, record->topic, record->partition, record->offset, out->id);
    copy_text(has_source ? values.of[HEADER_SOURCE] : (struct bytes){"", 0}, out->source);
    out->time_ms = read_time_ms(values.of[HEADER_TIME], record);
    read_optional(values.of[HEADER_CORRELATION], out->correlation, sizeof out->correlation);
    read_optional(values.of[HEADER_CAUSATION], out->causation, sizeof out->causation);
    read_trace_headers(&values, out);
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
