#include "orderctl/dlq_letter.h"

#include <stdio.h>
#include <string.h>

enum { GROUP_MAX = 255 }; /* bytes of a group's name that count */

static const char *const state_names[] = {
    [LETTER_OPEN] = "open",
    [LETTER_REPLAYED] = "replayed",
    [LETTER_DISCARDED] = "discarded",
};

const char *letter_state_name(enum letter_state state) {
    return state_names[state];
}

static struct bytes text_bytes(const char *text) {
    return (struct bytes){text, strlen(text)};
}

void letter_read(const struct record *record, const char *cluster_id, struct letter *out) {
    *out = (struct letter){.record = *record};
    dead_letter_read(record, &out->parts);
    out->has_place = dead_letter_place(record, &out->parts, cluster_id, &out->place);
    struct bytes group = out->parts.group;
    if (!group.data)
        group = (struct bytes){"", 0};
    if (group.len > GROUP_MAX)
        group.len = GROUP_MAX;
    if (out->has_place)
        snprintf(out->name, sizeof out->name, "%.*s %s/%s/%d/%lld", (int)group.len,
                 (const char *)group.data, out->place.cluster_id, out->place.topic,
                 out->place.partition, (long long)out->place.offset);
    else
        snprintf(out->name, sizeof out->name, "%.*s %s/%s/%d/%lld", (int)group.len,
                 (const char *)group.data, cluster_id, record->topic, record->partition,
                 (long long)record->offset);
}

static bool is_state(struct bytes value, enum letter_state state) {
    const char *name = letter_state_name(state);
    return value.data && value.len == strlen(name) && memcmp(value.data, name, value.len) == 0;
}

bool letter_mark_read(const struct record *record, char out_name[static LETTER_NAME_SIZE],
                      enum letter_state *out_state) {
    struct record_walk walk = record_walk(record);
    struct record_header header;
    bool has_name = false, has_state = false;
    while (record_walk_next(&walk, &header)) {
        if (strcmp(header.name, DLQ_MARK_LETTER) == 0 && header.value.data &&
            header.value.len < LETTER_NAME_SIZE) {
            memcpy(out_name, header.value.data, header.value.len);
            out_name[header.value.len] = '\0';
            has_name = true;
        }
        if (strcmp(header.name, DLQ_MARK_STATE) == 0) {
            has_state =
                is_state(header.value, LETTER_REPLAYED) || is_state(header.value, LETTER_DISCARDED);
            *out_state =
                is_state(header.value, LETTER_REPLAYED) ? LETTER_REPLAYED : LETTER_DISCARDED;
        }
        /* A refused mark, sent to another topic by mistake, is a letter. */
        if (strcmp(header.name, DEAD_LETTER_TOPIC) == 0)
            return false;
    }
    return has_name && has_state;
}

void letter_mark_write(const struct letter *letter, enum letter_state state,
                       char time[static CLOCK_RFC3339_SIZE], struct record *out) {
    clock_format_rfc3339(clock_now_ms(), time);
    *out = (struct record){
        .topic = letter->record.topic,
        .key = text_bytes(letter->name),
        .n_headers = 3,
        .headers = {{DLQ_MARK_LETTER, text_bytes(letter->name)},
                    {DLQ_MARK_STATE, text_bytes(letter_state_name(state))},
                    {DLQ_MARK_TIME, text_bytes(time)}},
    };
}
