#include "bus/message.h"

#include <stdlib.h>

/* One header, or false behind the last. */
static bool get_header(const rd_kafka_headers_t *headers, size_t i, struct record_header *out) {
    return rd_kafka_header_get_all(headers, i, &out->name, &out->value.data, &out->value.len) ==
           RD_KAFKA_RESP_ERR_NO_ERROR;
}

static struct bytes pack_first(const rd_kafka_headers_t *headers, size_t n) {
    struct record_header header;
    struct strbuf packed;
    struct bytes bytes;
    strbuf_init(&packed);
    for (size_t i = 0; i < n && get_header(headers, i, &header); i++)
        record_pack_header(&header, &packed);
    bytes.data = strbuf_detach(&packed, &bytes.len);
    return bytes;
}

static void read_headers(const rd_kafka_message_t *message, struct record *out) {
    rd_kafka_headers_t *headers;
    struct record_header header;
    out->n_headers = 0;
    out->earlier_headers = (struct bytes){NULL, 0};
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    size_t n = rd_kafka_header_cnt(headers);
    size_t n_earlier = n > RECORD_HEADERS_RECEIVED_MAX ? n - RECORD_HEADERS_RECEIVED_MAX : 0;
    if (n_earlier > 0)
        out->earlier_headers = pack_first(headers, n_earlier);
    for (size_t i = n_earlier; get_header(headers, i, &header); i++)
        out->headers[out->n_headers++] = header;
}

struct record_place message_place(const rd_kafka_message_t *message) {
    return (struct record_place){
        .topic = rd_kafka_topic_name(message->rkt),
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
    };
}

void message_read(const rd_kafka_message_t *message, struct record *out) {
    const struct record_place place = message_place(message);
    out->topic = place.topic;
    out->partition = place.partition;
    out->offset = place.offset;
    out->timestamp_ms = place.timestamp_ms;
    out->key = (struct bytes){message->key, message->key_len};
    out->value = (struct bytes){message->payload, message->len};
    read_headers(message, out);
}

void message_release(rd_kafka_message_t *message, struct record *record) {
    rd_kafka_headers_t *headers;
    free((void *)(uintptr_t)record->earlier_headers.data);
    record->earlier_headers = (struct bytes){NULL, 0};
    if (rd_kafka_message_detach_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_headers_destroy(headers);
}
