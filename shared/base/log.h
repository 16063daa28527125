/*
 * Diagnostics for the operator, one line each, on stderr:
 *
 *     2026-11-21T05:19:00.123Z INFO  order-service: listening on http://127.0.0.1:3000
 *
 * A service's stdout carries only its announcements; everything else goes
 * through here. Each line is one write, so lines of threads never mix.
 */
#pragma once

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Sets what is shown, and the name in front of each line (borrowed for the
 * life of the process). Call it before threads start. */
void log_init(const char *program, enum log_level level);

/* Writes one line, if `level` is shown. Any thread. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
