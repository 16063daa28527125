#include "orderctl/dlq_desk.h"

#include "bus/topic_reader.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_TIMEOUT_MS = 10000, PROGRESS_MS = 2000 };

/* A refusal of which a mark or a letter was read. */
struct known {
    enum letter_state state;
    bool was_given; /* a letter of it */
    char name[];
};

struct dlq_desk {
    const struct config *config;
    const char *topic;
    struct topic_reader *reader;
    void *known; /* a tree of tsearch(3) */
    size_t n_known;
    int64_t n_read;
    int64_t progress_at_ms;
};

static int compare_known(const void *left, const void *right) {
    const struct known *a = left, *b = right;
    return strcmp(a->name, b->name);
}

/* The entry of that name, a new one if it is not known yet. */
static enum status know(struct dlq_desk *desk, const char *name, struct known **out,
                        struct error *err) {
    size_t size = strlen(name) + 1;
    struct known *entry = calloc(1, sizeof *entry + size);
    if (!entry)
        abort();
    memcpy(entry->name, name, size);
    struct known **found = tsearch(entry, &desk->known, compare_known);
    if (!found)
        abort();
    *out = *found;
    if (*found != entry)
        free(entry);
    else if (++desk->n_known > DLQ_LETTERS_MAX)
        return error_set(err, ERR_BUSY, "%s holds more than %d letters", desk->topic,
                         DLQ_LETTERS_MAX);
    return OK;
}

static void say_progress(struct dlq_desk *desk) {
    int64_t now = clock_monotonic_ms();
    if (now < desk->progress_at_ms)
        return;
    desk->progress_at_ms = now + PROGRESS_MS;
    fprintf(stderr, "orderctl: reading %s: %lld of at most %lld records\n", desk->topic,
            (long long)desk->n_read, (long long)topic_reader_span(desk->reader));
}

static enum status open_reader(struct dlq_desk *desk, struct error *err) {
    desk->n_read = 0;
    desk->progress_at_ms = clock_monotonic_ms() + PROGRESS_MS;
    return topic_reader_open(&desk->config->kafka, desk->topic, READ_TIMEOUT_MS, &desk->reader,
                             err);
}

static enum status next_record(struct dlq_desk *desk, struct record *out, bool *out_found,
                               struct error *err) {
    desk->n_read++;
    say_progress(desk);
    return topic_reader_next(desk->reader, out, out_found, err);
}

static enum status read_marks(struct dlq_desk *desk, struct error *err) {
    bool found = true;
    enum status status = open_reader(desk, err);
    while (status == OK && found) {
        struct record record;
        struct known *known;
        char name[LETTER_NAME_SIZE];
        enum letter_state state;
        status = next_record(desk, &record, &found, err);
        if (status != OK || !found || !letter_mark_read(&record, name, &state))
            continue;
        status = know(desk, name, &known, err);
        if (status == OK)
            known->state = state;
    }
    topic_reader_close(desk->reader);
    desk->reader = NULL;
    return status;
}

static void desk_close(struct dlq_desk *desk) {
    topic_reader_close(desk->reader);
    tdestroy(desk->known, free);
    free(desk);
}

/* Opens the topic's letters, as they stand at this moment. Reads the whole topic
 * for the marks first, and says so on stderr when that takes long. */
static enum status desk_open(const struct config *config, const char *topic, struct dlq_desk **out,
                             struct error *err) {
    struct dlq_desk *desk = calloc(1, sizeof *desk);
    if (!desk)
        abort();
    desk->config = config;
    desk->topic = topic;
    enum status status = read_marks(desk, err);
    if (status == OK)
        status = open_reader(desk, err);
    if (status != OK) {
        desk_close(desk);
        return status;
    }
    *out = desk;
    return OK;
}

/* The next letter, in the order of its partition; it lives until the next call. */
static enum status desk_next(struct dlq_desk *desk, struct letter *out, bool *out_found,
                             struct error *err) {
    struct record record;
    struct known *known;
    char name[LETTER_NAME_SIZE];
    enum letter_state state;
    enum status status;
    do {
        status = next_record(desk, &record, out_found, err);
        if (status != OK || !*out_found)
            return status;
    } while (letter_mark_read(&record, name, &state));

    letter_read(&record, topic_reader_cluster_id(desk->reader), out);
    status = know(desk, out->name, &known, err);
    if (status != OK)
        return status;
    out->state = known->state;
    out->is_copy = known->was_given;
    known->was_given = true;
    return OK;
}

static bool contains(struct bytes bytes, const char *text) {
    return bytes.data && memmem(bytes.data, bytes.len, text, strlen(text));
}

/* The letter's state is not looked at. */
static bool selects(const struct dlq_selection *selection, const struct letter *letter) {
    const struct record *record = &letter->record;
    if (selection->partition >= 0 && selection->partition != record->partition)
        return false;
    if (selection->offset >= 0 && selection->offset != record->offset)
        return false;
    if (record->timestamp_ms < selection->since_ms || record->timestamp_ms >= selection->until_ms)
        return false;
    return !selection->reason || contains(letter->parts.class_name, selection->reason) ||
           contains(letter->parts.message, selection->reason);
}

/* *out_ended: `visit` wants no more. */
static enum status visit_topic(const struct config *config, const struct dlq_selection *selection,
                               const char *topic,
                               bool (*visit)(void *context, const struct letter *letter),
                               void *context, bool *out_ended, struct error *err) {
    struct dlq_desk *desk;
    bool found = true;
    enum status status = desk_open(config, topic, &desk, err);
    if (status == ERR_NOT_FOUND && !selection->names_topics)
        return OK;
    if (status != OK)
        return error_wrap(err, status, "Kafka at %s", config->kafka.brokers);
    while (status == OK && found && !*out_ended) {
        struct letter letter;
        status = desk_next(desk, &letter, &found, err);
        /* Who names an offset means what stands there, copy or not. */
        if (status == OK && found && selects(selection, &letter) &&
            (!letter.is_copy || selection->offset >= 0))
            *out_ended = !visit(context, &letter);
    }
    desk_close(desk);
    return status;
}

enum status dlq_visit(const struct config *config, const struct dlq_selection *selection,
                      bool (*visit)(void *context, const struct letter *letter), void *context,
                      struct error *err) {
    enum status status = OK;
    bool ended = false;
    for (size_t i = 0; status == OK && !ended && i < selection->n_topics; i++)
        status = visit_topic(config, selection, selection->topics[i], visit, context, &ended, err);
    return status;
}
