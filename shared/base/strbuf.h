/*
 * A byte string that grows. `data` is always terminated and may hold NUL
 * bytes. Running out of memory ends the process: every buffer here is bounded
 * by its caller to kilobytes, so no caller could do better.
 */
#pragma once

#include <stddef.h>

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

void strbuf_add(struct strbuf *buf, const void *bytes, size_t n);
void strbuf_add_str(struct strbuf *buf, const char *text);
void strbuf_add_char(struct strbuf *buf, char c);
void strbuf_add_int(struct strbuf *buf, long long number);
void strbuf_printf(struct strbuf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Hands over the bytes, to be freed with free(), and leaves an empty buffer. */
char *strbuf_detach(struct strbuf *buf, size_t *out_len);
