#include "bus/landmarks.h"

#include "base/clock.h"
#include "bus/client.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Of each partition, one record is wanted. A queue of few messages would not do,
 * though: it is one for all partitions, and when it is full, librdkafka stops
 * fetching for up to a second, however soon it is empty again. */
static const struct client_property fixed[] = {
    {"group.id", "orderflow-landmarks"}, /* librdkafka wants one; nothing joins it */
    {"enable.auto.commit", "false"},
    {"enable.partition.eof", "true"},
    {"check.crcs", "true"},
    {"fetch.wait.max.ms", "10"},
    {"queued.min.messages", "100000"},
    {"max.partition.fetch.bytes", "4096"},
};

static const struct client_properties properties = {NULL, 0, fixed, sizeof fixed / sizeof *fixed};

/* What is asked about each place, and the answers. */
struct inquiry {
    rd_kafka_t *client;
    const struct record_place *places;
    size_t n;
    int timeout_ms;
    enum landmark *answers;
    rd_kafka_topic_partition_list_t *open; /* whose record is to be looked at */
};

static bool has_no_leader(const struct rd_kafka_metadata *metadata,
                          const struct record_place *place) {
    const struct rd_kafka_metadata_topic *topic = client_find_topic(metadata, place->topic);
    for (int i = 0; topic && i < topic->partition_cnt; i++)
        if (topic->partitions[i].id == place->partition)
            return topic->partitions[i].leader < 0;
    return false;
}

/* Asking for the bounds fails for all partitions when one has no leader. */
static enum status find_leaders(struct inquiry *inquiry, struct error *err) {
    const struct rd_kafka_metadata *metadata;
    const char **names = calloc(inquiry->n, sizeof *names);
    if (!names)
        abort();
    for (size_t i = 0; i < inquiry->n; i++)
        names[i] = inquiry->places[i].topic;
    enum status status = client_describe_topics(inquiry->client, names, inquiry->n,
                                                inquiry->timeout_ms, &metadata, err);
    free(names);
    if (status != OK)
        return status;
    for (size_t i = 0; i < inquiry->n; i++)
        inquiry->answers[i] =
            has_no_leader(metadata, &inquiry->places[i]) ? LANDMARK_OUT_OF_SIGHT : LANDMARK_THERE;
    rd_kafka_metadata_destroy(metadata);
    return OK;
}

/* Of all places that are in sight. */
static rd_kafka_topic_partition_list_t *list_of(const struct inquiry *inquiry, int64_t offset) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)inquiry->n);
    for (size_t i = 0; i < inquiry->n; i++)
        if (inquiry->answers[i] != LANDMARK_OUT_OF_SIGHT)
            rd_kafka_topic_partition_list_add(list, inquiry->places[i].topic,
                                              inquiry->places[i].partition)
                ->offset = offset;
    return list;
}

/* Asks for the bound (beginning or end) of every partition at once. */
static enum status find_bounds(const struct inquiry *inquiry,
                               rd_kafka_topic_partition_list_t *bounds, struct error *err) {
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (bounds->cnt > 0)
        code = rd_kafka_offsets_for_times(inquiry->client, bounds, inquiry->timeout_ms);
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < bounds->cnt; i++)
        if (bounds->elems[i].err != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
            code = bounds->elems[i].err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return OK;
    return error_set(err, ERR_UNAVAILABLE, "asking for the ends of topics: %s",
                     rd_kafka_err2str(code));
}

/* Answers what the partitions' bounds can tell. */
static enum status compare_bounds(struct inquiry *inquiry, struct error *err) {
    rd_kafka_topic_partition_list_t *firsts = list_of(inquiry, RD_KAFKA_OFFSET_BEGINNING);
    rd_kafka_topic_partition_list_t *ends = list_of(inquiry, RD_KAFKA_OFFSET_END);
    enum status status = find_bounds(inquiry, firsts, err);
    if (status == OK)
        status = find_bounds(inquiry, ends, err);
    for (size_t i = 0, bound = 0; status == OK && i < inquiry->n; i++) {
        const struct record_place *place = &inquiry->places[i];
        if (inquiry->answers[i] == LANDMARK_OUT_OF_SIGHT)
            continue;
        int64_t first = firsts->elems[bound].offset, end = ends->elems[bound].offset;
        bound++;
        /* A partition that does not exist any more has no end: -1. */
        if (end <= place->offset)
            inquiry->answers[i] = LANDMARK_GONE;
        else if (place->timestamp_ms >= 0 && place->offset >= first)
            rd_kafka_topic_partition_list_add(inquiry->open, place->topic, place->partition)
                ->offset = place->offset;
    }
    rd_kafka_topic_partition_list_destroy(firsts);
    rd_kafka_topic_partition_list_destroy(ends);
    return status;
}

