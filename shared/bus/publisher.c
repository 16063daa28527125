#include "bus/publisher.h"

#include "bus/client.h"
#include "bus/message.h"

#include <stdlib.h>
#include <string.h>

enum { PREPARE_TIMEOUT_MS = 300 };

static const struct client_property defaults[] = {
    {"linger.ms", "4"},
    {"queue.buffering.max.messages", "20000"},
    {"queue.buffering.max.kbytes", "16384"},
    {"reconnect.backoff.max.ms", "2000"},
};

/* message.timeout.ms 0: a record is tried for as long as the process lives;
 * giving up on one could end in a fatal sequence error for those behind it,
 * and the outbox would only send it again. */
static const struct client_property fixed[] = {
    {"enable.idempotence", "true"},   {"acks", "all"},
    {"message.timeout.ms", "0"},      {"partitioner", "murmur2_random"},
    {"message.max.bytes", "4194304"}, {"batch.size", "1000000"},
};

const struct client_properties publisher_properties = {defaults, sizeof defaults / sizeof *defaults,
                                                       fixed, sizeof fixed / sizeof *fixed};

struct publisher {
    rd_kafka_t *client;
    rd_kafka_queue_t *reports;
    struct publisher_events events;
    bool was_cut_off;
};

static void tell_place(struct publisher *publisher, const rd_kafka_message_t *message) {
    const struct record_place place = message_place(message);
    if (publisher->events.placed)
        publisher->events.placed(publisher->events.context, &place);
}

/* librdkafka also calls a record delivered whose request failed, when a later
 * one of its partition succeeded: the sequence numbers prove that the broker
 * had both. A broker that has forgotten the producer, or counts no sequences
 * (the embedded one), takes the later one alone. Then no offset is known. */
static enum status judge_delivery(const rd_kafka_message_t *message, const char **out_reason) {
    *out_reason = message->err ? rd_kafka_err2str(message->err) : "";
    if (message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        return ERR_INVALID;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return ERR_UNAVAILABLE;
    if (message->offset >= 0)
        return OK;
    *out_reason = "Kafka did not say at which offset it stands";
    return ERR_UNAVAILABLE;
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    (void)client;
    struct publisher *publisher = opaque;
    const char *reason;
    enum status status = judge_delivery(message, &reason);
    if (status == OK)
        tell_place(publisher, message);
    publisher->events.delivered(publisher->events.context, (uint64_t)(uintptr_t)message->_private,
                                status, reason);
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque) {
    struct publisher *publisher = opaque;
    client_log_error(client, code, reason, NULL);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        publisher->was_cut_off = true;
}

enum status publisher_open(const struct kafka_config *config, const struct publisher_events *events,
                           struct publisher **out, struct error *err) {
    struct publisher *publisher = calloc(1, sizeof *publisher);
    if (!publisher)
        abort();
    publisher->events = *events;

    rd_kafka_conf_t *conf;
    enum status status = client_conf_new(config, &publisher_properties, &conf, err);
    if (status == OK) {
        rd_kafka_conf_set_opaque(conf, publisher);
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
        rd_kafka_conf_set_error_cb(conf, on_error);
        status = client_new(RD_KAFKA_PRODUCER, conf, &publisher->client, err);
    }
    if (status != OK) {
        free(publisher);
        return status;
    }
    publisher->reports = rd_kafka_queue_get_main(publisher->client);
    if (events->wake_fd >= 0) {
        const uint64_t one = 1;
        rd_kafka_queue_io_event_enable(publisher->reports, events->wake_fd, &one, sizeof one);
    }
    *out = publisher;
    return OK;
}

static rd_kafka_headers_t *make_headers(const struct record *record) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->n_headers);
    struct record_walk walk = record_walk(record);
    struct record_header header;
    while (record_walk_next(&walk, &header))
        rd_kafka_header_add(headers, header.name, -1, header.value.data, (ssize_t)header.value.len);
    return headers;
}

/* librdkafka's arguments are not const, but it only reads these. */
static void *unconst(const void *data) {
    return (void *)(uintptr_t)data;
}

static enum status from_send_error(rd_kafka_resp_err_t code, const char *topic, struct error *err) {
    enum status status = ERR_UNAVAILABLE;
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        status = ERR_BUSY;
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        status = ERR_INVALID;
    return error_set(err, status, "sending to %s: %s", topic, rd_kafka_err2str(code));
}

enum status publisher_send(struct publisher *publisher, const struct record *record, uint64_t tag,
                           struct error *err) {
    rd_kafka_headers_t *headers = make_headers(record);
    const rd_kafka_vu_t arguments[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {unconst(record->key.data), record->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {unconst(record->value.data), record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(uintptr_t)tag},
    };
    rd_kafka_error_t *error =
        rd_kafka_produceva(publisher->client, arguments, sizeof arguments / sizeof *arguments);
    if (!error)
        return OK;
    rd_kafka_headers_destroy(headers); /* only a queued record takes them */
    enum status status = from_send_error(rd_kafka_error_code(error), record->topic, err);
    rd_kafka_error_destroy(error);
    return status;
}

void publisher_prepare(struct publisher *publisher, const char *topic) {
    client_learn_topic(publisher->client, topic, PREPARE_TIMEOUT_MS);
}

void publisher_poll(struct publisher *publisher, int timeout_ms) {
    rd_kafka_poll(publisher->client, timeout_ms);
}

bool publisher_is_broken(const struct publisher *publisher) {
    return rd_kafka_fatal_error(publisher->client, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool publisher_was_cut_off(struct publisher *publisher) {
    bool was_cut_off = publisher->was_cut_off;
    publisher->was_cut_off = false;
    return was_cut_off;
}

enum status publisher_cluster_id(struct publisher *publisher, int timeout_ms, char *out,
                                 size_t size, struct error *err) {
    char id[CLUSTER_ID_SIZE];
    enum status status = client_cluster_id(publisher->client, timeout_ms, id, err);
    if (status != OK)
        return status;
    if (strlen(id) >= size)
        return error_set(err, ERR_BUG, "the cluster's id is too long: %s", id);
    strcpy(out, id);
    return OK;
}

/* How long the end waits for the reports of records that it gives up. They are
 * there at once after a purge; the bound is for a client that hangs. */
enum { PURGE_TIMEOUT_MS = 500 };

void publisher_close(struct publisher *publisher) {
    if (!publisher)
        return;
    rd_kafka_purge(publisher->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(publisher->client, PURGE_TIMEOUT_MS);
    rd_kafka_queue_io_event_enable(publisher->reports, -1, NULL, 0);
    rd_kafka_queue_destroy(publisher->reports);
    rd_kafka_destroy(publisher->client);
    free(publisher);
}
