#include "base/log.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *log_program = "orderflow";
static enum log_level log_shown = LOG_INFO;

void log_init(const char *program, enum log_level level) {
    log_program = program;
    log_shown = level;
}

void log_write(enum log_level level, const char *format, ...) {
    static const char *const names[] = {"ERROR", "WARN ", "INFO ", "DEBUG"};
    if (level > log_shown)
        return;

    char line[1024];
    char now[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(clock_now_ms(), now);
    int head = snprintf(line, sizeof line, "%s %s %s: ", now, names[level], log_program);
    size_t used = head > 0 ? (size_t)head : 0;

    va_list args;
    va_start(args, format);
    int text = vsnprintf(line + used, sizeof line - used, format, args);
    va_end(args);
    used += text > 0 ? (size_t)text : 0;
    if (used > sizeof line - 2)
        used = sizeof line - 2;
    line[used++] = '\n';

    ssize_t ignored = write(STDERR_FILENO, line, used);
    (void)ignored; /* a diagnostic that cannot be written has nowhere else to go */
}
