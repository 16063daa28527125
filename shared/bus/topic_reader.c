#include "bus/topic_reader.h"

#include "bus/client.h"
#include "bus/message.h"

#include <stdlib.h>

/* A partition's end is known when a record at it has come, or when the broker
 * says so: the last offsets before it may hold no record. */
static const struct client_property fixed[] = {
    {"group.id", "orderflow-topic-reader"}, /* librdkafka wants one; nothing joins it */
    {"enable.auto.commit", "false"},
    {"enable.partition.eof", "true"},
    {"auto.offset.reset", "earliest"},
    {"check.crcs", "true"},
    {"fetch.wait.max.ms", "10"}, /* or the last fetch keeps the reader from ending */
};

static const struct client_properties properties = {NULL, 0, fixed, sizeof fixed / sizeof *fixed};

struct topic_reader {
    rd_kafka_t *client;
    /* Those that are not read to their end yet; `offset` is where that is. */
    rd_kafka_topic_partition_list_t *unread;
    struct topic_extent *extents;
    size_t n_extents;
    rd_kafka_message_t *message; /* of the last record; NULL: none */
    struct record record;        /* the last one */
    char cluster_id[CLUSTER_ID_SIZE];
    int64_t span;
    int timeout_ms;
};

static enum status count_partitions(struct topic_reader *reader, const char *topic, int *out_n,
                                    struct error *err) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(reader->client, topic, NULL);
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(reader->client, 0, handle, &metadata, reader->timeout_ms);
    rd_kafka_topic_destroy(handle);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = metadata->topics[0].err;
        *out_n = metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return error_set(err, ERR_NOT_FOUND, "there is no topic %s", topic);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_set(err, ERR_UNAVAILABLE, "topic %s: %s", topic, rd_kafka_err2str(code));
    return OK;
}

/* Fills `extents`, `unread` with the ends, and `starts` with the beginnings. */
static enum status find_ends(struct topic_reader *reader, const char *topic, int n_partitions,
                             rd_kafka_topic_partition_list_t *starts, struct error *err) {
    for (int i = 0; i < n_partitions; i++) {
        int64_t first = 0, end = 0;
        rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
            reader->client, topic, i, &first, &end, reader->timeout_ms);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            return error_set(err, ERR_UNAVAILABLE, "topic %s, partition %d: %s", topic, i,
                             rd_kafka_err2str(code));
        reader->extents[reader->n_extents++] = (struct topic_extent){i, first, end};
        if (end <= first)
            continue;
        rd_kafka_topic_partition_list_add(reader->unread, topic, i)->offset = end;
        rd_kafka_topic_partition_list_add(starts, topic, i)->offset = first;
        reader->span += end - first;
    }
    return OK;
}

static enum status start(struct topic_reader *reader, const char *topic, struct error *err) {
    int n_partitions = 0;
    enum status status = count_partitions(reader, topic, &n_partitions, err);
    if (status == OK)
        status = client_cluster_id(reader->client, reader->timeout_ms, reader->cluster_id, err);
    if (status != OK)
        return status;
    rd_kafka_topic_partition_list_t *starts = rd_kafka_topic_partition_list_new(n_partitions);
    reader->unread = rd_kafka_topic_partition_list_new(n_partitions);
    reader->extents = calloc((size_t)n_partitions + 1, sizeof *reader->extents);
    if (!reader->extents)
        abort();
    status = find_ends(reader, topic, n_partitions, starts, err);
    if (status == OK)
        rd_kafka_assign(reader->client, starts);
    rd_kafka_topic_partition_list_destroy(starts);
    return status;
}

enum status topic_reader_open(const struct kafka_config *config, const char *topic, int timeout_ms,
                              struct topic_reader **out, struct error *err) {
    struct topic_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        abort();
    reader->timeout_ms = timeout_ms;
    rd_kafka_conf_t *conf;
    enum status status = client_conf_new(config, &properties, &conf, err);
    if (status == OK)
        status = client_new(RD_KAFKA_CONSUMER, conf, &reader->client, err);
    if (status == OK) {
        rd_kafka_poll_set_consumer(reader->client);
        status = start(reader, topic, err);
    }
    if (status != OK) {
        topic_reader_close(reader);
        return status;
    }
    *out = reader;
    return OK;
}

static void drop_message(struct topic_reader *reader) {
    if (!reader->message)
        return;
    message_release(reader->message, &reader->record);
    rd_kafka_message_destroy(reader->message);
    reader->message = NULL;
}

void topic_reader_close(struct topic_reader *reader) {
    if (!reader)
        return;
    drop_message(reader);
    if (reader->unread)
        rd_kafka_topic_partition_list_destroy(reader->unread);
    if (reader->client)
        rd_kafka_destroy_flags(reader->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(reader->extents);
    free(reader);
}

const char *topic_reader_cluster_id(const struct topic_reader *reader) {
    return reader->cluster_id;
}

int64_t topic_reader_span(const struct topic_reader *reader) {
    return reader->span;
}

const struct topic_extent *topic_reader_extents(const struct topic_reader *reader, size_t *out_n) {
    *out_n = reader->n_extents;
    return reader->extents;
}

/* Everything before `next` has come from that partition. Returns false for a
 * place behind the end: it was written after the reader was opened. */
static bool note_progress(struct topic_reader *reader, const rd_kafka_message_t *message,
                          int64_t next) {
    const char *topic = rd_kafka_topic_name(message->rkt);
    rd_kafka_topic_partition_t *unread =
        rd_kafka_topic_partition_list_find(reader->unread, topic, message->partition);
    if (!unread)
        return false;
    bool is_wanted = next <= unread->offset;
    if (next >= unread->offset)
        rd_kafka_topic_partition_list_del(reader->unread, topic, message->partition);
    return is_wanted;
}

enum status topic_reader_next(struct topic_reader *reader, struct record *out, bool *out_found,
                              struct error *err) {
    drop_message(reader);
    while (reader->unread->cnt > 0) {
        drop_message(reader);
        reader->message = rd_kafka_consumer_poll(reader->client, reader->timeout_ms);
        if (!reader->message)
            return error_set(err, ERR_UNAVAILABLE, "no record has come for %d ms",
                             reader->timeout_ms);
        if (reader->message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            note_progress(reader, reader->message, INT64_MAX);
            continue;
        }
        if (reader->message->err)
            return error_set(err, ERR_UNAVAILABLE, "%s", rd_kafka_message_errstr(reader->message));
        if (!note_progress(reader, reader->message, reader->message->offset + 1))
            continue;
        message_read(reader->message, &reader->record);
        *out = reader->record;
        *out_found = true;
        return OK;
    }
    *out_found = false;
    return OK;
}
