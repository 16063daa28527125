#include "bus/topics.h"

#include "base/log.h"
#include "bus/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum status check_result(const rd_kafka_topic_result_t *result, struct error *err) {
    rd_kafka_resp_err_t code = rd_kafka_topic_result_error(result);
    const char *name = rd_kafka_topic_result_name(result);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        log_info("created topic %s", name);
        return OK;
    }
    if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return OK;
    const char *reason = rd_kafka_topic_result_error_string(result);
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED) {
        log_warn("topic %s: no right to create it; it must exist already", name);
        return OK;
    }
    return error_set(err, ERR_UNAVAILABLE, "creating topic %s: %s", name,
                     reason ? reason : rd_kafka_err2str(code));
}

static enum status check_results(rd_kafka_event_t *event, struct error *err) {
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    size_t n;
    const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(result, &n);
    for (size_t i = 0; i < n; i++) {
        enum status status = check_result(topics[i], err);
        if (status != OK)
            return status;
    }
    return OK;
}

/* Asks for one topic's metadata, which makes a broker with auto-creation
 * create it. */
static enum status touch_topic(rd_kafka_t *client, const char *name, int timeout_ms,
                               struct error *err) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, topic, &metadata, timeout_ms);
    rd_kafka_topic_destroy(topic);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_set(err, ERR_UNAVAILABLE, "topic %s: %s", name, rd_kafka_err2str(code));
    rd_kafka_metadata_destroy(metadata);
    return OK;
}

static enum status touch_all(rd_kafka_t *client, const struct topic_spec *topics, size_t n_topics,
                             int timeout_ms, struct error *err) {
    for (size_t i = 0; i < n_topics; i++) {
        enum status status = touch_topic(client, topics[i].name, timeout_ms, err);
        if (status != OK)
            return status;
    }
    return OK;
}

static rd_kafka_NewTopic_t *make_request(const struct topic_spec *topic) {
    rd_kafka_NewTopic_t *request =
        rd_kafka_NewTopic_new(topic->name, topic->partitions, topic->replication_factor, NULL, 0);
    if (topic->record_bytes_max > 0) {
        char bytes[16];
        snprintf(bytes, sizeof bytes, "%d", topic->record_bytes_max);
        rd_kafka_NewTopic_set_config(request, "max.message.bytes", bytes);
    }
    return request;
}

static void request_creation(rd_kafka_t *client, rd_kafka_queue_t *queue,
                             const struct topic_spec *topics, size_t n_topics, int timeout_ms) {
    rd_kafka_NewTopic_t **requests = calloc(n_topics, sizeof *requests);
    if (!requests)
        abort();
    for (size_t i = 0; i < n_topics; i++)
        requests[i] = make_request(&topics[i]);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
    rd_kafka_CreateTopics(client, requests, n_topics, options, queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy_array(requests, n_topics);
    free(requests);
}

static enum status create_topics(rd_kafka_t *client, const struct topic_spec *topics,
                                 size_t n_topics, int timeout_ms, struct error *err) {
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    request_creation(client, queue, topics, n_topics, timeout_ms);

    enum status status;
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
    rd_kafka_resp_err_t code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        status = check_results(event, err);
    else
        status = error_set(err, ERR_UNAVAILABLE, "creating topics: %s", rd_kafka_err2str(code));
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    return status;
}

static void say_difference(const struct topic_spec *spec,
                           const struct rd_kafka_metadata_topic *topic) {
    /* One that has just been created may not be known yet; it is as specified. */
    if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR || topic->partition_cnt == 0)
        return;
    int n_replicas = topic->partitions[0].replica_cnt;
    if (topic->partition_cnt == spec->partitions && n_replicas == spec->replication_factor)
        return;
    log_warn("topic %s is left as it is: partitions: %d, replication factor: %d (created now, it "
             "would have %d and %d)",
             spec->name, topic->partition_cnt, n_replicas, spec->partitions,
             spec->replication_factor);
}

static enum status say_differences(rd_kafka_t *client, const struct topic_spec *topics,
                                   size_t n_topics, int timeout_ms, struct error *err) {
    const struct rd_kafka_metadata *metadata;
    const char **names = calloc(n_topics, sizeof *names);
    if (!names)
        abort();
    for (size_t i = 0; i < n_topics; i++)
        names[i] = topics[i].name;
    enum status status =
        client_describe_topics(client, names, n_topics, timeout_ms, &metadata, err);
    free(names);
    if (status != OK)
        return status;
    for (size_t i = 0; i < n_topics; i++) {
        const struct rd_kafka_metadata_topic *topic = client_find_topic(metadata, topics[i].name);
        if (topic)
            say_difference(&topics[i], topic);
    }
    rd_kafka_metadata_destroy(metadata);
    return OK;
}

/* librdkafka's mock cluster gives itself away by its id (rdkafka_mock.c). */
static bool is_mock_cluster(const char *cluster_id) {
    static const char prefix[] = "mockCluster";
    return strncmp(cluster_id, prefix, sizeof prefix - 1) == 0;
}

static enum status ensure(rd_kafka_t *client, const struct topic_spec *topics, size_t n_topics,
                          int timeout_ms, bool says, bool *out_is_embedded, struct error *err) {
    char cluster_id[CLUSTER_ID_SIZE];
    enum status status = client_cluster_id(client, timeout_ms, cluster_id, err);
    if (status != OK)
        return status;
    bool is_embedded = is_mock_cluster(cluster_id);
    status = is_embedded ? touch_all(client, topics, n_topics, timeout_ms, err)
                         : create_topics(client, topics, n_topics, timeout_ms, err);
    if (status == OK && says && !is_embedded)
        status = say_differences(client, topics, n_topics, timeout_ms, err);
    if (status == OK)
        *out_is_embedded = is_embedded;
    return status;
}

enum status topics_ensure(const struct kafka_config *config, const struct topic_spec *topics,
                          size_t n_topics, int timeout_ms, bool says_differences,
                          bool *out_is_embedded, struct error *err) {
    rd_kafka_conf_t *conf;
    rd_kafka_t *client;
    enum status status = client_conf_new(config, &client_plain_properties, &conf, err);
    if (status == OK)
        status = client_new(RD_KAFKA_PRODUCER, conf, &client, err);
    if (status != OK)
        return status;
    status = ensure(client, topics, n_topics, timeout_ms, says_differences, out_is_embedded, err);
    rd_kafka_destroy(client);
    return status;
}
