/*
 * The result of every call that can fail, and the text that explains it.
 *
 * A status names the remedy, not the cause: a caller decides by the status and
 * shows the text to a person. Functions return a status and collect the text
 * in their last parameter, `struct error *err`; callers put their own context
 * in front with error_wrap() on the way out.
 */
#pragma once

enum status {
    OK = 0,
    ERR_INVALID,         /* the input is at fault: refuse it, do not retry */
    ERR_NOT_FOUND,       /* what was named does not exist */
    ERR_BUSY,            /* a bound was reached: try again later */
    ERR_UNAVAILABLE,     /* something outside failed, nothing was changed: retry */
    ERR_OUTCOME_UNKNOWN, /* it may or may not have happened: find out, then retry */
    ERR_BUG,             /* the program is at fault: stop it */
};

/* Text for a person, always terminated; cut when it is too long. */
struct error {
    char text[512];
};

/* Replaces the text (`err` may be NULL) and returns `status`, so that a
 * failure is one statement: `return error_set(err, ERR_INVALID, "…");` */
enum status error_set(struct error *err, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts context and ": " in front of the text (`err` may be NULL) and returns
 * `status`. */
enum status error_wrap(struct error *err, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
