#include "event/trace.h"

#include "base/uuid.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Where the parts of a traceparent begin, and how many characters they have. */
enum {
    TRACE_ID_AT = 3,
    TRACE_ID_LENGTH = 32,
    SPAN_ID_AT = 36,
    SPAN_ID_LENGTH = 16,
    FLAGS_AT = 53,
    TRACEPARENT_LENGTH = TRACEPARENT_SIZE - 1,
};

/* 0 to 15, or -1; the standard allows only lower case. */
static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether it is laid out as two, 32, 16 and two digits with dashes between. */
static bool has_layout(const char *text) {
    for (int i = 0; i < TRACEPARENT_LENGTH; i++) {
        bool is_dash = i == TRACE_ID_AT - 1 || i == SPAN_ID_AT - 1 || i == FLAGS_AT - 1;
        if (is_dash ? text[i] != '-' : hex_value(text[i]) < 0)
            return false;
    }
    return true;
}

static bool is_zero(const char *digits, size_t n) {
    return strspn(digits, "0") >= n;
}

bool traceparent_parse(const char *text, size_t len, char out[static TRACEPARENT_SIZE]) {
    if (len < TRACEPARENT_LENGTH || !has_layout(text) || memcmp(text, "ff", 2) == 0)
        return false;
    bool is_version_00 = memcmp(text, "00", 2) == 0;
    if (len > TRACEPARENT_LENGTH && (is_version_00 || text[TRACEPARENT_LENGTH] != '-'))
        return false;

    char parent[TRACEPARENT_SIZE] = {0};
    memcpy(parent, text, TRACEPARENT_LENGTH);
    if (is_zero(parent + TRACE_ID_AT, TRACE_ID_LENGTH) ||
        is_zero(parent + SPAN_ID_AT, SPAN_ID_LENGTH))
        return false;

    bool is_sampled = hex_value(parent[FLAGS_AT + 1]) & 1;
    memcpy(parent, "00", 2);
    memcpy(parent + FLAGS_AT, is_sampled ? "01" : "00", 2);
    memcpy(out, parent, sizeof parent);
    return true;
}

bool tracestate_copy(const char *text, size_t len, char out[static TRACESTATE_SIZE]) {
    if (len == 0 || len >= TRACESTATE_SIZE)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

void traceparent_start(char out[static TRACEPARENT_SIZE]) {
    strcpy(out, "00-");
    uuid_random_hex(out + TRACE_ID_AT, TRACE_ID_LENGTH / 2);
    out[SPAN_ID_AT - 1] = '-';
    uuid_random_hex(out + SPAN_ID_AT, SPAN_ID_LENGTH / 2);
    strcpy(out + FLAGS_AT - 1, "-01");
}

/* FNV-1a, the terminator included: "ab", "c" and "a", "bc" are two events. */
static uint64_t add_hash(uint64_t hash, const char *text) {
    do
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    while (*text++);
    return hash;
}

/* The next of a sequence of well-mixed words (splitmix64). */
static uint64_t next_word(uint64_t *state) {
    uint64_t word = *state += UINT64_C(0x9e3779b97f4a7c15);
    word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

void traceparent_derive(const char *source, const char *id, char out[static TRACEPARENT_SIZE]) {
    uint64_t state = add_hash(add_hash(UINT64_C(14695981039346656037), source), id);
    uint64_t high = next_word(&state), low = next_word(&state);
    uint64_t span = next_word(&state) | 1; /* zero is not valid */
    snprintf(out, TRACEPARENT_SIZE, "00-%016" PRIx64 "%016" PRIx64 "-%016" PRIx64 "-01", high, low,
             span);
}

void traceparent_continue(char traceparent[static TRACEPARENT_SIZE]) {
    char span_id[SPAN_ID_LENGTH + 1];
    uuid_random_hex(span_id, SPAN_ID_LENGTH / 2);
    memcpy(traceparent + SPAN_ID_AT, span_id, SPAN_ID_LENGTH);
}
