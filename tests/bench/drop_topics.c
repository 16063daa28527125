/*
 * drop_topics BROKERS PREFIX: deletes the topics whose names begin so. What was
 * measured on a Kafka that stays had topics of its own there; with them go the
 * offsets of their groups. KAFKA_CONFIG_FILE as for the services.
 */
#include "bus/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 30000, TOPICS_MAX = 100 };

static _Noreturn void give_up(const char *what, const char *reason) {
    fprintf(stderr, "drop_topics: %s: %s\n", what, reason);
    exit(1);
}

static rd_kafka_t *connect_to(const char *brokers) {
    const char *file = getenv("KAFKA_CONFIG_FILE");
    const struct kafka_config config = {brokers, file ? file : "", "drop_topics"};
    rd_kafka_conf_t *conf;
    rd_kafka_t *client;
    struct error err;
    enum status status = client_conf_new(&config, &client_plain_properties, &conf, &err);
    if (status == OK)
        status = client_new(RD_KAFKA_PRODUCER, conf, &client, &err);
    if (status != OK)
        give_up(brokers, err.text);
    return client;
}

/* The requests are the caller's. */
static size_t find_topics(rd_kafka_t *client, const char *prefix, rd_kafka_DeleteTopic_t **out) {
    const struct rd_kafka_metadata *metadata;
    size_t n = 0;
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 1, NULL, &metadata, TIMEOUT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up("asking what topics there are", rd_kafka_err2str(code));
    for (int i = 0; i < metadata->topic_cnt && n < TOPICS_MAX; i++)
        if (strncmp(metadata->topics[i].topic, prefix, strlen(prefix)) == 0)
            out[n++] = rd_kafka_DeleteTopic_new(metadata->topics[i].topic);
    rd_kafka_metadata_destroy(metadata);
    return n;
}

static void check_results(rd_kafka_event_t *event) {
    size_t n;
    const rd_kafka_topic_result_t **topics =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &n);
    for (size_t i = 0; i < n; i++) {
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(topics[i]);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            give_up(rd_kafka_topic_result_name(topics[i]), rd_kafka_err2str(code));
    }
}

static void delete_topics(rd_kafka_t *client, rd_kafka_DeleteTopic_t **topics, size_t n) {
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteTopics(client, topics, n, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    if (!event)
        give_up("deleting topics", "no answer");
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        give_up("deleting topics", rd_kafka_event_error_string(event));
    check_results(event);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
}

int main(int argc, char **argv) {
    if (argc != 3 || *argv[2] == '\0') {
        fputs("usage: drop_topics BROKERS PREFIX\n", stderr);
        return 2;
    }
    rd_kafka_DeleteTopic_t *topics[TOPICS_MAX];
    rd_kafka_t *client = connect_to(argv[1]);
    size_t n = find_topics(client, argv[2], topics);
    if (n > 0)
        delete_topics(client, topics, n);
    rd_kafka_DeleteTopic_destroy_array(topics, n);
    rd_kafka_destroy(client);
    return 0;
}
