#include "http/target.h"

#include "event/utf8.h"

#include <stdbool.h>
#include <string.h>

void target_init(struct target *target) {
    *target = (struct target){.path = ""};
    strbuf_init(&target->text);
}

void target_release(struct target *target) {
    strbuf_release(&target->text);
    target_init(target);
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_utf8(const char *text, size_t len) {
    for (size_t at = 0; at < len;) {
        size_t n = utf8_sequence((const unsigned char *)text + at, len - at);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

/* Decodes the terminated `text` in place. */
static enum status decode(char *text, struct error *err) {
    char *out = text;
    for (const char *in = text; *in != '\0'; in++) {
        if (*in != '%') {
            *out++ = *in;
            continue;
        }
        int high = hex_value(in[1]);
        int low = high < 0 ? -1 : hex_value(in[2]);
        if (low < 0)
            return error_set(err, ERR_INVALID, "a %% is not followed by two hexadecimal digits");
        if (high == 0 && low == 0)
            return error_set(err, ERR_INVALID, "%%00 is not allowed");
        *out++ = (char)(high << 4 | low);
        in += 2;
    }
    *out = '\0';
    if (!is_utf8(text, (size_t)(out - text)))
        return error_set(err, ERR_INVALID, "an escaped text is not valid UTF-8");
    return OK;
}

/* Cuts `text` at the first `separator` and returns what follows, or NULL. */
static char *cut(char *text, char separator) {
    char *found = strchr(text, separator);
    if (found)
        *found++ = '\0';
    return found;
}

static enum status parse_segments(struct target *target, char *path, struct error *err) {
    for (char *segment = path + 1; segment;) {
        char *next = cut(segment, '/');
        if (target->n_segments >= TARGET_SEGMENTS_MAX) {
            target->n_segments = TARGET_SEGMENTS_MAX + 1;
            return OK;
        }
        enum status status = decode(segment, err);
        if (status != OK)
            return error_wrap(err, status, "in the path");
        target->segments[target->n_segments++] = segment;
        segment = next;
    }
    return OK;
}

static enum status parse_field(struct target *target, char *field, struct error *err) {
    for (char *plus = strchr(field, '+'); plus; plus = strchr(plus, '+'))
        *plus = ' ';
    char *value = cut(field, '=');
    if (!value)
        value = field + strlen(field);
    enum status status = decode(field, err);
    if (status == OK)
        status = decode(value, err);
    if (status != OK)
        return error_wrap(err, status, "in the query");
    if (target->n_fields == TARGET_FIELDS_MAX)
        return error_set(err, ERR_INVALID, "more than %d query fields", TARGET_FIELDS_MAX);
    target->fields[target->n_fields++] = (struct target_field){field, value};
    return OK;
}

static enum status parse_query(struct target *target, char *query, struct error *err) {
    while (query) {
        char *next = cut(query, '&');
        enum status status = *query != '\0' ? parse_field(target, query, err) : OK;
        if (status != OK)
            return status;
        query = next;
    }
    return OK;
}

/* What is not visible ASCII has to come escaped (RFC 3986, section 2). */
static bool is_visible(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return true;
}

enum status target_parse(struct target *target, const char *text, size_t len, struct error *err) {
    target->path = "";
    target->n_segments = target->n_fields = 0;
    if (len == 0 || text[0] != '/')
        return error_set(err, ERR_INVALID, "the request target is not an absolute path");
    if (!is_visible(text, len))
        return error_set(err, ERR_INVALID, "the request target has an unescaped character");

    /* One copy stays as it is, the other one is taken apart. */
    strbuf_reset(&target->text);
    strbuf_add(&target->text, text, len);
    strbuf_add(&target->text, "", 1);
    strbuf_add(&target->text, text, len);
    char *path = target->text.data + len + 1;
    char *query = cut(path, '?');
    cut(target->text.data, '?');
    target->path = target->text.data;

    enum status status = parse_segments(target, path, err);
    return status == OK ? parse_query(target, query, err) : status;
}

const char *target_query(const struct target *target, const char *name) {
    for (size_t i = 0; i < target->n_fields; i++)
        if (strcmp(target->fields[i].name, name) == 0)
            return target->fields[i].value;
    return NULL;
}
