/*
 * Settings from environment variables, described by a table: the same table
 * reads them, checks them, and prints them for --help, so that a setting is
 * said once.
 *
 *     static const struct env_setting settings[] = {
 *         ENV_TEXT(struct config, kafka_brokers, "KAFKA_BROKERS", "localhost:29092", "…"),
 *         ENV_INT(struct config, http_port, "HTTP_PORT", "3000", 0, 65535, "…"),
 *     };
 */
#pragma once

#include "base/strbuf.h"

#include <stddef.h>
#include <stdint.h>

enum env_kind { ENV_KIND_TEXT, ENV_KIND_INT, ENV_KIND_CHOICE };

struct env_setting {
    const char *name;     /* of the environment variable */
    const char *fallback; /* what an unset or empty variable means */
    const char *meaning;  /* one sentence for --help, units included */
    enum env_kind kind;
    size_t at;           /* where in the config: const char *, int64_t or int */
    int64_t min, max;    /* of an ENV_KIND_INT, both included */
    const char *choices; /* of an ENV_KIND_CHOICE, as "text|json"; the value is the index */
};

#define ENV_TEXT(type, member, name, fallback, meaning)                                            \
    { name, fallback, meaning, ENV_KIND_TEXT, offsetof(type, member), 0, 0, NULL }
#define ENV_INT(type, member, name, fallback, min, max, meaning)                                   \
    { name, fallback, meaning, ENV_KIND_INT, offsetof(type, member), min, max, NULL }
#define ENV_CHOICE(type, member, name, fallback, choices, meaning)                                 \
    { name, fallback, meaning, ENV_KIND_CHOICE, offsetof(type, member), 0, 0, choices }

/*
 * Reads `n` settings into the struct at `config`. Text values point into the
 * environment or the table: they live as long as the process, provided nobody
 * changes the environment. Every fault is appended to `faults` as one line
 * that names the variable, its value and what it may be. Returns the number of
 * faults; a faulty setting keeps its fallback. Call it before threads start.
 */
size_t env_read(const struct env_setting *settings, size_t n, void *config, struct strbuf *faults);

/* Appends the table as aligned lines: name, fallback, meaning. */
void env_describe(const struct env_setting *settings, size_t n, struct strbuf *out);
