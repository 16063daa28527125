/* orderctl dlq replay and discard: what becomes of letters. */
#include "orderctl/dlq.h"
#include "orderctl/dlq_desk.h"
#include "orderctl/plain_text.h"
#include "orderctl/record_sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct resolution {
    const struct config *config;
    const struct dlq_selection *selection;
    enum letter_state state;      /* what letters become */
    struct record_sender *sender; /* NULL: nothing was sent yet */
    struct strbuf line;
    struct strbuf headers; /* of the record that is given back */
    int64_t n_done, n_skipped, n_failed;
    enum status status; /* of what made it end early */
    struct error err;
};

/* The record that the letter is about, into the topic that the letter's belongs
 * to: what it says itself is what anybody could have written. */
static enum status restore(struct resolution *resolution, const struct letter *letter,
                           char topic[static TOPIC_NAME_SIZE], struct record *out,
                           struct error *err) {
    int len = (int)(strlen(letter->record.topic) - strlen(".dlq"));
    snprintf(topic, TOPIC_NAME_SIZE, "%.*s", len, letter->record.topic);
    if (!letter->has_place)
        return error_set(err, ERR_INVALID, "it does not say where its record stood");
    if (letter->parts.topic.data && strcmp(letter->place.topic, topic) != 0)
        return error_set(err, ERR_INVALID, "its record is of another topic, %s",
                         letter->place.topic);
    enum status status = dead_letter_restore(&letter->record, &letter->parts, &letter->place,
                                             &resolution->headers, out, err);
    if (status == OK)
        out->topic = topic;
    return status;
}

static enum status send(struct resolution *resolution, const struct record *record,
                        struct error *err) {
    enum status status = OK;
    if (!resolution->sender)
        status = record_sender_open(&resolution->config->kafka, &resolution->sender, err);
    if (status == OK)
        status = record_sender_send(resolution->sender, record, err);
    return status;
}

/* The mark comes last: without it a letter is replayed once more, and consumers
 * know its event. */
static enum status resolve(struct resolution *resolution, const struct letter *letter,
                           struct error *err) {
    char topic[TOPIC_NAME_SIZE], time[CLOCK_RFC3339_SIZE];
    struct record record;
    enum status status = OK;
    bool is_dry = resolution->selection->dry_run;
    if (resolution->state == LETTER_REPLAYED) {
        status = restore(resolution, letter, topic, &record, err);
        if (status == OK && !is_dry)
            status = send(resolution, &record, err);
    }
    if (status != OK || is_dry)
        return status;
    letter_mark_write(letter, resolution->state, time, &record);
    return send(resolution, &record, err);
}

static void print_result(struct resolution *resolution, const struct letter *letter,
                         const char *result, const char *reason) {
    strbuf_reset(&resolution->line);
    strbuf_printf(&resolution->line, "%s ", result);
    dlq_add_place(&resolution->line, letter);
    strbuf_add_str(&resolution->line, " from ");
    dlq_add_origin(&resolution->line, letter);
    if (*reason) {
        strbuf_add_str(&resolution->line, ": ");
        plain_text_add(&resolution->line, (struct bytes){reason, strlen(reason)});
    }
    puts(resolution->line.data);
}

static bool resolve_letter(void *context, const struct letter *letter) {
    struct resolution *resolution = context;
    const struct dlq_selection *selection = resolution->selection;
    const char *verb = letter_state_name(resolution->state);
    char result[32], reason[64];
    struct error err;
    if (letter->state != LETTER_OPEN && !selection->all_states) {
        snprintf(reason, sizeof reason, "it was %s already", letter_state_name(letter->state));
        print_result(resolution, letter, "skipped", reason);
        resolution->n_skipped++;
        return true;
    }
    if (resolution->n_done + resolution->n_failed == selection->limit)
        return false;
    enum status status = resolve(resolution, letter, &err);
    if (status == OK) {
        snprintf(result, sizeof result, "%s%s", selection->dry_run ? "would be " : "", verb);
        print_result(resolution, letter, result, "");
        resolution->n_done++;
        return true;
    }
    print_result(resolution, letter, "failed", err.text);
    resolution->n_failed++;
    if (status == ERR_INVALID)
        return true;
    resolution->status = status; /* the next one would fail, too */
    resolution->err = err;
    return false;
}

static void print_summary(const struct resolution *resolution) {
    const char *verb = letter_state_name(resolution->state);
    bool is_dry = resolution->selection->dry_run;
    printf("%s%lld %s%s, %lld skipped (resolved before), %lld failed\n",
           resolution->n_done + resolution->n_skipped + resolution->n_failed > 0 ? "\n" : "",
           (long long)resolution->n_done, is_dry ? "would be " : "", verb,
           (long long)resolution->n_skipped, (long long)resolution->n_failed);
    if (resolution->status != OK)
        printf("next: %s; the same command again goes on where this one ended\n",
               "mend the connection to Kafka");
    else if (is_dry)
        printf("next: the same command without --dry-run\n");
    else if (resolution->n_done > 0 && resolution->state == LETTER_REPLAYED)
        printf("next: orderctl dlq list; what is still no good comes back as a new letter\n");
    else if (resolution->n_skipped > 0 && resolution->n_done + resolution->n_failed == 0)
        printf("next: nothing; --all-states takes them once more\n");
}

static int run(const struct config *config, const struct dlq_selection *selection,
               enum letter_state state) {
    struct resolution resolution = {.config = config, .selection = selection, .state = state};
    struct error err;
    strbuf_init(&resolution.line);
    strbuf_init(&resolution.headers);
    enum status status = dlq_visit(config, selection, resolve_letter, &resolution, &err);
    int64_t n_seen = resolution.n_done + resolution.n_skipped + resolution.n_failed;
    int code = resolution.n_failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    if (status == OK && n_seen == 0 && selection->offset >= 0 && selection->limit > 0) {
        code = dlq_say_missing(selection->topics[0], selection->partition, selection->offset);
    } else {
        print_summary(&resolution);
        if (status != OK) {
            fprintf(stderr, "orderctl: %s\n", err.text);
            code = EXIT_FAILURE;
        }
    }
    record_sender_close(resolution.sender);
    strbuf_release(&resolution.line);
    strbuf_release(&resolution.headers);
    return code;
}

int dlq_replay(const struct config *config, const struct dlq_selection *selection) {
    return run(config, selection, LETTER_REPLAYED);
}

int dlq_discard(const struct config *config, const struct dlq_selection *selection) {
    return run(config, selection, LETTER_DISCARDED);
}
