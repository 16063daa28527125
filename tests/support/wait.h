/*
 * Waiting for a condition with a deadline. This is the only place where a test
 * sleeps, and only between two looks at the condition.
 */
#pragma once

#include "base/clock.h"
#include "support/testing.h"

#include <time.h>

enum { WAIT_TIMEOUT_MS = 20000, WAIT_PAUSE_MS = 20 };

static inline void wait_pause(void) {
    const struct timespec pause = {.tv_nsec = WAIT_PAUSE_MS * 1000000L};
    nanosleep(&pause, NULL);
}

/* Fails the test unless `condition` becomes true within the time. It is
 * evaluated again and again, at least once. */
#define assert_within(timeout_ms, condition)                                                       \
    do {                                                                                           \
        const int64_t wait_deadline_ms = clock_monotonic_ms() + (timeout_ms);                      \
        while (!(condition)) {                                                                     \
            if (clock_monotonic_ms() > wait_deadline_ms)                                           \
                fail_msg("not true within %d ms: %s", (int)(timeout_ms), #condition);              \
            wait_pause();                                                                          \
        }                                                                                          \
    } while (0)

#define assert_soon(condition) assert_within(WAIT_TIMEOUT_MS, condition)
