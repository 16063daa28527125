/*
 * Answers that the fuzz targets hold against those of the code under test;
 * they share nothing with it.
 */
#pragma once

#include "event/codec.h"

#include <stdbool.h>
#include <stddef.h>

/* Is it UTF-8 (RFC 3629)? */
bool oracle_is_utf8(const char *text, size_t len);

/* Is it a JSON Pointer (RFC 6901) of UTF-8 that fits on a line? */
bool oracle_is_json_pointer(const char *text);

/* Is it an id of the contract, as schemas/ says it? */
bool oracle_is_id(const char *text);

/* Marks an object's bytes before a call that must not write it. */
void oracle_mark(void *object, size_t size);

/* Does the object still have the marks and nothing else? */
bool oracle_is_marked(const void *object, size_t size);

/* Asserts that a refusal says what is wrong, and where. */
void oracle_check_faults(const struct contract_faults *faults);
