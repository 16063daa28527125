/*
 * Inside bus/: a librdkafka configuration and handle, made the same way for
 * every kind of client.
 */
#pragma once

#include "bus/kafka.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>

struct client_property {
    const char *name;
    const char *value;
};

/* What a kind of client sets: `defaults` can be overruled by the user's file,
 * `fixed` cannot, for the mechanism relies on them. */
struct client_properties {
    const struct client_property *defaults;
    size_t n_defaults;
    const struct client_property *fixed;
    size_t n_fixed;
};

/*
 * A configuration: defaults, then the user's file, then what is fixed. The
 * caller owns it, until client_new takes it. ERR_INVALID as kafka_config_check.
 */
enum status client_conf_new(const struct kafka_config *config,
                            const struct client_properties *properties, rd_kafka_conf_t **out,
                            struct error *err);

/* The error callback of every client that sets no other: for errors that are not
 * about one request. */
void client_log_error(rd_kafka_t *client, int code, const char *reason, void *opaque);

/* Makes a handle; `conf` is taken, also on failure. */
enum status client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **out,
                       struct error *err);

/* The id of the cluster that the client is connected to, as far as it is known
 * within `timeout_ms`. ERR_UNAVAILABLE: no broker has told it yet. */
enum status client_cluster_id(rd_kafka_t *client, int timeout_ms, char out[static CLUSTER_ID_SIZE],
                              struct error *err);

/* Learns about a topic ahead of its first use, which would otherwise wait for
 * that up to a second. A failure does no harm. */
void client_learn_topic(rd_kafka_t *client, const char *topic, int timeout_ms);

/* What the brokers say of these topics, in one request. To be destroyed with
 * rd_kafka_metadata_destroy. ERR_UNAVAILABLE: none has answered. */
enum status client_describe_topics(rd_kafka_t *client, const char *const names[], size_t n,
                                   int timeout_ms, const struct rd_kafka_metadata **out,
                                   struct error *err);

/* NULL: not in it. */
const struct rd_kafka_metadata_topic *client_find_topic(const struct rd_kafka_metadata *metadata,
                                                        const char *name);

/* The kinds that there are. */
extern const struct client_properties client_plain_properties;
extern const struct client_properties publisher_properties;
extern const struct client_properties subscriber_properties;
