/*
 * A dead letter as its desk sees it, and the mark that says what became of it.
 *
 * Kafka's topics only grow: a letter is never taken out. That it was replayed
 * or discarded is a record of its own in the same topic, the mark, so it lives
 * as long as the letter and needs no other place to be kept in. Both name the
 * refusal (which group refused which record), for a letter can stand in its
 * topic twice, and elsewhere after a lost disk.
 */
#pragma once

#include "base/clock.h"
#include "event/dead_letter.h"

/* A mark's headers; its key is the name of the refusal and its value is null. */
#define DLQ_MARK_LETTER "orderflow.dlq.letter"      /* the name of the refusal */
#define DLQ_MARK_STATE "orderflow.dlq.resolved"     /* "replayed" or "discarded" */
#define DLQ_MARK_TIME "orderflow.dlq.resolved.time" /* when, RFC 3339 */

enum letter_state { LETTER_OPEN, LETTER_REPLAYED, LETTER_DISCARDED };

/* "open", "replayed", "discarded" */
const char *letter_state_name(enum letter_state state);

enum { LETTER_NAME_SIZE = 1024 };

struct letter {
    struct record record;
    struct dead_letter parts;
    struct dead_letter_place place; /* of the refused record, if has_place */
    bool has_place;
    char name[LETTER_NAME_SIZE]; /* "GROUP CLUSTER/TOPIC/PARTITION/OFFSET" */
    enum letter_state state;
    bool is_copy; /* the same refusal stands further in front, too */
};

/* Reads a record of the cluster's topic of dead letters, which is no mark. Its
 * state is still open. The record's memory is borrowed. */
void letter_read(const struct record *record, const char *cluster_id, struct letter *out);

/* Is the record a mark? Then which refusal it names, and what became of it. */
bool letter_mark_read(const struct record *record, char out_name[static LETTER_NAME_SIZE],
                      enum letter_state *out_state);

/* The mark for a letter, into the letter's topic. It points into the arguments. */
void letter_mark_write(const struct letter *letter, enum letter_state state,
                       char time[static CLOCK_RFC3339_SIZE], struct record *out);
