#include "base/uuid.h"

#include "base/clock.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Reads from the kernel in blocks: a system call for each id would cost more
 * than the id. Each thread has a block of its own, so there is no lock. */
static void random_bytes(uint8_t *out, size_t n) {
    static _Thread_local uint8_t block[256]; /* getrandom never cuts 256 bytes short */
    static _Thread_local size_t n_left;
    assert(n <= sizeof block);
    if (n_left < n) {
        if (getrandom(block, sizeof block, 0) != (ssize_t)sizeof block)
            abort(); /* no kernel that we run on lacks a random source */
        n_left = sizeof block;
    }
    n_left -= n;
    memcpy(out, block + n_left, n);
}

static char *put_hex(char *out, const uint8_t *bytes, size_t n) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    return out;
}

void uuid_v7(char out[static UUID_SIZE]) {
    /* Time and a 12-bit counter (RFC 9562, section 6.2, method 1) make one
     * number that only grows; when more than 4096 ids are made in a
     * millisecond, it runs ahead of the clock. */
    static _Thread_local uint64_t last;
    uint64_t now = (uint64_t)clock_now_ms() << 12;
    last = now > last ? now : last + 1;
    uint64_t time_ms = last >> 12;

    uint8_t id[16];
    random_bytes(id + 8, 8);
    for (int i = 0; i < 6; i++)
        id[i] = (uint8_t)(time_ms >> (40 - 8 * i));
    id[6] = (uint8_t)(0x70 | ((last >> 8) & 0x0f));
    id[7] = (uint8_t)(last & 0xff);
    id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));

    out = put_hex(out, id, 4);
    *out++ = '-';
    for (size_t at = 4; at < 10; at += 2) {
        out = put_hex(out, id + at, 2);
        *out++ = '-';
    }
    *put_hex(out, id + 10, 6) = '\0';
}

void uuid_random_hex(char *out, size_t n) {
    uint8_t bytes[32];
    assert(n > 0 && n <= sizeof bytes);
    random_bytes(bytes, n);
    bytes[n - 1] |= 1; /* the all-zero value means "none" in trace contexts */
    *put_hex(out, bytes, n) = '\0';
}
