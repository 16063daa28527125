#include "base/env.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool parse_int(const char *text, const struct env_setting *setting, int64_t *out) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0')
        return false;
    if (value < setting->min || value > setting->max)
        return false;
    *out = value;
    return true;
}

/* The index of `text` in "a|b|c", or -1. */
static int parse_choice(const char *text, const char *choices) {
    size_t len = strlen(text);
    for (int i = 0;; i++) {
        size_t n = strcspn(choices, "|");
        if (n == len && memcmp(choices, text, n) == 0)
            return i;
        if (choices[n] == '\0')
            return -1;
        choices += n + 1;
    }
}

static bool assign(const struct env_setting *setting, const char *text, void *config) {
    void *target = (char *)config + setting->at;
    if (setting->kind == ENV_KIND_TEXT) {
        *(const char **)target = text;
        return true;
    }
    if (setting->kind == ENV_KIND_INT)
        return parse_int(text, setting, target);
    int choice = parse_choice(text, setting->choices);
    if (choice >= 0)
        *(int *)target = choice;
    return choice >= 0;
}

size_t env_read(const struct env_setting *settings, size_t n, void *config, struct strbuf *faults) {
    size_t n_faults = 0;
    for (size_t i = 0; i < n; i++) {
        const struct env_setting *setting = &settings[i];
        assign(setting, setting->fallback, config);
        const char *value = getenv(setting->name);
        if (!value || !*value || assign(setting, value, config))
            continue;
        n_faults++;
        if (setting->kind == ENV_KIND_INT)
            strbuf_printf(faults, "%s=%s: must be a whole number from %lld to %lld\n",
                          setting->name, value, (long long)setting->min, (long long)setting->max);
        else
            strbuf_printf(faults, "%s=%s: must be one of %s\n", setting->name, value,
                          setting->choices);
    }
    return n_faults;
}

void env_describe(const struct env_setting *settings, size_t n, struct strbuf *out) {
    for (size_t i = 0; i < n; i++) {
        const struct env_setting *setting = &settings[i];
        strbuf_printf(out, "  %-26s %-18s %s\n", setting->name,
                      *setting->fallback ? setting->fallback : "-", setting->meaning);
    }
}
