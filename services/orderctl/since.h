/* A moment in the past, as a person types it behind --since. */
#pragma once

#include "base/status.h"

#include <stdint.h>

/*
 * Reads a date and time (RFC 3339, such as 2026-11-21T05:19:00Z) or how long
 * ago that was: a whole number and s, m, h or d, such as 90s, 30m, 2h or 7d.
 * `now_ms` and *out_ms are wall clock. ERR_INVALID: it is neither, or lies in
 * the future; the text says what it may be.
 */
enum status since_parse(const char *text, int64_t now_ms, int64_t *out_ms, struct error *err);
