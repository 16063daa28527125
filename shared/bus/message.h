/* Inside bus/: a message of librdkafka's as a record. */
#pragma once

#include "event/record.h"

#include <librdkafka/rdkafka.h>

/* Its topic lives as long as the message. */
struct record_place message_place(const rd_kafka_message_t *message);

/* The record points into the message and lives as long; message_release frees
 * what reading it took beside that, after which it can be read again. */
void message_read(const rd_kafka_message_t *message, struct record *out);
void message_release(rd_kafka_message_t *message, struct record *record);
