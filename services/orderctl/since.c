#include "orderctl/since.h"

#include "event/rfc3339.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { YEARS_MAX = 100 };

/* 0: no unit. */
static int64_t unit_ms(char unit) {
    switch (unit) {
    case 's':
        return 1000;
    case 'm':
        return 60 * 1000;
    case 'h':
        return 60 * 60 * 1000;
    case 'd':
        return 24 * 60 * 60 * 1000;
    default:
        return 0;
    }
}

static bool parse_age(const char *text, int64_t *out_ms) {
    size_t n_digits = strspn(text, "0123456789");
    if (n_digits == 0 || n_digits > 9 || text[n_digits] == '\0' || text[n_digits + 1] != '\0')
        return false;
    int64_t unit = unit_ms(text[n_digits]);
    int64_t number = strtoll(text, NULL, 10);
    if (unit == 0 || number > YEARS_MAX * 365 * unit_ms('d') / unit)
        return false;
    *out_ms = number * unit;
    return true;
}

enum status since_parse(const char *text, int64_t now_ms, int64_t *out_ms, struct error *err) {
    int64_t age_ms, time_ms;
    if (parse_age(text, &age_ms)) {
        *out_ms = now_ms - age_ms;
        return OK;
    }
    if (!rfc3339_parse(text, strlen(text), &time_ms))
        return error_set(
            err, ERR_INVALID,
            "--since %s: must be a time such as 2026-11-21T05:19:00Z, or how long ago, such "
            "as 90s, 30m, 2h or 7d",
            text);
    if (time_ms > now_ms)
        return error_set(err, ERR_INVALID, "--since %s: lies in the future", text);
    *out_ms = time_ms;
    return OK;
}
