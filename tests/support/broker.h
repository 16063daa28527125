/*
 * A Kafka for a test. By default it is embedded: librdkafka's mock cluster, in
 * the test's own process, so each test has its own. With TEST_KAFKA=apache it
 * is Apache Kafka: the one at KAFKA_BROKERS, shared by all tests that leave it
 * alone, or a broker of the test's own, by scripts/kafka.sh. All functions fail
 * the test when they cannot do what they say.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum broker_use {
    BROKER_STEADY,    /* it is there all the time */
    BROKER_GOES_AWAY, /* the test takes it away */
};

enum { BROKER_PARTITIONS = 4 }; /* of each topic; a dead-letter topic has one */

struct broker;

bool broker_is_apache(void);

/* `topics` are created in an embedded one, each with its dead-letter topic; in
 * Apache Kafka, services create them. `folder` is for its files. Both are
 * borrowed for its whole life. */
struct broker *broker_open(enum broker_use use, const char *folder, const char *const topics[],
                           size_t n_topics);
void broker_close(struct broker *broker); /* NULL is fine */

/* host:port; another after broker_replace. */
const char *broker_address(const struct broker *broker);

void broker_take_down(struct broker *broker);
void broker_bring_up(struct broker *broker);

/* What a lost disk looks like: another cluster, with the same topics, empty.
 * Services must be started again with its address. */
void broker_replace(struct broker *broker);
