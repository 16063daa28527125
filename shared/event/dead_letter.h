/*
 * A dead letter: a record that a consumer refused, byte for byte, and behind
 * its own headers those that say where it stands, who refused it and why.
 * Their names are Kafka Connect's (KIP-298) where it has one: its "connector"
 * is here the consumer group. All functions: any thread.
 */
#pragma once

#include "event/envelope.h"

#include <stdbool.h>

/* In the order in which they are written; the first one is where a record's own
 * headers end. */
#define DEAD_LETTER_TOPIC "__connect.errors.topic"
#define DEAD_LETTER_PARTITION "__connect.errors.partition"
#define DEAD_LETTER_OFFSET "__connect.errors.offset"
#define DEAD_LETTER_GROUP "__connect.errors.connector.name"
#define DEAD_LETTER_STAGE "__connect.errors.stage"
#define DEAD_LETTER_CLASS "__connect.errors.exception.class.name"
#define DEAD_LETTER_MESSAGE "__connect.errors.exception.message"
#define DEAD_LETTER_CLUSTER "orderflow.dlq.cluster" /* whose place that is */

/* Who refused a record, and why. */
struct refusal {
    const char *group;
    const char *cluster_id; /* where the record came from */
    const char *stage;      /* what was being done with it, in Kafka Connect's words */
    const char *class_name; /* the kind of fault */
    const char *message;
};

/* Room for the text values of a dead letter's headers. */
struct dead_letter_text {
    char partition[16];
    char offset[24];
};

/* Makes the letter for a received record. Its topic is still the record's: set
 * it. It points into all arguments. */
void dead_letter_write(const struct record *refused, const struct refusal *refusal,
                       struct dead_letter_text *text, struct record *out);

/* What a letter says; `data` is NULL where it says nothing. All of it is what
 * somebody wrote: bytes, not yet text. */
struct dead_letter {
    struct bytes topic, partition, offset, group, stage, class_name, message, cluster_id;
    size_t n_own_headers; /* of the refused record: the letter's first ones */
};

/* Takes a letter apart, also one of another program's, which may lack anything. */
void dead_letter_read(const struct record *letter, struct dead_letter *out);

/* Where a refused record stands. */
struct dead_letter_place {
    char cluster_id[128];
    char topic[250];
    int32_t partition;
    int64_t offset;
};

/* Where the letter says that is or, when it does not say, where it stands itself
 * in the cluster `cluster_id`. False: what it says is no place. */
bool dead_letter_place(const struct record *letter, const struct dead_letter *parts,
                       const char *cluster_id, struct dead_letter_place *out);

/*
 * The refused record again, to be sent: key, value and its own headers. One
 * that had no ce_id gets the id that its consumers gave it, so that those of
 * them that have handled it know it again. It points into the letter, `place`
 * and `headers`, which is the caller's to release.
 * ERR_INVALID: that id is longer than a ce_id may be.
 */
enum status dead_letter_restore(const struct record *letter, const struct dead_letter *parts,
                                const struct dead_letter_place *place, struct strbuf *headers,
                                struct record *out, struct error *err);
