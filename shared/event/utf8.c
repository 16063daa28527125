#include "event/utf8.h"

#include <stdbool.h>

/* What may follow a leading byte: overlong forms, surrogates and values that
 * are too large all show in the second byte (RFC 3629, section 4). */
struct lead {
    unsigned char first, last; /* leading bytes */
    unsigned char low, high;   /* second bytes */
    unsigned char length;
};

static const struct lead leads[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static bool is_continuation(unsigned char byte) {
    return (byte & 0xc0) == 0x80;
}

static const struct lead *find_lead(unsigned char byte) {
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++)
        if (byte >= leads[i].first && byte <= leads[i].last)
            return &leads[i];
    return NULL;
}

size_t utf8_sequence(const unsigned char *bytes, size_t len) {
    if (len == 0)
        return 0;
    if (bytes[0] < 0x80)
        return 1;
    const struct lead *lead = find_lead(bytes[0]);
    if (!lead || lead->length > len)
        return 0;
    if (bytes[1] < lead->low || bytes[1] > lead->high)
        return 0;
    for (size_t i = 2; i < lead->length; i++)
        if (!is_continuation(bytes[i]))
            return 0;
    return lead->length;
}

size_t utf8_encode(uint32_t character, char out[static 4]) {
    if (character < 0x80) {
        out[0] = (char)character;
        return 1;
    }
    size_t length = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, character >>= 6)
        out[i] = (char)(0x80 | (character & 0x3f));
    static const unsigned char marks[] = {[2] = 0xc0, [3] = 0xe0, [4] = 0xf0};
    out[0] = (char)(marks[length] | character);
    return length;
}
