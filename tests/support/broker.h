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

/* Kills it; broker_bring_up starts it again, with its data. */
void broker_kill(struct broker *broker);

/* Of Apache Kafka only: all records and offsets are gone, the cluster's id and
 * the address stay; services go on running. */
void broker_lose_records(struct broker *broker);

/* Faults of the embedded broker; see broker_is_apache. */

/* Kafka's numbers of the requests that can be made to fail. */
enum broker_request {
    REQUEST_PRODUCE = 0,
    REQUEST_FETCH = 1,
    REQUEST_LIST_OFFSETS = 2,
    REQUEST_METADATA = 3,
    REQUEST_OFFSET_COMMIT = 8,
    REQUEST_OFFSET_FETCH = 9,
    REQUEST_FIND_COORDINATOR = 10,
    REQUEST_JOIN_GROUP = 11,
    REQUEST_HEARTBEAT = 12,
    REQUEST_SYNC_GROUP = 14,
    REQUEST_INIT_PRODUCER_ID = 22,
};

/* The next request of that kind that has none ahead of it fails with the error,
 * one of Kafka's (rd_kafka_resp_err_t). Without an error (0) it succeeds, and
 * its answer comes so late. */
void broker_fail_request(struct broker *broker, enum broker_request request, int error,
                         int delay_ms);

/* How many such faults have not come yet. */
size_t broker_faults_left(struct broker *broker, enum broker_request request);

/* From now on every answer comes so late. */
void broker_delay_all(struct broker *broker, int delay_ms);

/* What a lost disk looks like: another cluster, with the same topics, empty.
 * Services must be started again with its address. */
void broker_replace(struct broker *broker);
