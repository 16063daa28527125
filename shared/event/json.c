#include "event/json.h"

#include "event/json_check.h"
#include "event/utf8.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum status json_parse(const char *text, size_t len, struct cJSON **out, struct json_fault *fault) {
    if (!json_check(text, len, fault))
        return ERR_INVALID;
    struct cJSON *tree = cJSON_ParseWithLength(text, len);
    if (!tree)
        abort(); /* cJSON reads all that was checked: it can only lack memory */
    *out = tree;
    return OK;
}

enum status json_cents(double number, int64_t max_cents, int64_t *out_cents) {
    if (!(number >= 0 && number <= (double)max_cents / 100))
        return ERR_INVALID;
    int64_t cents = (int64_t)(number * 100 + 0.5);
    /* A decimal fraction is the double nearest to it, and so is this quotient. */
    if ((double)cents / 100 != number)
        return ERR_INVALID;
    *out_cents = cents;
    return OK;
}

/* The letter of a character's short escape, or '\0' where it has none. */
static char short_escape(unsigned char c) {
    static const char characters[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = c != '\0' ? strchr(characters, c) : NULL;
    return found ? letters[found - characters] : '\0';
}

static void add_escaped(struct strbuf *out, unsigned char c) {
    char letter = short_escape(c);
    if (letter)
        strbuf_add(out, (char[]){'\\', letter}, 2);
    else
        strbuf_printf(out, "\\u%04x", c);
}

/* How many bytes at `bytes` can stand in a string as they are. */
static size_t plain_length(const unsigned char *bytes, size_t len) {
    size_t at = 0;
    while (at < len && bytes[at] >= 0x20 && bytes[at] != '"' && bytes[at] != '\\') {
        size_t n = bytes[at] < 0x80 ? 1 : utf8_sequence(bytes + at, len - at);
        if (n == 0)
            break;
        at += n;
    }
    return at;
}

void json_add_bytes(struct strbuf *out, const char *text, size_t len) {
    const unsigned char *bytes = (const unsigned char *)text;
    strbuf_add_char(out, '"');
    for (size_t at = 0; at < len;) {
        size_t n = plain_length(bytes + at, len - at);
        strbuf_add(out, text + at, n);
        at += n;
        if (at == len)
            break;
        if (bytes[at] < 0x80)
            add_escaped(out, bytes[at]);
        else
            strbuf_add_str(out, "\xef\xbf\xbd");
        at++;
    }
    strbuf_add_char(out, '"');
}

void json_add_string(struct strbuf *out, const char *text) {
    json_add_bytes(out, text, strlen(text));
}

void json_add_cents(struct strbuf *out, int64_t cents) {
    assert(cents >= 0);
    strbuf_add_int(out, cents / 100);
    int fraction = (int)(cents % 100);
    if (fraction == 0)
        return;
    strbuf_add(out, (char[]){'.', (char)('0' + fraction / 10)}, 2);
    if (fraction % 10 != 0)
        strbuf_add_char(out, (char)('0' + fraction % 10));
}
