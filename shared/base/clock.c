#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock_ms(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now_ms(void) {
    return read_clock_ms(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(void) {
    return read_clock_ms(CLOCK_MONOTONIC);
}

void clock_pause_ms(int ms) {
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

void clock_format_rfc3339(int64_t time_ms, char out[static CLOCK_RFC3339_SIZE]) {
    static const int64_t last_ms = 253402300799999; /* 9999-12-31T23:59:59.999Z */
    if (time_ms < 0)
        time_ms = 0;
    if (time_ms > last_ms)
        time_ms = last_ms;

    time_t seconds = (time_t)(time_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t n = strftime(out, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + n, CLOCK_RFC3339_SIZE - n, ".%03dZ", (int)(time_ms % 1000));
}
