#include "event/dead_letter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_header(struct record *record, const char *name, const char *value) {
    record->headers[record->n_headers++] =
        (struct record_header){.name = name, .value = {value, strlen(value)}};
}

void dead_letter_write(const struct record *refused, const struct refusal *refusal,
                       struct dead_letter_text *text, struct record *out) {
    snprintf(text->partition, sizeof text->partition, "%d", refused->partition);
    snprintf(text->offset, sizeof text->offset, "%lld", (long long)refused->offset);
    *out = *refused;
    add_header(out, DEAD_LETTER_TOPIC, refused->topic);
    add_header(out, DEAD_LETTER_PARTITION, text->partition);
    add_header(out, DEAD_LETTER_OFFSET, text->offset);
    add_header(out, DEAD_LETTER_GROUP, refusal->group);
    add_header(out, DEAD_LETTER_STAGE, refusal->stage);
    add_header(out, DEAD_LETTER_CLASS, refusal->class_name);
    add_header(out, DEAD_LETTER_MESSAGE, refusal->message);
    add_header(out, DEAD_LETTER_CLUSTER, refusal->cluster_id);
}

/* The part that a header is, NULL: none. */
static struct bytes *part_named(struct dead_letter *parts, const char *name) {
    const struct {
        const char *name;
        struct bytes *part;
    } table[] = {
        {DEAD_LETTER_TOPIC, &parts->topic},     {DEAD_LETTER_PARTITION, &parts->partition},
        {DEAD_LETTER_OFFSET, &parts->offset},   {DEAD_LETTER_GROUP, &parts->group},
        {DEAD_LETTER_STAGE, &parts->stage},     {DEAD_LETTER_CLASS, &parts->class_name},
        {DEAD_LETTER_MESSAGE, &parts->message}, {DEAD_LETTER_CLUSTER, &parts->cluster_id},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].part;
    return NULL;
}

void dead_letter_read(const struct record *letter, struct dead_letter *out) {
    struct record_walk walk = record_walk(letter);
    struct record_header header;
    size_t n = 0;
    *out = (struct dead_letter){0};
    for (; record_walk_next(&walk, &header); n++) {
        /* A record may have come with such headers of its own: ours are the last. */
        if (strcmp(header.name, DEAD_LETTER_TOPIC) == 0)
            *out = (struct dead_letter){.n_own_headers = n};
        struct bytes *part = part_named(out, header.name);
        if (part)
            *part = header.value;
    }
    if (!out->topic.data)
        out->n_own_headers = n;
}

static bool copy_text(struct bytes bytes, char *out, size_t size) {
    if (bytes.len == 0 || bytes.len >= size || memchr(bytes.data, '\0', bytes.len))
        return false;
    memcpy(out, bytes.data, bytes.len);
    out[bytes.len] = '\0';
    return true;
}

static bool read_number(struct bytes bytes, int64_t max, int64_t *out) {
    char text[24], *end;
    if (!copy_text(bytes, text, sizeof text))
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < 0 || number > max)
        return false;
    *out = number;
    return true;
}

bool dead_letter_place(const struct record *letter, const struct dead_letter *parts,
                       const char *cluster_id, struct dead_letter_place *out) {
    int64_t partition = letter->partition, offset = letter->offset;
    struct bytes topic = {letter->topic, strlen(letter->topic)};
    struct bytes cluster = {cluster_id, strlen(cluster_id)};
    if (parts->topic.data) {
        topic = parts->topic;
        if (!read_number(parts->partition, INT32_MAX, &partition) ||
            !read_number(parts->offset, INT64_MAX, &offset))
            return false;
    }
    if (parts->cluster_id.data)
        cluster = parts->cluster_id;
    out->partition = (int32_t)partition;
    out->offset = offset;
    return copy_text(topic, out->topic, sizeof out->topic) &&
           copy_text(cluster, out->cluster_id, sizeof out->cluster_id);
}

static bool has_own_header(const struct record *letter, const struct dead_letter *parts,
                           const char *name) {
    struct record_walk walk = record_walk(letter);
    struct record_header header;
    for (size_t i = 0; i < parts->n_own_headers && record_walk_next(&walk, &header); i++)
        if (strcmp(header.name, name) == 0)
            return true;
    return false;
}

enum status dead_letter_restore(const struct record *letter, const struct dead_letter *parts,
                                const struct dead_letter_place *place, struct strbuf *headers,
                                struct record *out, struct error *err) {
    struct record_walk walk = record_walk(letter);
    struct record_header header;
    bool has_id = has_own_header(letter, parts, ENVELOPE_ID);
    strbuf_reset(headers);
    for (size_t i = 0; i < parts->n_own_headers && record_walk_next(&walk, &header); i++) {
        /* Its consumers know a record without an id by its place alone. */
        if (has_id || strcmp(header.name, ENVELOPE_SOURCE) != 0)
            record_pack_header(&header, headers);
    }
    if (!has_id) {
        char id[EVENT_ID_SIZE];
        envelope_id_of_place(place->cluster_id, place->topic, place->partition, place->offset, id);
        if (strlen(id) > ENVELOPE_FOREIGN_TEXT_MAX)
            return error_set(err, ERR_INVALID, "the id of a record at %s/%d/%lld is too long",
                             place->topic, place->partition, (long long)place->offset);
        record_pack_header(&(struct record_header){ENVELOPE_ID, {id, strlen(id)}}, headers);
    }
    *out = (struct record){.topic = place->topic, .key = letter->key, .value = letter->value};
    return record_unpack_headers((struct bytes){headers->data, headers->len}, out, err);
}
