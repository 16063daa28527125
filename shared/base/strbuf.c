#include "base/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static char strbuf_nothing[1]; /* never written: stands for the data of an empty buffer */

void strbuf_init(struct strbuf *buf) {
    *buf = (struct strbuf){.data = strbuf_nothing};
}

void strbuf_release(struct strbuf *buf) {
    if (buf->size > 0)
        free(buf->data);
    strbuf_init(buf);
}

void strbuf_reset(struct strbuf *buf) {
    buf->len = 0;
    if (buf->size > 0)
        buf->data[0] = '\0';
}

void strbuf_grow(struct strbuf *buf, size_t n) {
    size_t needed = buf->len + n + 1;
    size_t size = buf->size > 0 ? buf->size : 128;
    while (size < needed)
        size *= 2;
    char *data = realloc(buf->size > 0 ? buf->data : NULL, size);
    if (!data)
        abort();
    if (buf->size == 0)
        data[0] = '\0';
    buf->data = data;
    buf->size = size;
}

void strbuf_add_int(struct strbuf *buf, long long number) {
    char digits[24];
    char *end = digits + sizeof digits, *at = end;
    unsigned long long rest =
        number < 0 ? 0 - (unsigned long long)number : (unsigned long long)number;
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        *--at = '-';
    strbuf_add(buf, at, (size_t)(end - at));
}

void strbuf_printf(struct strbuf *buf, const char *format, ...) {
    strbuf_reserve(buf, 0);
    size_t room = buf->size - buf->len;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(buf->data + buf->len, room, format, args);
    va_end(args);
    if (n < 0)
        abort(); /* only a wrong format string gets here */
    if ((size_t)n >= room) {
        strbuf_reserve(buf, (size_t)n);
        va_start(args, format);
        vsnprintf(buf->data + buf->len, (size_t)n + 1, format, args);
        va_end(args);
    }
    buf->len += (size_t)n;
}

char *strbuf_detach(struct strbuf *buf, size_t *out_len) {
    strbuf_reserve(buf, 0);
    char *data = buf->data;
    *out_len = buf->len;
    strbuf_init(buf);
    return data;
}
