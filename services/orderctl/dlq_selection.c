#include "orderctl/dlq_selection.h"

#include "base/clock.h"
#include "orderctl/since.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char suffix[] = ".dlq";

bool dlq_number_read(const char *text, int64_t *out) {
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < 0)
        return false;
    *out = number;
    return true;
}

enum status dlq_topic_named(const struct config *config, const char *name,
                            char out[static TOPIC_NAME_SIZE], struct error *err) {
    size_t len = strlen(name), suffix_len = strlen(suffix);
    for (int type = 0; type < N_EVENT_TYPES; type++) {
        if (strcmp(config->topics[type], name) != 0)
            continue;
        config_dead_letter_topic(name, out);
        return OK;
    }
    if (len > suffix_len && len < TOPIC_NAME_SIZE && strcmp(name + len - suffix_len, suffix) == 0) {
        strcpy(out, name);
        return OK;
    }
    return error_set(err, ERR_INVALID,
                     "%s is neither a topic of the shop (%s, %s, %s) nor one of dead letters "
                     "(NAME%s)",
                     name, config->topics[EVENT_NEW_ORDER], config->topics[EVENT_INVENTORY_EMPTY],
                     config->topics[EVENT_NEW_LOGGING_ACTION], suffix);
}

/* --- options --- */

typedef enum status read_option(const struct config *config, const char *value,
                                struct dlq_selection *out, struct error *err);

static enum status read_topic(const struct config *config, const char *value,
                              struct dlq_selection *out, struct error *err) {
    if (out->n_topics == DLQ_TOPICS_MAX)
        return error_set(err, ERR_INVALID, "at most %d topics", DLQ_TOPICS_MAX);
    enum status status = dlq_topic_named(config, value, out->topics[out->n_topics], err);
    if (status != OK)
        return status;
    out->n_topics++;
    out->names_topics = true;
    return OK;
}

static enum status read_whole_number(const char *value, int64_t *out, struct error *err) {
    return dlq_number_read(value, out)
               ? OK
               : error_set(err, ERR_INVALID, "must be a whole number from 0, not %s", value);
}

static enum status read_partition(const struct config *config, const char *value,
                                  struct dlq_selection *out, struct error *err) {
    (void)config;
    return read_whole_number(value, &out->partition, err);
}

static enum status read_offset(const struct config *config, const char *value,
                               struct dlq_selection *out, struct error *err) {
    (void)config;
    return read_whole_number(value, &out->offset, err);
}

static enum status read_limit(const struct config *config, const char *value,
                              struct dlq_selection *out, struct error *err) {
    (void)config;
    return read_whole_number(value, &out->limit, err);
}

static enum status read_reason(const struct config *config, const char *value,
                               struct dlq_selection *out, struct error *err) {
    (void)config, (void)err;
    out->reason = value;
    return OK;
}

static enum status read_time(const char *value, int64_t *out_ms, struct error *err) {
    return since_parse(value, clock_now_ms(), out_ms, NULL) == OK
               ? OK
               : error_set(err, ERR_INVALID,
                           "must be a past time (2026-11-21T08:30:00Z) or how long ago that was "
                           "(90s, 15m, 2h, 7d), not %s",
                           value);
}

static enum status read_since(const struct config *config, const char *value,
                              struct dlq_selection *out, struct error *err) {
    (void)config;
    return read_time(value, &out->since_ms, err);
}

static enum status read_until(const struct config *config, const char *value,
                              struct dlq_selection *out, struct error *err) {
    (void)config;
    return read_time(value, &out->until_ms, err);
}

enum { DLQ_CHANGES = DLQ_REPLAY | DLQ_DISCARD, DLQ_EVERY = DLQ_LIST | DLQ_CHANGES };

