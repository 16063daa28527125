/*
 * Topics that must exist before they are used: a consumer would otherwise look
 * for a missing one only every few minutes.
 */
#pragma once

#include "bus/kafka.h"

#include <stdbool.h>
#include <stddef.h>

struct topic_spec {
    const char *name;
    int partitions;         /* when it has to be created */
    int replication_factor; /* when it has to be created */
    int record_bytes_max;   /* when it has to be created; 0: as the broker has it */
};

/*
 * Creates what is missing and leaves alone what is there; with
 * `says_differences`, the log says how that is not as specified. The embedded
 * broker (librdkafka's mock cluster) cannot create topics on request; it makes
 * them when they are first asked for. *out_is_embedded says that it is one.
 * ERR_UNAVAILABLE: no broker answered within `timeout_ms`, or it refused now
 * (too few brokers for the replication factor, for instance): try again.
 */
enum status topics_ensure(const struct kafka_config *config, const struct topic_spec *topics,
                          size_t n_topics, int timeout_ms, bool says_differences,
                          bool *out_is_embedded, struct error *err);
