/*
 * JSON as this project reads and writes it: a strict reader in front of cJSON,
 * and a writer that appends to a buffer.
 */
#pragma once

#include "base/status.h"
#include "base/strbuf.h"

#include <stddef.h>
#include <stdint.h>

struct cJSON;

/* Bounds of the reader, beyond what RFC 8259 says (which allows them, section 9). */
enum {
    JSON_DEPTH_MAX = 16,   /* objects and arrays within each other */
    JSON_MEMBERS_MAX = 64, /* of one object; what makes finding members given twice cheap */
    JSON_NUMBER_MAX = 63,  /* characters of a number; cJSON reads no more of them */
};

/* Where and why a text is not strict JSON. Lines and columns count from 1,
 * columns in bytes. `pointer` (JSON Pointer, RFC 6901) names the value or
 * member at fault as far as it was read; where it would be too long or hold
 * control characters, it stops at something around that. */
struct json_fault {
    size_t line;
    size_t column;
    char pointer[96];
    char detail[96];
};

/*
 * Parses a text that must be one JSON value: RFC 8259's grammar, valid UTF-8,
 * no byte order mark, no NUL (raw or escaped), no lone surrogate, no member
 * twice (names are compared unescaped), numbers within a double's range, and
 * the bounds above. The tree is the caller's, to be freed with cJSON_Delete.
 * ERR_INVALID: it is not that, and `fault` says where. `text` need not be
 * terminated; NULL is the empty text. Any thread.
 */
enum status json_parse(const char *text, size_t len, struct cJSON **out, struct json_fault *fault);

/* Reads an amount of money: a number from 0 with at most two decimals.
 * ERR_INVALID: it is not one, or more than `max_cents` (itself at most 10^13:
 * to there a double tells all cents apart). */
enum status json_cents(double number, int64_t max_cents, int64_t *out_cents);

/* Appends a string with its quotes, escaped as RFC 8259 demands and no more. */
void json_add_string(struct strbuf *out, const char *text);

/* The same for bytes that need not be terminated or valid UTF-8: each byte
 * that is part of no character is replaced by U+FFFD. */
void json_add_bytes(struct strbuf *out, const char *text, size_t len);

/* Appends cents, from 0, as a JSON number of the currency: 8000 as 80, 8050 as
 * 80.5. */
void json_add_cents(struct strbuf *out, int64_t cents);
