#include "fuzz/oracle.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum { MARK = 0xa5 };

/* The bytes of the character at `bytes`, by its value: 0 if it is none. */
static size_t character_length(const unsigned char *bytes, size_t len) {
    static const struct {
        unsigned char mask, mark;
        uint32_t min;
    } forms[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t n = 1; n <= 4 && n <= len; n++) {
        if ((bytes[0] & forms[n - 1].mask) != forms[n - 1].mark)
            continue;
        uint32_t value = bytes[0] & (unsigned char)~forms[n - 1].mask;
        for (size_t i = 1; i < n; i++) {
            if ((bytes[i] & 0xc0) != 0x80)
                return 0;
            value = value << 6 | (bytes[i] & 0x3f);
        }
        bool is_surrogate = value >= 0xd800 && value <= 0xdfff;
        return value >= forms[n - 1].min && value <= 0x10ffff && !is_surrogate ? n : 0;
    }
    return 0;
}

bool oracle_is_utf8(const char *text, size_t len) {
    for (size_t at = 0, n; at < len; at += n) {
        n = character_length((const unsigned char *)text + at, len - at);
        if (n == 0)
            return false;
    }
    return true;
}

bool oracle_is_json_pointer(const char *text) {
    if (*text != '\0' && *text != '/')
        return false;
    for (const char *at = text; *at; at++) {
        if (*at == '~' && at[1] != '0' && at[1] != '1')
            return false;
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    }
    return oracle_is_utf8(text, strlen(text));
}

bool oracle_is_id(const char *text) {
    size_t len = strnlen(text, ID_SIZE);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f)
            return false;
    return len > 0 && len < ID_SIZE;
}

void oracle_mark(void *object, size_t size) {
    memset(object, MARK, size);
}

bool oracle_is_marked(const void *object, size_t size) {
    const unsigned char *bytes = object;
    return bytes[0] == MARK && memcmp(bytes, bytes + 1, size - 1) == 0;
}

void oracle_check_faults(const struct contract_faults *faults) {
    assert(faults->n >= 1 && faults->n <= CONTRACT_FAULTS_MAX);
    assert(!faults->is_syntax || faults->n == 1);
    for (size_t i = 0; i < faults->n; i++) {
        const struct contract_fault *fault = &faults->items[i];
        assert(memchr(fault->pointer, '\0', sizeof fault->pointer));
        assert(memchr(fault->detail, '\0', sizeof fault->detail));
        assert(oracle_is_json_pointer(fault->pointer));
        assert(*fault->detail);
    }
    char line[64];
    oracle_mark(line, sizeof line);
    contract_faults_describe(faults, line, sizeof line);
    assert(*line && memchr(line, '\0', sizeof line) && !strchr(line, '\n'));
}
