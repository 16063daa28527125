/*
 * Names of members as they stand in a text that was checked: each function
 * takes the position of a name's opening quote. Names are compared as the
 * characters they stand for, however these are escaped. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Equal names have equal hashes. */
uint32_t json_name_hash(const unsigned char *name);

bool json_name_equal(const unsigned char *a, const unsigned char *b);

/*
 * Appends "/" and the name, with '~' and '/' escaped (RFC 6901), to the text
 * in `pointer`. Returns false, and appends nothing, when the name does not fit
 * or has control characters, which would spoil a line of diagnostics.
 */
bool json_name_append(const unsigned char *name, char *pointer, size_t size);

/* The next character of a name or another string, or '\0' (which none contains)
 * at its closing quote; *at, behind the opening quote, moves behind it. */
int32_t json_next_char(const unsigned char **at);

/* The value of the four hexadecimal digits at `at`; -1: they are not that, or
 * go on past `end`. */
int32_t json_hex4(const unsigned char *at, const unsigned char *end);

bool json_is_high_surrogate(int32_t unit);
bool json_is_low_surrogate(int32_t unit);
