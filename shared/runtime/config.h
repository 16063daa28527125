/*
 * The settings that every service has. One table reads them, checks them and
 * prints them for --help.
 */
#pragma once

#include "base/env.h"
#include "base/status.h"
#include "bus/kafka.h"
#include "bus/topics.h"
#include "event/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum output_format { OUTPUT_TEXT, OUTPUT_JSON };

struct config {
    struct kafka_config kafka;
    const char *data_dir;
    const char *http_address;
    int64_t http_port; /* 0: any free one; the log says which */
    int log_level;     /* enum log_level */
    int log_format;    /* enum output_format: of what goes to stdout */
    const char *topics[N_EVENT_TYPES];
    int64_t topic_partitions;
    int64_t topic_replication_factor;
    const char *consumer_group;
    int64_t outbox_retention_hours;
    int64_t inbox_retention_hours;
    int standby;        /* bool: wait for a database that another process has */
    int64_t data_slots; /* databases that instances share out; 0: it has only one */
};

/* What differs between services. */
struct config_defaults {
    const char *service;        /* "order-service": also the Kafka client's id */
    const char *http_port;      /* "3000" */
    const char *consumer_group; /* NULL: it consumes nothing */
    bool is_shared_out;         /* see struct service */
};

/* Reads and checks the settings; every fault is a line in `faults`. Returns
 * the number of faults. Call it before threads start. */
size_t config_read(const struct config_defaults *defaults, struct config *out,
                   struct strbuf *faults);

/* Appends the table for --help. */
void config_describe(const struct config_defaults *defaults, struct strbuf *out);

/* The path of a file in DATA_DIR. ERR_INVALID: too long. */
enum status config_data_path(const struct config *config, const char *file, char *out, size_t size,
                             struct error *err);

enum { TOPIC_NAME_SIZE = 256 };

/* The topic for what cannot be handled in `topic`: its name and ".dlq". */
void config_dead_letter_topic(const char *topic, char out[static TOPIC_NAME_SIZE]);

/* Checks a topic beside the shop's, which `setting` names: it is none of them and
 * none of Kafka's own, whose names begin with "__". Appends what is wrong to
 * `faults` and returns the number of faults. */
size_t config_check_foreign_topic(const struct config *config, const char *setting,
                                  const char *name, struct strbuf *faults);

/* Creates the shop's topics and their dead-letter topics where they are
 * missing; see topics_ensure. */
enum status config_ensure_topics(const struct config *config, int timeout_ms, bool says_differences,
                                 bool *out_is_embedded, struct error *err);
