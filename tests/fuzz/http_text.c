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

/* A line without its end (CR LF or LF), which leaves `text`. */
struct line {
    struct bytes text;
    bool has_cr;
};

/* False: `text` has no whole line. */
static bool take_line(struct bytes *text, struct line *out) {
    const char *begin = text->data;
    const char *feed = text->len > 0 ? memchr(begin, '\n', text->len) : NULL;
    if (!feed)
        return false;
    out->has_cr = feed > begin && feed[-1] == '\r';
    out->text = slice(begin, out->has_cr ? feed - 1 : feed);
    *text = skip(*text, (size_t)(feed + 1 - begin));
    return true;
}

/* What libmicrohttpd takes for an empty line, the first line of the fields
 * excepted: it puts a NUL in a colon's place before it looks. */
static bool ends_fields(const struct line *line, bool is_first) {
    char c = line->text.len > 0 ? *(const char *)line->text.data : '\0';
    return c == '\0' || (c == ':' && !is_first);
}

/*
 * Ends the line as it has to? libmicrohttpd leaves two NULs in its buffer where
 * it took CR LF, so that this cannot be told from NUL LF, nor from colon LF as
 * the last line.
 */
static bool take_end(struct line *line, bool is_last) {
    char c = line->text.len > 0 ? end_of(line->text)[-1] : '\r';
    if (line->has_cr || (c != '\0' && !(is_last && c == ':')))
        return line->has_cr;
    line->text.len--;
    return true;
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
    struct bytes left = text;
    struct line line;
    out->n_fields = 0;
    if (!take_line(&left, &line))
        return READ_CUT;
    out->line = line.text;
    bool is_regular = line.has_cr, has_end = true; /* has the line before ended as it has to? */
    for (bool is_first = true; take_line(&left, &line); is_first = false) {
        bool is_last = ends_fields(&line, is_first);
        /* Nor can LF, colon, CR LF be told from CR LF, CR LF. */
        if (is_last && !has_end && line.has_cr && http_bytes_are(line.text, ":")) {
            line.text.len = 0;
            has_end = true;
        }
        is_regular = is_regular && has_end;
        has_end = take_end(&line, is_last);
        if (is_last) {
            out->size = text.len - left.len;
            return is_regular && has_end && line.text.len == 0 ? READ_WHOLE : READ_MALFORMED;
        }
        is_regular = read_field(line.text, out) && is_regular;
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
    struct line line;
    if (!take_line(text, &line))
        return READ_CUT;
    struct bytes size = line.text;
    const char *extension = size.len > 0 ? memchr(size.data, ';', size.len) : NULL;
    if (extension)
        size = slice(size.data, extension);
    return read_digits(size, 16, out) ? READ_WHOLE : READ_MALFORMED;
}

static enum reading read_trailer(struct bytes *text) {
    struct line line;
    for (bool is_first = true; take_line(text, &line); is_first = false) {
        if (ends_fields(&line, is_first))
            return READ_WHOLE;
        const char *begin = line.text.data;
        bool is_folded = !is_first && is_blank(*begin);
        const char *nul = memchr(begin, '\0', line.text.len);
        size_t len = nul ? (size_t)(nul - begin) : line.text.len;
        if (!is_folded && !memchr(begin, ':', len))
            return READ_MALFORMED;
    }
    return READ_CUT;
}

enum reading http_read_chunks(struct bytes text, struct strbuf *out, size_t *out_size) {
    struct bytes left = text;
    uint64_t size;
    for (;;) {
        enum reading reading = read_chunk_size(&left, &size);
        if (reading == READ_WHOLE && size == 0)
            reading = read_trailer(&left);
        if (reading != READ_WHOLE || size == 0) {
            *out_size = text.len - left.len;
            return reading;
        }
        if (left.len <= size)
            return READ_CUT;
        strbuf_add(out, left.data, (size_t)size);
        left = skip(left, (size_t)size);
        struct line end;
        if (*(const char *)left.data != '\n' && *(const char *)left.data != '\r')
            return READ_MALFORMED;
        if (!take_line(&left, &end))
            return READ_CUT;
        if (end.text.len > 0)
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
        size_t size;
        enum reading reading = http_read_chunks(text, &out->body, &size);
        out->size += reading == READ_WHOLE ? size : 0;
        return reading == READ_WHOLE ? READ_WHOLE : READ_CUT;
    }
    if (text.len < out->length)
        return READ_CUT;
    strbuf_add(&out->body, text.data, (size_t)out->length);
    out->size += (size_t)out->length;
    return READ_WHOLE;
}

enum reading http_read_sent(struct bytes text, struct http_sent *out) {
    struct bytes left = text;
    struct line line;
    *out = (struct http_sent){0};
    strbuf_init(&out->body);
    /* libmicrohttpd passes over empty lines before a request, and over lines
     * that begin with NUL. */
    for (struct bytes next = left; take_line(&next, &line) && ends_fields(&line, true);)
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
