/*
 * A Kafka cluster inside the test: librdkafka's mock, on loopback. Records go
 * in and come out here by plain clients, past the code under test.
 */
#pragma once

#include "base/clock.h"
#include "event/record.h"
#include "unit/bus/sanitized_threads.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Kafka's numbers for the requests that can be made to fail. */
enum { MOCK_PRODUCE = 0, MOCK_LIST_OFFSETS = 2 };

enum { MOCK_PATIENCE_MS = 15000, MOCK_PARTITIONS = 2 };

struct mock_cluster {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    const char *brokers;
};

static inline rd_kafka_t *mock_client_new(rd_kafka_type_t type, const char *const *properties) {
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
    for (; *properties; properties += 2)
        if (rd_kafka_conf_set(conf, properties[0], properties[1], reason, sizeof reason) !=
            RD_KAFKA_CONF_OK)
            fail_msg("%s", reason);
    rd_kafka_t *client = rd_kafka_new(type, conf, reason, sizeof reason);
    if (!client)
        fail_msg("%s", reason);
    return client;
}

static inline void mock_cluster_open(struct mock_cluster *mock) {
    mock->host = mock_client_new(RD_KAFKA_PRODUCER, (const char *const[]){NULL});
    mock->cluster = rd_kafka_mock_cluster_new(mock->host, 1);
    assert_non_null(mock->cluster);
    mock->brokers = rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

static inline void mock_cluster_close(struct mock_cluster *mock) {
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->host);
}

static inline void mock_topic_create(struct mock_cluster *mock, const char *topic) {
    assert_int_equal(rd_kafka_mock_topic_create(mock->cluster, topic, MOCK_PARTITIONS, 1),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
}

static inline void mock_broker_down(struct mock_cluster *mock) {
    rd_kafka_mock_broker_set_down(mock->cluster, 1);
}

static inline void mock_broker_up(struct mock_cluster *mock) {
    rd_kafka_mock_broker_set_up(mock->cluster, 1);
}

static inline rd_kafka_t *mock_producer_new(struct mock_cluster *mock) {
    return mock_client_new(
        RD_KAFKA_PRODUCER,
        (const char *const[]){"bootstrap.servers", mock->brokers, "linger.ms", "0", NULL});
}

/* Queues a record for its topic and partition. */
static inline void mock_produce(rd_kafka_t *producer, const struct record *record) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->n_headers);
    for (size_t i = 0; i < record->n_headers; i++)
        rd_kafka_header_add(headers, record->headers[i].name, -1, record->headers[i].value.data,
                            (ssize_t)record->headers[i].value.len);
    const rd_kafka_vu_t arguments[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {(void *)(uintptr_t)record->key.data, record->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)(uintptr_t)record->value.data, record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
    };
    assert_null(rd_kafka_produceva(producer, arguments, sizeof arguments / sizeof *arguments));
}

static inline void mock_produce_all(struct mock_cluster *mock, const struct record *records,
                                    size_t n) {
    rd_kafka_t *producer = mock_producer_new(mock);
    for (size_t i = 0; i < n; i++)
        mock_produce(producer, &records[i]);
    assert_int_equal(rd_kafka_flush(producer, MOCK_PATIENCE_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);
}

/* Reads one topic from its beginning, outside of any group. */
struct mock_reader {
    rd_kafka_t *client;
    rd_kafka_message_t *message; /* the last one */
};

static inline void mock_reader_open(struct mock_reader *reader, struct mock_cluster *mock,
                                    const char *topic) {
    reader->message = NULL;
    reader->client = mock_client_new(
        RD_KAFKA_CONSUMER, (const char *const[]){"bootstrap.servers", mock->brokers, "group.id",
                                                 "reader", "enable.auto.commit", "false",
                                                 "fetch.wait.max.ms", "5", "fetch.error.backoff.ms",
                                                 "50", "auto.offset.reset", "earliest", NULL});
    rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new(1);
    for (int32_t i = 0; i < MOCK_PARTITIONS; i++)
        rd_kafka_topic_partition_list_add(partitions, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(reader->client, partitions);
    rd_kafka_topic_partition_list_destroy(partitions);
}

static inline void mock_reader_close(struct mock_reader *reader) {
    if (reader->message)
        rd_kafka_message_destroy(reader->message);
    rd_kafka_destroy(reader->client);
}

/* The next record, or NULL when none comes within `timeout_ms`; it lives until
 * the next call. */
static inline const rd_kafka_message_t *mock_reader_next(struct mock_reader *reader,
                                                         int timeout_ms) {
    int64_t deadline = clock_monotonic_ms() + timeout_ms;
    if (reader->message)
        rd_kafka_message_destroy(reader->message);
    reader->message = NULL;
    for (int64_t left = timeout_ms; left >= 0; left = deadline - clock_monotonic_ms()) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->client, (int)left);
        if (!message)
            break;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            reader->message = message;
            break;
        }
        rd_kafka_message_destroy(message);
    }
    return reader->message;
}

/* The next record, which must come. */
static inline const rd_kafka_message_t *mock_reader_expect(struct mock_reader *reader) {
    const rd_kafka_message_t *message = mock_reader_next(reader, MOCK_PATIENCE_MS);
    assert_non_null(message);
    return message;
}

/* Does the record's value say this? */
static inline void assert_value(const rd_kafka_message_t *message, const char *expected) {
    assert_int_equal(message->len, strlen(expected));
    assert_memory_equal(message->payload, expected, message->len);
}
