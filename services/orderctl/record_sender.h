/* Sends records one by one, and waits for each. Used by one thread. */
#pragma once

#include "bus/kafka.h"
#include "event/record.h"

struct record_sender;

enum status record_sender_open(const struct kafka_config *config, struct record_sender **out,
                               struct error *err);
void record_sender_close(struct record_sender *sender); /* NULL is fine */

/*
 * Sends the record to where the Java clients put its key, and waits until the
 * broker has it. ERR_INVALID: it is too large for its topic. ERR_OUTCOME_UNKNOWN:
 * no acknowledgement has come within 30 s; the record may come later, or never:
 * close the sender.
 */
enum status record_sender_send(struct record_sender *sender, const struct record *record,
                               struct error *err);
