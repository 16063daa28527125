/*
 * Event ids: UUID version 7 (RFC 9562, section 5.7): 48 bits of Unix time in
 * milliseconds, then randomness. Ids that one thread makes sort in the order
 * in which it made them, which keeps database indexes on them append-mostly.
 */
#pragma once

#include <stddef.h>

/* Room for "0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b" and its terminator. */
enum { UUID_SIZE = 37 };

/* Writes a new id, lower case. Any thread. */
void uuid_v7(char out[static UUID_SIZE]);

/* Writes 2 × n random hexadecimal digits and a terminator; not all zero.
 * n is at most 32. Any thread. */
void uuid_random_hex(char *out, size_t n);
