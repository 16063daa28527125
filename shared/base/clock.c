#include "base/clock.h"

#include <string.h>
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

/* Each event and each answer has a time: strftime and snprintf would take four times as long. */
static char *put_number(char *out, int number, int n_digits, char end) {
    for (int i = n_digits - 1; i >= 0; i--, number /= 10)
        out[i] = (char)('0' + number % 10);
    out[n_digits] = end;
    return out + n_digits + 1;
}

/* "2026-11-21T05:19:00." */
enum { SECOND_LENGTH = 20 };

static void format_second(time_t seconds, char out[static CLOCK_RFC3339_SIZE]) {
    struct tm utc;
    gmtime_r(&seconds, &utc);
    out = put_number(out, utc.tm_year + 1900, 4, '-');
    out = put_number(out, utc.tm_mon + 1, 2, '-');
    out = put_number(out, utc.tm_mday, 2, 'T');
    out = put_number(out, utc.tm_hour, 2, ':');
    out = put_number(out, utc.tm_min, 2, ':');
    put_number(out, utc.tm_sec, 2, '.');
}

/* Times come in their order, many of one second. */
void clock_format_rfc3339(int64_t time_ms, char out[static CLOCK_RFC3339_SIZE]) {
    static const int64_t last_ms = 253402300799999; /* 9999-12-31T23:59:59.999Z */
    static _Thread_local time_t known_seconds = -1;
    static _Thread_local char known[CLOCK_RFC3339_SIZE];
    if (time_ms < 0)
        time_ms = 0;
    if (time_ms > last_ms)
        time_ms = last_ms;

    time_t seconds = (time_t)(time_ms / 1000);
    if (seconds != known_seconds) {
        format_second(seconds, known);
        known_seconds = seconds;
    }
    memcpy(out, known, SECOND_LENGTH);
    *put_number(out + SECOND_LENGTH, (int)(time_ms % 1000), 3, 'Z') = '\0';
}
