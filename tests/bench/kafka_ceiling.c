/*
 * kafka_ceiling BROKERS TOPIC PARTITIONS RECORDS: Kafka's ceiling. librdkafka alone
 * sends that many log actions, with the headers that the services give them,
 * and reads them at the same time in another thread; prints records a second,
 * from the first that was read, when both are at work, to the last one. The topic
 * is created where it is missing; it must be empty. KAFKA_CONFIG_FILE as for the
 * services.
 */
#include "base/clock.h"
#include "bench/sample_order.h"
#include "bus/client.h"
#include "bus/topics.h"
#include "event/codec.h"
#include "event/envelope.h"

#include <librdkafka/rdkafka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    READ_AT_ONCE = 1000,
    /* 8 partitions of the embedded broker have room for 95,000, if they are read evenly;
     * with 75,000, one was full once, and 5,000 records were lost. */
    UNREAD_MAX = 50000,
    PATIENCE_MS = 30000,
    METADATA_MS = 10000,
};

struct ceiling {
    struct kafka_config kafka;
    const char *topic;
    int n_partitions;
    long n_records;
    atomic_long n_read;
    int64_t began_ms, ended_ms;
};

static _Noreturn void give_up(const struct error *err) {
    fprintf(stderr, "kafka_ceiling: %s\n", err->text);
    exit(1);
}

static rd_kafka_t *new_client(const struct ceiling *ceiling, rd_kafka_type_t type) {
    static const struct client_property defaults[] = {
        {"linger.ms", "2"},
        {"acks", "all"},
        {"partitioner", "murmur2_random"},
        {"check.crcs", "true"},
        {"batch.size", "1000000"},
        {"enable.auto.commit", "false"},
        {"group.id", "ceiling"},
        {"fetch.wait.max.ms", "5"},
        {"enable.idempotence", "true"},
    };
    const struct client_properties properties = {defaults, sizeof defaults / sizeof *defaults, NULL,
                                                 0};
    rd_kafka_conf_t *conf;
    rd_kafka_t *client;
    struct error err;
    enum status status = client_conf_new(&ceiling->kafka, &properties, &conf, &err);
    if (status == OK)
        status = client_new(type, conf, &client, &err);
    if (status != OK)
        give_up(&err);
    return client;
}

static void ensure_topic(const struct ceiling *ceiling) {
    const struct topic_spec topic = {ceiling->topic, ceiling->n_partitions, 1, 0};
    struct error err;
    bool is_embedded;
    if (topics_ensure(&ceiling->kafka, &topic, 1, METADATA_MS, false, &is_embedded, &err) != OK)
        give_up(&err);
}

static int count_partitions(rd_kafka_t *client, const char *name) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, topic, &metadata, METADATA_MS);
    rd_kafka_topic_destroy(topic);
    if (code) {
        fprintf(stderr, "kafka_ceiling: topic %s: %s\n", name, rd_kafka_err2str(code));
        exit(1);
    }
    int n = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return n;
}

/* Assigned, not subscribed: joining a group is not what is measured. */
static rd_kafka_t *new_consumer(const struct ceiling *ceiling) {
    rd_kafka_t *client = new_client(ceiling, RD_KAFKA_CONSUMER);
    int n = count_partitions(client, ceiling->topic);
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(n);
    for (int32_t i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(all, ceiling->topic, i)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(client, all);
    rd_kafka_topic_partition_list_destroy(all);
    return client;
}

static void *read_all(void *context) {
    struct ceiling *ceiling = context;
    rd_kafka_t *client = new_consumer(ceiling);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
    rd_kafka_message_t *messages[READ_AT_ONCE];
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    while (ceiling->n_read < ceiling->n_records && clock_monotonic_ms() < deadline) {
        ssize_t n = rd_kafka_consume_batch_queue(queue, 5, messages, READ_AT_ONCE);
        for (ssize_t i = 0; i < n; i++) {
            ceiling->n_read += messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR;
            rd_kafka_message_destroy(messages[i]);
        }
    }
    ceiling->ended_ms = clock_monotonic_ms();
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
    return NULL;
}

static rd_kafka_headers_t *copy_headers(const struct record *record) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->n_headers);
    for (size_t i = 0; i < record->n_headers; i++)
        rd_kafka_header_add(headers, record->headers[i].name, -1, record->headers[i].value.data,
                            (ssize_t)record->headers[i].value.len);
    return headers;
}

