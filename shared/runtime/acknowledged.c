#include "runtime/acknowledged.h"

#include "base/log.h"
#include "bus/landmarks.h"

#include <stdlib.h>
#include <string.h>

struct mark {
    struct record_place place; /* owns its topic's name */
    bool is_new;               /* since the last note */
};

struct acknowledged {
    struct mark *marks;
    size_t n, size;
    size_t last; /* the one found last: acknowledgements come in runs */
    bool must_forget;
};

static bool is_of(const struct mark *mark, const struct record_place *place) {
    return mark->place.partition == place->partition &&
           strcmp(mark->place.topic, place->topic) == 0;
}

static struct mark *find(struct acknowledged *acknowledged, const struct record_place *place) {
    if (acknowledged->last < acknowledged->n &&
        is_of(&acknowledged->marks[acknowledged->last], place))
        return &acknowledged->marks[acknowledged->last];
    for (size_t i = 0; i < acknowledged->n; i++) {
        if (!is_of(&acknowledged->marks[i], place))
            continue;
        acknowledged->last = i;
        return &acknowledged->marks[i];
    }
    return NULL;
}

static struct mark *append(struct acknowledged *acknowledged, const struct record_place *place) {
    if (acknowledged->n == acknowledged->size) {
        acknowledged->size = acknowledged->size ? 2 * acknowledged->size : 32;
        acknowledged->marks =
            realloc(acknowledged->marks, acknowledged->size * sizeof *acknowledged->marks);
        if (!acknowledged->marks)
            abort();
    }
    struct mark *mark = &acknowledged->marks[acknowledged->n++];
    *mark = (struct mark){.place = *place};
    mark->place.topic = strdup(place->topic);
    if (!mark->place.topic)
        abort();
    return mark;
}

static void load(void *context, const struct record_place *place) {
    append(context, place);
}

enum status acknowledged_open(struct db *reader_db, struct acknowledged **out, struct error *err) {
    struct acknowledged *acknowledged = calloc(1, sizeof *acknowledged);
    if (!acknowledged)
        abort();
    enum status status = outbox_read_landmarks(reader_db, load, acknowledged, err);
    if (status != OK) {
        acknowledged_close(acknowledged);
        return status;
    }
    *out = acknowledged;
    return OK;
}

void acknowledged_close(struct acknowledged *acknowledged) {
    if (!acknowledged)
        return;
    for (size_t i = 0; i < acknowledged->n; i++)
        free((char *)(uintptr_t)acknowledged->marks[i].place.topic);
    free(acknowledged->marks);
    free(acknowledged);
}

bool acknowledged_add(struct acknowledged *acknowledged, const struct record_place *place) {
    struct mark *mark = find(acknowledged, place);
    if (!mark)
        mark = append(acknowledged, place);
    else if (place->offset <= mark->place.offset)
        return false;
    mark->place.offset = place->offset;
    mark->place.timestamp_ms = place->timestamp_ms;
    mark->is_new = true;
    return true;
}

/* The names of topics stay: a note that is under way points to them. */
void acknowledged_forget(struct acknowledged *acknowledged) {
    for (size_t i = 0; i < acknowledged->n; i++) {
        acknowledged->marks[i].place.offset = -1;
        acknowledged->marks[i].is_new = false;
    }
    acknowledged->must_forget = true;
}

/* The first place with this answer; n: there is none. */
static size_t find_answer(const enum landmark answers[], size_t n, enum landmark wanted) {
    size_t i = 0;
    while (i < n && answers[i] != wanted)
        i++;
    return i;
}

enum status acknowledged_check(struct acknowledged *acknowledged, const struct kafka_config *config,
                               int timeout_ms, bool *out_is_lost, struct error *err) {
    size_t n = 0;
    struct record_place *places = calloc(acknowledged->n + 1, sizeof *places);
    enum landmark *answers = calloc(acknowledged->n + 1, sizeof *answers);
    if (!places || !answers)
        abort();
    for (size_t i = 0; i < acknowledged->n; i++)
        if (acknowledged->marks[i].place.offset >= 0)
            places[n++] = acknowledged->marks[i].place;
    enum status status = landmarks_check(config, places, n, timeout_ms, answers, err);
    size_t first_gone = find_answer(answers, n, LANDMARK_GONE),
           first_hidden = find_answer(answers, n, LANDMARK_OUT_OF_SIGHT);
    if (status == OK && first_gone == n && first_hidden < n)
        status = error_set(err, ERR_UNAVAILABLE, "%s/%d has no leader", places[first_hidden].topic,
                           places[first_hidden].partition);
    if (status == OK) {
        *out_is_lost = first_gone < n;
        if (*out_is_lost)
            log_warn("Kafka has lost records: %s/%d no longer holds what it acknowledged at "
                     "offset %lld",
                     places[first_gone].topic, places[first_gone].partition,
                     (long long)places[first_gone].offset);
    }
    free(answers);
    free(places);
    return status;
}

void acknowledged_take(struct acknowledged *acknowledged, struct acknowledged_note *note) {
    note->forgets = note->forgets || acknowledged->must_forget;
    acknowledged->must_forget = false;
    if (note->size < acknowledged->n) {
        free(note->places);
        note->places = calloc(acknowledged->size, sizeof *note->places);
        if (!note->places)
            abort();
        note->size = acknowledged->size;
    }
    note->n = 0;
    for (size_t i = 0; i < acknowledged->n; i++) {
        if (acknowledged->marks[i].is_new)
            note->places[note->n++] = acknowledged->marks[i].place;
        acknowledged->marks[i].is_new = false;
    }
}

enum status acknowledged_store(const struct acknowledged_note *note, struct outbox *outbox,
                               struct error *err) {
    enum status status = OK;
    if (note->forgets)
        status = outbox_forget_landmarks(outbox, err);
    for (size_t i = 0; status == OK && i < note->n; i++)
        status = outbox_set_landmark(outbox, &note->places[i], err);
    return status;
}

void acknowledged_note_release(struct acknowledged_note *note) {
    free(note->places);
}
