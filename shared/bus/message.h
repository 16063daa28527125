/* Inside bus/: a message of librdkafka's as a record. */
#pragma once

#include "event/record.h"

#include <librdkafka/rdkafka.h>

/* The record points into the message and lives as long; message_release then
 * frees what it holds beside that. */
void message_read(const rd_kafka_message_t *message, struct record *out);
void message_release(struct record *record);
