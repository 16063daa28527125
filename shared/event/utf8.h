/* UTF-8 (RFC 3629), a character at a time. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The bytes, 1 to 4, of the character that `bytes` begins with; 0 when it
 * begins with none: a stray continuation byte, an overlong form, a surrogate,
 * a value above U+10FFFF, or a sequence that goes on past `len` bytes.
 */
size_t utf8_sequence(const unsigned char *bytes, size_t len);

/* Writes a character (not a surrogate, at most U+10FFFF) and returns its
 * number of bytes. No terminator. */
size_t utf8_encode(uint32_t character, char out[static 4]);
