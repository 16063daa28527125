#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum status error_set(struct error *err, enum status status, const char *format, ...) {
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return status;
}

enum status error_wrap(struct error *err, enum status status, const char *format, ...) {
    if (err) {
        char inner[sizeof err->text];
        memcpy(inner, err->text, sizeof inner);
        va_list args;
        va_start(args, format);
        int n = vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        static const char separator[] = ": ";
        size_t used = n < 0 ? sizeof err->text : (size_t)n + sizeof separator;
        if (used < sizeof err->text) {
            char *end = stpcpy(err->text + n, separator);
            size_t len = strnlen(inner, sizeof err->text - used);
            memcpy(end, inner, len);
            end[len] = '\0';
        }
    }
    return status;
}
