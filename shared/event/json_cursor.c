#include "event/json_cursor.h"

#include "event/json_name.h"
#include "event/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void skip_space(struct json_cursor *cursor) {
    while (cursor->at < cursor->end && *cursor->at <= ' ')
        cursor->at++;
}

struct json_cursor json_cursor(const char *text, size_t len) {
    const unsigned char *start = (const unsigned char *)text;
    struct json_cursor cursor = {start, start + len};
    skip_space(&cursor);
    return cursor;
}

enum json_kind json_kind(const struct json_cursor *cursor) {
    switch (*cursor->at) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
    case 'f':
    case 'n':
        return JSON_WORD;
    default:
        return JSON_NUMBER;
    }
}

bool json_enter(struct json_cursor *cursor) {
    cursor->at++;
    skip_space(cursor);
    bool is_empty = *cursor->at == '}' || *cursor->at == ']';
    cursor->at += is_empty ? 1 : 0;
    return !is_empty;
}

bool json_next(struct json_cursor *cursor) {
    skip_space(cursor);
    if (*cursor->at++ != ',')
        return false;
    skip_space(cursor);
    return true;
}

static bool is_plain(unsigned char c) {
    return c < 0x80 && c != '"' && c != '\\';
}

/* At the opening quote. */
static bool take_text(struct json_cursor *cursor, char *out, size_t size) {
    const unsigned char *at = cursor->at + 1;
    size_t len = 0;
    bool fits = true;
    while (is_plain(*at) && len + 1 < size)
        out[len++] = (char)*at++;
    for (int32_t c; (c = json_next_char(&at)) != '\0';) {
        char bytes[4];
        size_t n = utf8_encode((uint32_t)c, bytes);
        fits = fits && len + n < size;
        if (!fits)
            continue;
        memcpy(out + len, bytes, n);
        len += n;
    }
    out[len] = '\0';
    cursor->at = at;
    return fits;
}

static void skip_text(struct json_cursor *cursor) {
    for (cursor->at++; *cursor->at != '"'; cursor->at++)
        cursor->at += *cursor->at == '\\' ? 1 : 0;
    cursor->at++;
}

/* Behind a name. */
static void skip_colon(struct json_cursor *cursor) {
    skip_space(cursor);
    cursor->at++;
    skip_space(cursor);
}

bool json_take_name(struct json_cursor *cursor, char *out, size_t size) {
    bool fits = take_text(cursor, out, size);
    skip_colon(cursor);
    return fits;
}

bool json_take_string(struct json_cursor *cursor, char *out, size_t size) {
    if (json_kind(cursor) == JSON_STRING)
        return take_text(cursor, out, size);
    json_skip(cursor);
    return false;
}

bool json_take_number(struct json_cursor *cursor, double *out) {
    if (json_kind(cursor) != JSON_NUMBER) {
        json_skip(cursor);
        return false;
    }
    char *end; /* what follows inside an object or array ends the number */
    *out = strtod((const char *)cursor->at, &end);
    cursor->at = (const unsigned char *)end;
    return true;
}

static void skip_inside(struct json_cursor *cursor, bool has_names) {
    for (bool more = json_enter(cursor); more; more = json_next(cursor)) {
        if (has_names) {
            skip_text(cursor);
            skip_colon(cursor);
        }
        json_skip(cursor);
    }
}

static bool ends_word(unsigned char c) {
    return c <= ' ' || c == ',' || c == '}' || c == ']';
}

/* The recursion is bounded by JSON_DEPTH_MAX. */
void json_skip(struct json_cursor *cursor) {
    enum json_kind kind = json_kind(cursor);
    if (kind == JSON_OBJECT || kind == JSON_ARRAY)
        skip_inside(cursor, kind == JSON_OBJECT);
    else if (kind == JSON_STRING)
        skip_text(cursor);
    else
        while (cursor->at < cursor->end && !ends_word(*cursor->at))
            cursor->at++;
}