/* The first record from the place on; the one at it may have been compacted away. */
static void compare_record(struct inquiry *inquiry, const rd_kafka_message_t *message) {
    const char *topic = rd_kafka_topic_name(message->rkt);
    for (size_t i = 0; i < inquiry->n; i++) {
        const struct record_place *place = &inquiry->places[i];
        if (place->partition == message->partition && place->offset == message->offset &&
            strcmp(place->topic, topic) == 0 &&
            rd_kafka_message_timestamp(message, NULL) != place->timestamp_ms)
            inquiry->answers[i] = LANDMARK_GONE;
    }
}

static void start_reading(const struct inquiry *inquiry) {
    const rd_kafka_topic_partition_t *open = inquiry->open->elems;
    for (int i = 0; i < inquiry->open->cnt; i++)
        if (i == 0 || strcmp(open[i].topic, open[i - 1].topic) != 0)
            client_learn_topic(inquiry->client, open[i].topic, inquiry->timeout_ms);
    rd_kafka_assign(inquiry->client, inquiry->open);
}

/* Whoever may write to a topic need not be allowed to read it; then only its end
 * tells. */
static bool is_answer(const rd_kafka_message_t *message) {
    return message->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
           message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF ||
           message->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

/* What follows its record is not wanted, and would come before others' records. */
static void stop_reading(const struct inquiry *inquiry, const rd_kafka_message_t *message) {
    rd_kafka_topic_partition_list_t *answered = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(answered, rd_kafka_topic_name(message->rkt),
                                      message->partition);
    rd_kafka_pause_partitions(inquiry->client, answered);
    rd_kafka_topic_partition_list_destroy(answered);
}

static enum status compare_records(struct inquiry *inquiry, struct error *err) {
    int64_t deadline_ms = clock_monotonic_ms() + inquiry->timeout_ms;
    start_reading(inquiry);
    while (inquiry->open->cnt > 0) {
        int64_t left_ms = deadline_ms - clock_monotonic_ms();
        rd_kafka_message_t *message =
            left_ms > 0 ? rd_kafka_consumer_poll(inquiry->client, (int)left_ms) : NULL;
        if (!message)
            return error_set(err, ERR_UNAVAILABLE, "reading a known record of %s took too long",
                             inquiry->open->elems[0].topic);
        if (is_answer(message) &&
            rd_kafka_topic_partition_list_del(inquiry->open, rd_kafka_topic_name(message->rkt),
                                              message->partition)) {
            stop_reading(inquiry, message);
            if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
                compare_record(inquiry, message);
        }
        rd_kafka_message_destroy(message);
    }
    return OK;
}

enum status landmarks_check(const struct kafka_config *config, const struct record_place *places,
                            size_t n, int timeout_ms, enum landmark out[], struct error *err) {
    struct inquiry inquiry = {.places = places, .n = n, .timeout_ms = timeout_ms, .answers = out};
    rd_kafka_conf_t *conf;
    if (n == 0)
        return OK;
    enum status status = client_conf_new(config, &properties, &conf, err);
    if (status == OK)
        status = client_new(RD_KAFKA_CONSUMER, conf, &inquiry.client, err);
    if (status != OK)
        return status;
    rd_kafka_poll_set_consumer(inquiry.client);
    inquiry.open = rd_kafka_topic_partition_list_new((int)n);
    status = find_leaders(&inquiry, err);
    if (status == OK)
        status = compare_bounds(&inquiry, err);
    if (status == OK)
        status = compare_records(&inquiry, err);
    rd_kafka_topic_partition_list_destroy(inquiry.open);
    rd_kafka_destroy_flags(inquiry.client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return status;
}
