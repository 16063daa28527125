#include "bus/message.h"

static void read_headers(const rd_kafka_message_t *message, struct record *out) {
    rd_kafka_headers_t *headers;
    out->n_headers = 0;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    struct record_header header;
    while (out->n_headers < RECORD_HEADERS_RECEIVED_MAX &&
           rd_kafka_header_get_all(headers, out->n_headers, &header.name, &header.value.data,
                                   &header.value.len) == RD_KAFKA_RESP_ERR_NO_ERROR)
        out->headers[out->n_headers++] = header;
}

void message_read(const rd_kafka_message_t *message, struct record *out) {
    rd_kafka_timestamp_type_t type;
    out->topic = rd_kafka_topic_name(message->rkt);
    out->partition = message->partition;
    out->offset = message->offset;
    out->timestamp_ms = rd_kafka_message_timestamp(message, &type);
    out->key = (struct bytes){message->key, message->key_len};
    out->value = (struct bytes){message->payload, message->len};
    read_headers(message, out);
}
