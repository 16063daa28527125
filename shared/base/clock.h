/* Time of day and elapsed time, in milliseconds. Any thread. */
#pragma once

#include <stdint.h>

/* Room for "2026-11-21T05:19:00.123Z" and its terminator. */
enum { CLOCK_RFC3339_SIZE = 25 };

/* Wall clock, milliseconds since 1970-01-01T00:00:00Z. It can jump: use it to
 * say when, never to measure how long. */
int64_t clock_now_ms(void);

/* Milliseconds since some fixed point; never goes back. For deadlines. */
int64_t clock_monotonic_ms(void);

/* Waits that long; a signal may end it early. For pauses between tries, never
 * to wait for a condition. */
void clock_pause_ms(int ms);

/* Writes `time_ms` (wall clock) as RFC 3339 in UTC, with milliseconds. A time
 * before 1970 or after the year 9999 is written as the nearest one between. */
void clock_format_rfc3339(int64_t time_ms, char out[static CLOCK_RFC3339_SIZE]);