static const struct option_line {
    const char *name;
    const char *value; /* as it is shown; NULL: a flag */
    unsigned commands;
    const char *meaning;
    read_option *read; /* of an option with a value */
    size_t flag;       /* where a flag is */
} options[] = {
    {"--topic", "T", DLQ_EVERY, "the dead letters of this topic; can be given several times",
     read_topic, 0},
    {"--partition", "P", DLQ_EVERY, "of the topic of dead letters", read_partition, 0},
    {"--offset", "O", DLQ_EVERY, "there; needs --topic", read_offset, 0},
    {"--reason", "TEXT", DLQ_EVERY, "letters whose class or message has this text", read_reason, 0},
    {"--since", "TIME", DLQ_EVERY,
     "written then or later: 2026-11-21T08:30:00Z, or how long ago (90s, 15m, 2h, 7d)", read_since,
     0},
    {"--until", "TIME", DLQ_EVERY, "written before then", read_until, 0},
    {"--limit", "N", DLQ_EVERY, "at most so many", read_limit, 0},
    {"--all-states", NULL, DLQ_EVERY, "also those that were replayed or discarded already", NULL,
     offsetof(struct dlq_selection, all_states)},
    {"--json", NULL, DLQ_LIST, "one JSON object a line", NULL,
     offsetof(struct dlq_selection, json)},
    {"--all", NULL, DLQ_CHANGES, "every open letter of the shop, when nothing else selects", NULL,
     offsetof(struct dlq_selection, all)},
    {"--dry-run", NULL, DLQ_CHANGES, "say what would be done, and do nothing", NULL,
     offsetof(struct dlq_selection, dry_run)},
};

enum { N_OPTIONS = sizeof options / sizeof *options };

void dlq_selection_describe(struct strbuf *out) {
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const struct option_line *option = &options[i];
        strbuf_printf(out, "  %-12s %-5s %s%s\n", option->name, option->value ? option->value : "",
                      option->commands == DLQ_LIST      ? "list: "
                      : option->commands == DLQ_CHANGES ? "replay, discard: "
                                                        : "",
                      option->meaning);
    }
}

/* Finds the option that an argument names; `*out_value` is what stands behind
 * its "=", or NULL. */
static const struct option_line *find_option(enum dlq_command command, const char *argument,
                                             const char **out_value) {
    size_t len = strcspn(argument, "=");
    *out_value = argument[len] == '=' ? argument + len + 1 : NULL;
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (options[i].commands & command && strlen(options[i].name) == len &&
            memcmp(options[i].name, argument, len) == 0)
            return &options[i];
    return NULL;
}

static enum status check_selection(enum dlq_command command, const struct dlq_selection *selection,
                                   struct error *err) {
    bool selects = selection->names_topics || selection->partition >= 0 || selection->reason ||
                   selection->since_ms != INT64_MIN || selection->until_ms != INT64_MAX;
    if (selection->offset >= 0 && !selection->names_topics)
        return error_set(err, ERR_INVALID, "--offset needs --topic");
    if (command & DLQ_CHANGES && !selects && !selection->all)
        return error_set(err, ERR_INVALID,
                         "say which letters are meant, or --all for every open one; --dry-run "
                         "shows what would be done");
    return OK;
}

static void select_shop(const struct config *config, struct dlq_selection *selection) {
    for (int type = 0; type < N_EVENT_TYPES; type++)
        config_dead_letter_topic(config->topics[type], selection->topics[selection->n_topics++]);
}

enum status dlq_selection_read(const struct config *config, enum dlq_command command, int argc,
                               char **argv, struct dlq_selection *out, struct error *err) {
    *out = (struct dlq_selection){.partition = -1,
                                  .offset = -1,
                                  .since_ms = INT64_MIN,
                                  .until_ms = INT64_MAX,
                                  .limit = INT64_MAX};
    for (int i = 1; i < argc; i++) {
        const char *value;
        const struct option_line *option = find_option(command, argv[i], &value);
        if (!option || (value && !option->value))
            return error_set(err, ERR_INVALID, "unknown argument %s", argv[i]);
        if (!option->value) {
            *(bool *)((char *)out + option->flag) = true;
            continue;
        }
        if (!value && ++i == argc)
            return error_set(err, ERR_INVALID, "%s needs a value (%s)", option->name,
                             option->value);
        enum status status = option->read(config, value ? value : argv[i], out, err);
        if (status != OK)
            return error_wrap(err, status, "%s", option->name);
    }
    enum status status = check_selection(command, out, err);
    if (status == OK && out->n_topics == 0)
        select_shop(config, out);
    return status;
}
