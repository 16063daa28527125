/* orderctl dlq list: one line a letter, and what they have in common. */
#include "orderctl/dlq.h"
#include "orderctl/dlq_desk.h"
#include "orderctl/plain_text.h"

#include "base/clock.h"
#include "event/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS_MAX = 64, CLASS_SIZE = 128 };

/* Letters of one topic and one class. */
struct letter_kind {
    char topic[TOPIC_NAME_SIZE];
    char class_name[CLASS_SIZE];
    int64_t n;
};

struct list {
    const struct dlq_selection *selection;
    struct strbuf line;
    struct letter_kind kinds[KINDS_MAX]; /* the last is all others, once they are full */
    size_t n_kinds;
    int64_t n_listed, n_by_state[LETTER_DISCARDED + 1];
};

static void add_json_part(struct strbuf *out, const char *name, struct bytes part) {
    if (!part.data)
        return;
    strbuf_printf(out, ",\"%s\":", name);
    json_add_bytes(out, part.data, part.len);
}

static void add_json(struct strbuf *out, const struct letter *letter) {
    const struct record *record = &letter->record;
    char time[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(record->timestamp_ms, time);
    strbuf_add_str(out, "{\"topic\":");
    json_add_string(out, record->topic);
    strbuf_printf(out, ",\"partition\":%d,\"offset\":%lld,\"writtenAt\":\"%s\",\"state\":\"%s\"",
                  record->partition, (long long)record->offset, time,
                  letter_state_name(letter->state));
    if (letter->has_place) {
        strbuf_add_str(out, ",\"record\":{\"topic\":");
        json_add_string(out, letter->place.topic);
        strbuf_printf(out,
                      ",\"partition\":%d,\"offset\":%lld,\"cluster\":", letter->place.partition,
                      (long long)letter->place.offset);
        json_add_bytes(out, letter->place.cluster_id, strlen(letter->place.cluster_id));
        strbuf_add_char(out, '}');
    }
    add_json_part(out, "group", letter->parts.group);
    add_json_part(out, "stage", letter->parts.stage);
    add_json_part(out, "class", letter->parts.class_name);
    add_json_part(out, "message", letter->parts.message);
    add_json_part(out, "key", record->key);
    strbuf_printf(out, ",\"valueBytes\":%zu}", record->value.len);
}

static void add_text(struct strbuf *out, const struct letter *letter, bool with_state) {
    char time[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(letter->record.timestamp_ms, time);
    strbuf_printf(out, "%s  ", time);
    if (with_state)
        strbuf_printf(out, "%-9s  ", letter_state_name(letter->state));
    dlq_add_place(out, letter);
    strbuf_add_str(out, "  from ");
    dlq_add_origin(out, letter);
    strbuf_add_str(out, "  ");
    plain_text_add(out, letter->parts.group);
    strbuf_add_str(out, "  ");
    plain_text_add(out, letter->parts.class_name);
    strbuf_add_str(out, "  ");
    plain_text_add(out, letter->parts.message);
}

static void count_kind(struct list *list, const struct letter *letter) {
    char class_name[CLASS_SIZE];
    struct strbuf text;
    strbuf_init(&text);
    plain_text_add(&text, letter->parts.class_name);
    snprintf(class_name, sizeof class_name, "%s", text.data);
    strbuf_release(&text);
    size_t i = 0;
    while (i < list->n_kinds && (strcmp(list->kinds[i].topic, letter->record.topic) != 0 ||
                                 strcmp(list->kinds[i].class_name, class_name) != 0))
        i++;
    if (i == KINDS_MAX) {
        struct letter_kind *others = &list->kinds[KINDS_MAX - 1];
        strcpy(others->topic, "others");
        strcpy(others->class_name, "of many kinds");
        others->n++;
        return;
    }
    if (i == list->n_kinds) {
        struct letter_kind *kind = &list->kinds[list->n_kinds++];
        snprintf(kind->topic, sizeof kind->topic, "%s", letter->record.topic);
        strcpy(kind->class_name, class_name);
    }
    list->kinds[i].n++;
}

static bool list_letter(void *context, const struct letter *letter) {
    struct list *list = context;
    const struct dlq_selection *selection = list->selection;
    list->n_by_state[letter->state]++;
    if (letter->state != LETTER_OPEN && !selection->all_states)
        return true;
    if (list->n_listed == selection->limit)
        return false;
    strbuf_reset(&list->line);
    if (selection->json)
        add_json(&list->line, letter);
    else
        add_text(&list->line, letter, selection->all_states);
    puts(list->line.data);
    list->n_listed++;
    count_kind(list, letter);
    return true;
}

/* With --json, stdout has nothing but objects. */
static void print_summary(const struct list *list) {
    const struct dlq_selection *selection = list->selection;
    FILE *out = selection->json ? stderr : stdout;
    int64_t n_hidden = list->n_by_state[LETTER_REPLAYED] + list->n_by_state[LETTER_DISCARDED];
    fprintf(out, "%s%lld %s%s\n", list->n_listed > 0 ? "\n" : "", (long long)list->n_listed,
            selection->all_states ? "" : "open ",
            list->n_listed == 1 ? "dead letter" : "dead letters");
    for (size_t i = 0; i < list->n_kinds; i++)
        fprintf(out, "  %6lld  %s  %s\n", (long long)list->kinds[i].n, list->kinds[i].topic,
                list->kinds[i].class_name);
    if (!selection->all_states && n_hidden > 0)
        fprintf(out, "%lld replayed and %lld discarded are not shown; --all-states shows them\n",
                (long long)list->n_by_state[LETTER_REPLAYED],
                (long long)list->n_by_state[LETTER_DISCARDED]);
    if (list->n_by_state[LETTER_OPEN] > 0)
        fprintf(out, "next: orderctl dlq show TOPIC PARTITION OFFSET, then replay or discard\n");
}

int dlq_list(const struct config *config, const struct dlq_selection *selection) {
    struct error err;
    struct list *list = calloc(1, sizeof *list);
    if (!list)
        abort();
    list->selection = selection;
    strbuf_init(&list->line);
    int code = EXIT_SUCCESS;
    if (dlq_visit(config, selection, list_letter, list, &err) != OK) {
        fprintf(stderr, "orderctl: %s\n", err.text);
        code = EXIT_FAILURE;
    } else if (selection->offset >= 0 && list->n_listed == 0) {
        int64_t n_resolved = list->n_by_state[LETTER_REPLAYED] + list->n_by_state[LETTER_DISCARDED];
        if (n_resolved == 0)
            code = dlq_say_missing(selection->topics[0], selection->partition, selection->offset);
        else
            print_summary(list);
    } else {
        print_summary(list);
    }
    strbuf_release(&list->line);
    free(list);
    return code;
}
