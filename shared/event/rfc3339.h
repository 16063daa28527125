/* Points in time as text (RFC 3339), as other programs write them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads a date and time with any offset and any number of decimals, such as
 * "2026-11-21T05:19:00Z" or "2026-11-21t07:19:00.123456+02:00", as
 * milliseconds since 1970 in UTC; finer digits are cut. A leap second counts
 * as the second after it. Returns false, and writes nothing, when it is not a
 * time. `text` need not be terminated. Any thread.
 */
bool rfc3339_parse(const char *text, size_t len, int64_t *out_ms);
