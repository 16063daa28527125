/*
 * Reads what stands in a topic at this moment, without a consumer group: for
 * tools that look at topics, not for services. Used by one thread.
 */
#pragma once

#include "bus/kafka.h"
#include "event/record.h"

#include <stdbool.h>
#include <stddef.h>

struct topic_reader;

/*
 * Opens the topic at its first records. Every wait of the reader is bounded by
 * `timeout_ms`. ERR_NOT_FOUND: there is no such topic. ERR_UNAVAILABLE: the
 * broker did not answer in time. ERR_INVALID: as kafka_config_check.
 */
enum status topic_reader_open(const struct kafka_config *config, const char *topic, int timeout_ms,
                              struct topic_reader **out, struct error *err);

/* NULL is fine. */
void topic_reader_close(struct topic_reader *reader);

/* The id of the cluster that was read, and how many records its partitions
 * span (an upper bound: a broker may have removed some in between). */
const char *topic_reader_cluster_id(const struct topic_reader *reader);
int64_t topic_reader_span(const struct topic_reader *reader);

/* A partition when the reader was opened: its records were at the offsets from
 * `first` up to, and without, `end`. A `first` above 0: older ones are gone. */
struct topic_extent {
    int32_t partition;
    int64_t first, end;
};

/* Those of all partitions, *out_n of them; they live as long as the reader. */
const struct topic_extent *topic_reader_extents(const struct topic_reader *reader, size_t *out_n);

/*
 * The next record, in the order of its partition; partitions come in any
 * order. *out_found is false behind the last record that was there when the
 * reader was opened. The record lives until the next call.
 * ERR_UNAVAILABLE: nothing came in time, though there should be more.
 */
enum status topic_reader_next(struct topic_reader *reader, struct record *out, bool *out_found,
                              struct error *err);
