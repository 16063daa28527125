#include "event/json_name.h"

#include "event/utf8.h"

#include <string.h>

static int hex_value(unsigned char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int32_t json_hex4(const unsigned char *at, const unsigned char *end) {
    int32_t value = 0;
    for (int i = 0; i < 4; i++, at++) {
        int digit = at < end ? hex_value(*at) : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

bool json_is_high_surrogate(int32_t unit) {
    return unit >= 0xd800 && unit <= 0xdbff;
}

bool json_is_low_surrogate(int32_t unit) {
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/* The four digits at *at; moves behind them. */
static int32_t next_unit(const unsigned char **at) {
    int32_t unit = json_hex4(*at, *at + 4);
    *at += 4;
    return unit;
}

/* Behind a backslash. */
static int32_t next_escaped(const unsigned char **at) {
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    unsigned char letter = *(*at)++;
    if (letter != 'u') {
        const char *found = strchr(letters, letter);
        return found ? meanings[found - letters] : letter;
    }
    int32_t unit = next_unit(at);
    if (!json_is_high_surrogate(unit))
        return unit;
    *at += strlen("\\u");
    int32_t low = next_unit(at);
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

/* Behind the first byte of a UTF-8 sequence. */
static int32_t next_continued(int32_t first, const unsigned char **at) {
    int n_more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    int32_t character = first & (0x3f >> n_more);
    for (; n_more > 0; n_more--)
        character = character << 6 | (*(*at)++ & 0x3f);
    return character;
}

/* Behind `c`, which does not stand for itself. */
static int32_t next_special(unsigned char c, const unsigned char **at) {
    if (c == '"')
        return '\0';
    return c == '\\' ? next_escaped(at) : next_continued(c, at);
}

/* Nearly every character stands for itself: that is inline. */
static inline int32_t next_char(const unsigned char **at) {
    unsigned char c = *(*at)++;
    return c < 0x80 && c != '"' && c != '\\' ? c : next_special(c, at);
}

int32_t json_next_char(const unsigned char **at) {
    return next_char(at);
}

/* FNV-1a, a character at a time. */
uint32_t json_name_hash(const unsigned char *name) {
    uint32_t hash = 2166136261u;
    name++;
    for (int32_t c; (c = next_char(&name)) != '\0';)
        hash = (hash ^ (uint32_t)c) * 16777619u;
    return hash;
}

bool json_name_equal(const unsigned char *a, const unsigned char *b) {
    int32_t c;
    a++;
    b++;
    do {
        c = next_char(&a);
        if (c != next_char(&b))
            return false;
    } while (c != '\0');
    return true;
}

static size_t encode_for_pointer(int32_t c, char out[static 4]) {
    if (c != '~' && c != '/')
        return utf8_encode((uint32_t)c, out);
    out[0] = '~';
    out[1] = c == '~' ? '0' : '1';
    return 2;
}

bool json_name_append(const unsigned char *name, char *pointer, size_t size) {
    size_t used = strlen(pointer);
    size_t at = used;
    char bytes[4] = "/";
    size_t n = 1;
    name++;
    for (int32_t c;;) {
        if (at + n >= size)
            break;
        memcpy(pointer + at, bytes, n);
        at += n;
        c = next_char(&name);
        if (c == '\0') {
            pointer[at] = '\0';
            return true;
        }
        if (c < 0x20 || c == 0x7f)
            break;
        n = encode_for_pointer(c, bytes);
    }
    pointer[used] = '\0';
    return false;
}
