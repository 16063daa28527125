/*
 * Kafka as another program sees it: a plain producer and a reader of whole
 * topics, which know nothing of the shop.
 */
#pragma once

#include "event/record.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Sends the record to `record->partition` (-1: where the Java clients put its
 * key), and waits until the broker has it.
 */
void kafka_send(const char *brokers, const struct record *record);

/* The same for many, in this order; as fast as the broker takes them. */
void kafka_send_all(const char *brokers, const struct record records[], size_t n);

/* Sends a value by itself, without key and headers, to partition 0. */
void kafka_send_text(const char *brokers, const char *topic, const char *value);

/* A member that joins a consumer group and takes its share of the topics'
 * partitions, without committing an offset of them. */
struct kafka_member;
struct kafka_member *kafka_join(const char *brokers, const char *group, const char *const topics[],
                                size_t n_topics);
void kafka_leave(struct kafka_member *member); /* NULL is fine */

/* Sets a group's committed offset; of Apache Kafka only, while the group has no
 * member. */
void kafka_set_offset(const char *brokers, const char *group, const char *topic, int partition,
                      int64_t offset);

struct kafka_records {
    size_t n;
    struct record *items; /* partition by partition */
};

/* All records that are in the topic now, with their headers. They live until
 * the end of the test. */
struct kafka_records kafka_read(const char *brokers, const char *topic);

/* How many that are. */
size_t kafka_count(const char *brokers, const char *topic);

/* Whether `record` has the key, the value and the headers of `other`; it may
 * have more headers behind them. */
bool kafka_has_content(const struct record *record, const struct record *other);

/* Names, which live until the end of the test. */
struct kafka_names {
    size_t n;
    const char **items;
};

/* Of all topics. */
struct kafka_names kafka_topics(const char *brokers);

/* How many partitions a topic has, and replicas of each; 0: it does not exist. */
struct kafka_extent {
    int n_partitions, n_replicas;
};
struct kafka_extent kafka_extent(const char *brokers, const char *topic);

/* The broker that leads the partition; -1: none does. */
int kafka_leader(const char *brokers, const char *topic, int partition);

/* Has every partition of every topic a leader and all of its replicas in sync? */
bool kafka_is_in_sync(const char *brokers);

/* Of all groups; the embedded broker cannot say. */
struct kafka_names kafka_groups(const char *brokers);

/* Has this group committed an offset in the topic? */
bool kafka_has_committed(const char *brokers, const char *group, const char *topic);

/* The header's value as text, NULL when it is missing. For the rest of the test. */
const char *kafka_header(const struct record *record, const char *name);

/* The value as text. For the rest of the test. */
const char *kafka_value(const struct record *record);
const char *kafka_key(const struct record *record);
