#include "event/rfc3339.h"

#include <time.h>

struct cursor {
    const char *at, *end;
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Takes one of the characters in `accepted`. */
static bool take(struct cursor *cursor, const char *accepted) {
    for (; cursor->at < cursor->end && *accepted; accepted++)
        if (*cursor->at == *accepted) {
            cursor->at++;
            return true;
        }
    return false;
}

/* Takes exactly `n_digits`, from `min` to `max`. */
static bool take_number(struct cursor *cursor, int n_digits, int min, int max, int *out) {
    int number = 0;
    for (; n_digits > 0; n_digits--) {
        if (cursor->at == cursor->end || !is_digit(*cursor->at))
            return false;
        number = number * 10 + (*cursor->at++ - '0');
    }
    *out = number;
    return number >= min && number <= max;
}

static bool take_date(struct cursor *cursor, struct tm *out) {
    static const int n_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (!take_number(cursor, 4, 0, 9999, &year) || !take(cursor, "-") ||
        !take_number(cursor, 2, 1, 12, &month) || !take(cursor, "-") ||
        !take_number(cursor, 2, 1, 31, &day))
        return false;

    bool is_leap_year = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    out->tm_year = year - 1900;
    out->tm_mon = month - 1;
    out->tm_mday = day;
    return day <= n_days[month - 1] + (month == 2 && is_leap_year ? 1 : 0);
}

static bool take_time(struct cursor *cursor, struct tm *out) {
    return take_number(cursor, 2, 0, 23, &out->tm_hour) && take(cursor, ":") &&
           take_number(cursor, 2, 0, 59, &out->tm_min) && take(cursor, ":") &&
           take_number(cursor, 2, 0, 60, &out->tm_sec);
}

static bool take_fraction(struct cursor *cursor, int *out_ms) {
    *out_ms = 0;
    if (!take(cursor, "."))
        return true;
    if (cursor->at == cursor->end || !is_digit(*cursor->at))
        return false;
    for (int unit_ms = 100; cursor->at < cursor->end && is_digit(*cursor->at); unit_ms /= 10)
        *out_ms += (*cursor->at++ - '0') * unit_ms;
    return true;
}

static bool take_offset(struct cursor *cursor, int *out_minutes) {
    *out_minutes = 0;
    if (take(cursor, "Zz"))
        return true;
    int sign = take(cursor, "+") ? 1 : take(cursor, "-") ? -1 : 0;
    int hours, minutes;
    if (sign == 0 || !take_number(cursor, 2, 0, 23, &hours) || !take(cursor, ":") ||
        !take_number(cursor, 2, 0, 59, &minutes))
        return false;
    *out_minutes = sign * (hours * 60 + minutes);
    return true;
}

bool rfc3339_parse(const char *text, size_t len, int64_t *out_ms) {
    struct cursor cursor = {text, text + len};
    struct tm local = {0};
    int fraction_ms, offset_minutes;
    if (!take_date(&cursor, &local) || !take(&cursor, "Tt ") || !take_time(&cursor, &local) ||
        !take_fraction(&cursor, &fraction_ms) || !take_offset(&cursor, &offset_minutes) ||
        cursor.at != cursor.end)
        return false;
    int64_t seconds = (int64_t)timegm(&local) - offset_minutes * 60;
    *out_ms = seconds * 1000 + fraction_ms;
    return true;
}