static void send_record(rd_kafka_t *client, const char *topic, const struct record *record,
                        const struct strbuf *value, const char *key) {
    rd_kafka_headers_t *headers = copy_headers(record);
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key, strlen(key)}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value->data, value->len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
    };
    rd_kafka_error_t *error;
    while ((error = rd_kafka_produceva(client, parts, sizeof parts / sizeof *parts))) {
        if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            fprintf(stderr, "kafka_ceiling: %s\n", rd_kafka_error_string(error));
            exit(1);
        }
        rd_kafka_error_destroy(error);
        rd_kafka_poll(client, 1);
    }
}

static void await_reader(const struct ceiling *ceiling, rd_kafka_t *client, long n_read) {
    int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
    rd_kafka_poll(client, 0);
    while (ceiling->n_read < n_read && clock_monotonic_ms() < deadline)
        rd_kafka_poll(client, 1);
}

static void send_all(struct ceiling *ceiling, rd_kafka_t *client) {
    struct event event = {.type = EVENT_NEW_LOGGING_ACTION,
                          .logging_action = {"inventory-service", "inventory-updated"}};
    struct envelope cause;
    struct envelope_text text;
    struct record record = {.n_headers = 0};
    struct strbuf value;
    strbuf_init(&value);
    event_encode(&event, &value);
    envelope_init(&cause, "order-service", NULL);
    strcpy(cause.correlation, "CEILING-1000000");
    envelope_init(&event.envelope, "inventory-service", &cause);
    envelope_write(&event.envelope, event_type_name(event.type), &text, &record);
    for (long i = 0; i < ceiling->n_records; i++) {
        char key[ID_SIZE];
        snprintf(key, sizeof key, "CEILING-%ld", i / 6);
        send_record(client, ceiling->topic, &record, &value, key);
        if (i == 0) {
            await_reader(ceiling, client, 1);
            ceiling->began_ms = clock_monotonic_ms();
        }
        if (i % READ_AT_ONCE == 0)
            await_reader(ceiling, client, i - UNREAD_MAX);
    }
    strbuf_release(&value);
    rd_kafka_flush(client, PATIENCE_MS);
}

int main(int argc, char **argv) {
    if (argc != 5 || atoi(argv[3]) <= 0 || atol(argv[4]) <= 0) {
        fputs("usage: kafka_ceiling BROKERS TOPIC PARTITIONS RECORDS\n", stderr);
        return 2;
    }
    const char *config_file = getenv("KAFKA_CONFIG_FILE");
    struct ceiling ceiling = {.kafka = {argv[1], config_file ? config_file : "", "kafka_ceiling"},
                              .topic = argv[2],
                              .n_partitions = atoi(argv[3]),
                              .n_records = atol(argv[4])};
    ensure_topic(&ceiling);
    rd_kafka_t *producer = new_client(&ceiling, RD_KAFKA_PRODUCER);
    count_partitions(producer, ceiling.topic);
    pthread_t reader;
    if (pthread_create(&reader, NULL, read_all, &ceiling) != 0)
        return 1;
    send_all(&ceiling, producer);
    pthread_join(reader, NULL);
    rd_kafka_destroy(producer);
    if (ceiling.n_read < ceiling.n_records) {
        fprintf(stderr, "kafka_ceiling: of %ld records %ld were read within %d s\n",
                ceiling.n_records, atomic_load(&ceiling.n_read), PATIENCE_MS / 1000);
        return 1;
    }
    printf("%.0f\n", 1000.0 * (double)(ceiling.n_records - 1) /
                         (double)(ceiling.ended_ms - ceiling.began_ms));
    return 0;
}
