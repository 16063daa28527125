/*
 * A byte string that grows. `data` is always terminated and may hold NUL
 * bytes. Running out of memory ends the process: every buffer here is bounded
 * by its caller to kilobytes, so no caller could do better.
 */
#pragma once

#include <stddef.h>
#include <string.h>

struct strbuf {
    char *data;
    size_t len;
    size_t size; /* allocated; 0: nothing yet, `data` is a static "" */
};

/* An empty buffer; allocates on the first write. */
void strbuf_init(struct strbuf *buf);

/* Frees the bytes and leaves an empty buffer. */
void strbuf_release(struct strbuf *buf);

/* Forgets the bytes and keeps the memory. */
void strbuf_reset(struct strbuf *buf);

/* strbuf_reserve's, where there is no room. */
void strbuf_grow(struct strbuf *buf, size_t n);

/* Has room for `n` more bytes, so that adding them allocates nothing. */
static inline void strbuf_reserve(struct strbuf *buf, size_t n) {
    if (buf->len + n >= buf->size)
        strbuf_grow(buf, n);
}

/* Inline, as texts are made of many short pieces, most of known length. */
static inline void strbuf_add(struct strbuf *buf, const void *bytes, size_t n) {
    strbuf_reserve(buf, n);
    if (n > 0)
        memcpy(buf->data + buf->len, bytes, n);
    buf->len += n;
    buf->data[buf->len] = '\0';
}

static inline void strbuf_add_str(struct strbuf *buf, const char *text) {
    strbuf_add(buf, text, strlen(text));
}

static inline void strbuf_add_char(struct strbuf *buf, char c) {
    strbuf_add(buf, &c, 1);
}

void strbuf_add_int(struct strbuf *buf, long long number);
void strbuf_printf(struct strbuf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Hands over the bytes, to be freed with free(), and leaves an empty buffer. */
char *strbuf_detach(struct strbuf *buf, size_t *out_len);
