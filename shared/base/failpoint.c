#include "base/failpoint.h"

#ifdef FAILPOINTS

#include "base/clock.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[N_FAILPOINTS] = {
#define FAILPOINT_DEF(constant, name, passed_by, n_passes, meaning) [FAILPOINT_##constant] = name,
#include "base/failpoints.def"
#undef FAILPOINT_DEF
};

enum { NUMBER_MAX = 1000000 };

static enum failpoint armed = N_FAILPOINTS;
static atomic_long n_left; /* passes of the armed one, the last included */
static long linger_ms;

/* Says where, so that no other SIGKILL can be taken for this one. */
static _Noreturn void die(void) {
    char text[96];
    clock_pause_ms((int)linger_ms);
    int n = snprintf(text, sizeof text, "failpoint: dying at %s\n", names[armed]);
    ssize_t ignored = write(STDERR_FILENO, text, (size_t)n);
    (void)ignored;
    for (;;)
        kill(getpid(), SIGKILL);
}

void failpoint_pass(enum failpoint point) {
    if (point == armed && atomic_fetch_sub(&n_left, 1) == 1)
        die();
}

static enum failpoint find(const char *name, size_t len) {
    int point = 0;
    while (point < N_FAILPOINTS &&
           (strlen(names[point]) != len || memcmp(names[point], name, len) != 0))
        point++;
    return (enum failpoint)point;
}

/* Reads ":NUMBER" where it is there; false: it is no good one. */
static bool read_number(const char **at, long min, long *out) {
    if (**at != ':')
        return true;
    const char *digits = *at + 1;
    char *end;
    *out = strtol(digits, &end, 10);
    *at = end;
    return end > digits && *out >= min && *out <= NUMBER_MAX;
}

size_t failpoint_arm(struct strbuf *faults) {
    const char *value = getenv("FAILPOINT");
    if (!value || !*value)
        return 0;
    size_t name_len = strcspn(value, ":");
    const char *at = value + name_len;
    long count = 1;
    armed = find(value, name_len);
    if (armed < N_FAILPOINTS && read_number(&at, 1, &count) && read_number(&at, 0, &linger_ms) &&
        *at == '\0') {
        atomic_store(&n_left, count);
        return 0;
    }
    strbuf_printf(faults,
                  "FAILPOINT=%s: must be NAME, NAME:COUNT or NAME:COUNT:MILLISECONDS, with a NAME "
                  "of",
                  value);
    for (int point = 0; point < N_FAILPOINTS; point++)
        strbuf_printf(faults, " %s", names[point]);
    strbuf_add_char(faults, '\n');
    return 1;
}

#endif
