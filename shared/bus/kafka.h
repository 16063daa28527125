/*
 * How a client reaches Kafka: what publisher, subscriber and topics share.
 */
#pragma once

#include "base/status.h"

struct kafka_config {
    const char *brokers;     /* host:port,… */
    const char *config_file; /* librdkafka properties, a "name=value" a line; "": none */
    const char *client_id;   /* the service's name */
};

/*
 * Checks the settings without connecting: the file can be read, each property
 * exists and has a value it can have, none is one that the mechanism fixes (such
 * as acks), and all together make a client, with the keys and certificates that
 * they name. ERR_INVALID: the text names the file, the line, if it is one, and why.
 */
enum status kafka_config_check(const struct kafka_config *config, struct error *err);

enum { CLUSTER_ID_SIZE = 128 };

/* Asks for the id of the cluster, with a connection of its own, for as long as
 * `timeout_ms`. ERR_UNAVAILABLE: no broker has answered. ERR_INVALID: as
 * kafka_config_check. */
enum status kafka_cluster_id(const struct kafka_config *config, int timeout_ms,
                             char out[static CLUSTER_ID_SIZE], struct error *err);
