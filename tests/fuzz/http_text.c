#include "fuzz/http_text.h"

#include <string.h>
#include <strings.h>

static struct bytes slice(const char *from, const char *to) {
    return (struct bytes){from, (size_t)(to - from)};
}

static const char *end_of(struct bytes bytes) {
    return (const char *)bytes.data + bytes.len;
}

static struct bytes skip(struct bytes bytes, size_t n) {
    return (struct bytes){(const char *)bytes.data + n, bytes.len - n};
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool is_token(struct bytes bytes) {
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
                                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (const char *at = bytes.data; at < end_of(bytes); at++)
        if (!memchr(allowed, *at, sizeof allowed - 1))
            return false;
    return bytes.len > 0;
}

static bool is_value(struct bytes bytes) {
    for (const char *at = bytes.data; at < end_of(bytes); at++)
        if (((unsigned char)*at < ' ' && *at != '\t') || *at == 0x7f)
            return false;
    return true;
}

bool http_bytes_are(struct bytes bytes, const char *text) {
    return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

bool http_bytes_are_like(struct bytes bytes, const char *text) {
    return bytes.len == strlen(text) && strncasecmp(bytes.data, text, bytes.len) == 0;
}

/* The next line, with its end: CR LF, or LF alone, which libmicrohttpd takes, too.
 * False: `text` has no whole line. */
static bool take_line(struct bytes *text, struct bytes *out) {
    const char *feed = text->len > 0 ? memchr(text->data, '\n', text->len) : NULL;
    if (!feed)
        return false;
    *out = slice(text->data, feed + 1);
    *text = skip(*text, out->len);
    return true;
}

static struct bytes without_end(struct bytes line) {
    const char *feed = end_of(line) - 1;
    bool has_return = feed > (const char *)line.data && feed[-1] == '\r';
    return slice(line.data, has_return ? feed - 1 : feed);
}

/* The line up to its first NUL, which ends it for libmicrohttpd. */
static struct bytes text_of(struct bytes line) {
    struct bytes text = without_end(line);
    const char *nul = text.len > 0 ? memchr(text.data, '\0', text.len) : NULL;
    return nul ? slice(text.data, nul) : text;
}

/* What libmicrohttpd takes for an empty line, the first line of the fields
 * excepted: it puts a NUL in a colon's place before it looks. */
static bool ends_fields(struct bytes line, bool is_first) {
    return text_of(line).len == 0 || (*(const char *)line.data == ':' && !is_first);
}

/*
 * Where libmicrohttpd cuts lines it writes NULs in place of CR LF, and cannot be
 * asked what was there. Is all that it has left behind `text`, the last before
 * the empty line, the four NULs that CR LF, CR LF become?
 */
static bool head_ends_so(struct bytes text, struct bytes last_line) {
    const char *at = end_of(text), *end = end_of(last_line);
    if (end - at != 4)
        return false;
    while (at < end &&
           (*at == '\0' || *at == '\n' || (*at == '\r' && at[1] == '\n') || at == last_line.data))
        at++;
    return at == end;
}

static bool read_field(struct bytes line, struct http_head *head) {
    const char *colon = line.len > 0 ? memchr(line.data, ':', line.len) : NULL;
    if (!colon || head->n_fields == HTTP_FIELDS_MAX)
        return false;
    const char *value = colon + 1;
    while (value < end_of(line) && is_blank(*value))
        value++;
    struct http_field field = {slice(line.data, colon), slice(value, end_of(line))};
    head->fields[head->n_fields++] = field;
    return is_token(field.name) && is_value(field.value);
}

enum reading http_read_head(struct bytes text, struct http_head *out) {
    struct bytes left = text, line;
    out->n_fields = 0;
    if (!take_line(&left, &line))
        return READ_CUT;
    struct bytes last = out->line = without_end(line); /* the text before `line` */
    bool is_regular = true;
    for (bool is_first = true; take_line(&left, &line); is_first = false) {
        if (ends_fields(line, is_first)) {
            out->size = text.len - left.len;
            return is_regular && head_ends_so(last, line) ? READ_WHOLE : READ_MALFORMED;
        }
        /* It was CR LF, or NUL LF, which leaves the same. */
        is_regular = is_regular && line.data == end_of(last) + 2;
        last = text_of(line);
        is_regular = read_field(last, out) && is_regular;
    }
    return READ_CUT;
}

size_t http_count_fields(const struct http_head *head, const char *name) {
    size_t n = 0;
    for (size_t i = 0; i < head->n_fields; i++)
        n += http_bytes_are_like(head->fields[i].name, name);
    return n;
}

struct bytes http_find_field(const struct http_head *head, const char *name) {
    for (size_t i = 0; i < head->n_fields; i++)
        if (http_bytes_are_like(head->fields[i].name, name))
            return head->fields[i].value;
    return (struct bytes){NULL, 0};
}

static bool list_has(struct bytes list, const char *token) {
    const char *end = end_of(list);
    for (const char *item = list.data; item < end; item++) {
        while (item < end && is_blank(*item))
            item++;
        const char *comma = item < end ? memchr(item, ',', (size_t)(end - item)) : NULL;
        const char *item_end = comma ? comma : end;
        while (item_end > item && is_blank(item_end[-1]))
            item_end--;
        if (http_bytes_are_like(slice(item, item_end), token))
            return true;
        item = comma ? comma : end;
    }
    return false;
}

bool http_has_token(const struct http_head *head, const char *name, const char *token) {
    for (size_t i = 0; i < head->n_fields; i++)
        if (http_bytes_are_like(head->fields[i].name, name) &&
            list_has(head->fields[i].value, token))
            return true;
    return false;
}

static bool read_digits(struct bytes digits, unsigned base, uint64_t *out) {
    static const char values[] = "0123456789abcdef";
    uint64_t number = 0;
    for (const char *at = digits.data; at < end_of(digits); at++) {
        char c = *at >= 'A' && *at <= 'F' ? (char)(*at - 'A' + 'a') : *at;
        const char *found = memchr(values, c, base);
        if (!found || number > (UINT64_MAX - (uint64_t)(found - values)) / base)
            return false;
        number = number * base + (uint64_t)(found - values);
    }
    *out = number;
    return digits.len > 0;
}

bool http_read_number(struct bytes digits, uint64_t *out) {
    return read_digits(digits, 10, out);
}

/* libmicrohttpd takes a bare LF for a line's end here, at the end of a chunk,
 * too; therefore the server ends the connection after a chunked request. */
static enum reading read_chunk_size(struct bytes *text, uint64_t *out) {
    struct bytes line;
    if (!take_line(text, &line))
        return READ_CUT;
    struct bytes size = without_end(line);
    const char *extension = size.len > 0 ? memchr(size.data, ';', size.len) : NULL;
    if (extension)
        size = slice(size.data, extension);
    return read_digits(size, 16, out) ? READ_WHOLE : READ_MALFORMED;
}

static enum reading read_trailer(struct bytes *text) {
    struct bytes line;
    for (bool is_first = true; take_line(text, &line); is_first = false) {
        if (ends_fields(line, is_first))
            return READ_WHOLE;
        struct bytes field = text_of(line);
        bool is_folded = !is_first && is_blank(*(const char *)field.data);
        if (!is_folded && !memchr(field.data, ':', field.len))
            return READ_MALFORMED;
    }
    return READ_CUT;
}

enum reading http_read_chunks(struct bytes text, struct strbuf *out, struct bytes *trailer) {
    struct bytes left = text;
    uint64_t size;
    for (;;) {
        enum reading reading = read_chunk_size(&left, &size);
        const char *begin = left.data;
        if (reading == READ_WHOLE && size == 0)
            reading = read_trailer(&left);
        if (reading != READ_WHOLE || size == 0) {
            *trailer = slice(begin, left.data);
            return reading;
        }
        if (left.len <= size)
            return READ_CUT;
        strbuf_add(out, left.data, (size_t)size);
        left = skip(left, (size_t)size);
        struct bytes end;
        if (*(const char *)left.data != '\n' && *(const char *)left.data != '\r')
            return READ_MALFORMED;
        if (!take_line(&left, &end))
            return READ_CUT;
        if (without_end(end).len > 0)
            return READ_MALFORMED;
    }
}

/* Method, target and version of HTTP/1.x, with one space between. */
static bool read_line(struct http_sent *out) {
    struct bytes line = out->head.line;
    const char *begin = line.data, *end = end_of(line);
    const char *first = line.len > 0 ? memchr(begin, ' ', line.len) : NULL;
    const char *second = first ? memchr(first + 1, ' ', (size_t)(end - first - 1)) : NULL;
    if (!second)
        return false;
    out->method = slice(begin, first);
    out->target = slice(first + 1, second);
    struct bytes version = slice(second + 1, end);
    if (version.len != strlen("HTTP/1.1") || memcmp(version.data, "HTTP/1.", 7) != 0)
        return false;
    char minor = end[-1];
    out->is_http_1_0 = minor == '0';
    return is_token(out->method) && out->target.len > 0 && minor >= '0' && minor <= '9';
}

/* Can two servers not disagree about where the request ends, and for whom it is? */
static bool framing_is_clear(struct http_sent *out) {
    const struct http_head *head = &out->head;
    size_t n_hosts = http_count_fields(head, "Host");
    size_t n_lengths = http_count_fields(head, "Content-Length");
    size_t n_codings = http_count_fields(head, "Transfer-Encoding");
    if (n_hosts > 1 || (n_hosts == 0 && !out->is_http_1_0) || n_lengths + n_codings > 1)
        return false;
    if (n_lengths == 1)
        return http_read_number(http_find_field(head, "Content-Length"), &out->length);
    out->is_chunked = n_codings == 1;
    return !out->is_chunked ||
           (!out->is_http_1_0 &&
            http_bytes_are_like(http_find_field(head, "Transfer-Encoding"), "chunked"));
}

static enum reading read_body(struct bytes text, struct http_sent *out) {
    if (out->is_chunked) {
        struct bytes trailer;
        if (http_read_chunks(text, &out->body, &trailer) != READ_WHOLE)
            return READ_CUT;
        out->trailer = trailer;
        out->size += (size_t)(end_of(trailer) - (const char *)text.data);
        return READ_WHOLE;
    }
    if (text.len < out->length)
        return READ_CUT;
    strbuf_add(&out->body, text.data, (size_t)out->length);
    out->size += (size_t)out->length;
    return READ_WHOLE;
}

enum reading http_read_sent(struct bytes text, struct http_sent *out) {
    struct bytes left = text;
    struct bytes line;
    *out = (struct http_sent){0};
    strbuf_init(&out->body);
    /* libmicrohttpd passes over empty lines before a request, and over lines
     * that begin with NUL. */
    for (struct bytes next = left; take_line(&next, &line) && ends_fields(line, true);)
        left = next;
    enum reading reading = http_read_head(left, &out->head);
    if (reading != READ_WHOLE)
        return reading;
    out->size = text.len - left.len + out->head.size;
    out->is_clear = read_line(out) && framing_is_clear(out);
    if (!out->is_clear)
        return READ_MALFORMED;
    out->has_expectation = http_count_fields(&out->head, "Expect") > 0;
    out->closes = http_has_token(&out->head, "Connection", "close") ||
                  (out->is_http_1_0 && !http_has_token(&out->head, "Connection", "Keep-Alive"));
    return read_body(skip(text, out->size), out);
}

void http_sent_release(struct http_sent *sent) {
    strbuf_release(&sent->body);
}
