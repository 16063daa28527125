#include "runtime/config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* A dead letter is longer than its record, and that may be as long as its topic
 * allows: more than any that can be sent. */
enum { DEAD_LETTER_BYTES_MAX = 5 * 1024 * 1024 };

/* Names with ".dlq" behind them must still be legal: 249 characters at most. */
enum { TOPIC_NAME_MAX = 245 };

static const struct env_setting common[] = {
    ENV_TEXT(struct config, kafka.brokers, "KAFKA_BROKERS", "localhost:29092",
             "Kafka brokers to start from, as host:port,host:port"),
    ENV_TEXT(struct config, kafka.config_file, "KAFKA_CONFIG_FILE", "",
             "file with librdkafka properties (TLS, SASL, ...), one name=value a line"),
    ENV_TEXT(struct config, data_dir, "DATA_DIR", "./data",
             "folder of the service's database; made if it is missing"),
    ENV_TEXT(struct config, http_address, "HTTP_ADDRESS", "127.0.0.1",
             "IPv4 address to listen on; 0.0.0.0: all"),
    ENV_CHOICE(struct config, log_level, "LOG_LEVEL", "info", "error|warn|info|debug",
               "what is logged on stderr: error, warn, info or debug"),
    ENV_CHOICE(struct config, log_format, "LOG_FORMAT", "text", "text|json",
               "form of the lines on stdout: text, or json for one object a line"),
    ENV_TEXT(struct config, topics[EVENT_NEW_ORDER], "TOPIC_NEW_ORDER", "new-order-topic",
             "topic of accepted orders"),
    ENV_TEXT(struct config, topics[EVENT_INVENTORY_EMPTY], "TOPIC_INVENTORY_EMPTY",
             "inventory-empty-topic", "topic of products that ran low"),
    ENV_TEXT(struct config, topics[EVENT_NEW_LOGGING_ACTION], "TOPIC_NEW_LOGGING_ACTION",
             "new-logging-action-topic", "topic of the log actions"),
    ENV_INT(struct config, topic_partitions, "TOPIC_PARTITIONS", "6", 1, 1000,
            "partitions of a topic that has to be created"),
    ENV_INT(struct config, topic_replication_factor, "TOPIC_REPLICATION_FACTOR", "1", 1, 10,
            "replicas of a topic that has to be created"),
    ENV_INT(struct config, outbox_retention_hours, "OUTBOX_RETENTION_HOURS", "168", 0, 87600,
            "hours that sent events are kept, to be published again on a new cluster"),
    ENV_INT(struct config, inbox_retention_hours, "INBOX_RETENTION_HOURS", "720", 1, 87600,
            "hours that handled events are remembered; more than any outbox and topic keeps them"),
    ENV_CHOICE(struct config, standby, "STANDBY", "no", "no|yes",
               "yes: while another process has the database, wait, and take over when it ends"),
};

enum { N_COMMON = sizeof common / sizeof *common, N_SETTINGS_MAX = N_COMMON + 3 };

static size_t make_table(const struct config_defaults *defaults,
                         struct env_setting out[static N_SETTINGS_MAX]) {
    size_t n = N_COMMON;
    memcpy(out, common, sizeof common);
    out[n++] =
        (struct env_setting)ENV_INT(struct config, http_port, "HTTP_PORT", defaults->http_port, 0,
                                    65535, "port to listen on; 0: any free one, see the log");
    if (defaults->consumer_group)
        out[n++] = (struct env_setting)ENV_TEXT(struct config, consumer_group, "CONSUMER_GROUP",
                                                defaults->consumer_group,
                                                "consumer group that the service joins");
    if (defaults->is_shared_out)
        out[n++] = (struct env_setting)ENV_INT(
            struct config, data_slots, "DATA_SLOTS", "1", 1, 100,
            "instances that may share DATA_DIR: the first to come has its database there, further "
            "ones in DATA_DIR/2, DATA_DIR/3, ...");
    return n;
}

static const char *const topic_settings[N_EVENT_TYPES] = {
    [EVENT_NEW_ORDER] = "TOPIC_NEW_ORDER",
    [EVENT_INVENTORY_EMPTY] = "TOPIC_INVENTORY_EMPTY",
    [EVENT_NEW_LOGGING_ACTION] = "TOPIC_NEW_LOGGING_ACTION",
};

static size_t check_topic(const char *setting, const char *name, struct strbuf *faults) {
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = strlen(name);
    if (len > 0 && len <= TOPIC_NAME_MAX && strspn(name, legal) == len)
        return 0;
    strbuf_printf(faults, "%s=%s: must be 1 to %d letters, digits, '.', '_' or '-'\n", setting,
                  name, TOPIC_NAME_MAX);
    return 1;
}

/* The topic tells the type of its records, and dead letters are no events. */
static size_t check_topic_is_apart(const struct config *config, int type, struct strbuf *faults) {
    const char *name = config->topics[type];
    for (int other = 0; other < N_EVENT_TYPES; other++) {
        char dead_letters[TOPIC_NAME_SIZE];
        config_dead_letter_topic(config->topics[other], dead_letters);
        bool is_same = other < type && strcmp(name, config->topics[other]) == 0;
        if (!is_same && strcmp(name, dead_letters) != 0)
            continue;
        strbuf_printf(faults, "%s=%s: must differ from %s=%s and its dead letters\n",
                      topic_settings[type], name, topic_settings[other], config->topics[other]);
        return 1;
    }
    return 0;
}

size_t config_check_foreign_topic(const struct config *config, const char *setting,
                                  const char *name, struct strbuf *faults) {
    if (check_topic(setting, name, faults) != 0)
        return 1;
    if (strncmp(name, "__", 2) == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        strbuf_printf(faults, "%s=%s: is a name that Kafka keeps for itself\n", setting, name);
        return 1;
    }
    for (int type = 0; type < N_EVENT_TYPES; type++) {
        char dead_letters[TOPIC_NAME_SIZE];
        config_dead_letter_topic(config->topics[type], dead_letters);
        if (strcmp(name, config->topics[type]) != 0 && strcmp(name, dead_letters) != 0)
            continue;
        strbuf_printf(faults, "%s=%s: must differ from %s=%s and its dead letters\n", setting, name,
                      topic_settings[type], config->topics[type]);
        return 1;
    }
    return 0;
}

static size_t check(const struct config *config, struct strbuf *faults) {
    size_t n_faults = 0;
    struct in_addr address;
    if (inet_pton(AF_INET, config->http_address, &address) != 1) {
        strbuf_printf(faults, "HTTP_ADDRESS=%s: must be an IPv4 address, such as 127.0.0.1\n",
                      config->http_address);
        n_faults++;
    }
    for (int type = 0; type < N_EVENT_TYPES; type++) {
        n_faults += check_topic(topic_settings[type], config->topics[type], faults);
        n_faults += check_topic_is_apart(config, type, faults);
    }
    if (config->inbox_retention_hours <= config->outbox_retention_hours) {
        strbuf_printf(faults,
                      "INBOX_RETENTION_HOURS=%lld: must be more than OUTBOX_RETENTION_HOURS=%lld, "
                      "or events published again could take effect twice\n",
                      (long long)config->inbox_retention_hours,
                      (long long)config->outbox_retention_hours);
        n_faults++;
    }
    struct error err;
    if (kafka_config_check(&config->kafka, &err) != OK) {
        strbuf_printf(faults, "%s\n", err.text);
        n_faults++;
    }
    return n_faults;
}

size_t config_read(const struct config_defaults *defaults, struct config *out,
                   struct strbuf *faults) {
    struct env_setting table[N_SETTINGS_MAX];
    size_t n = make_table(defaults, table);
    *out = (struct config){.kafka.client_id = defaults->service};
    size_t n_faults = env_read(table, n, out, faults);
    return n_faults + check(out, faults);
}

void config_describe(const struct config_defaults *defaults, struct strbuf *out) {
    struct env_setting table[N_SETTINGS_MAX];
    env_describe(table, make_table(defaults, table), out);
}

enum status config_data_path(const struct config *config, const char *file, char *out, size_t size,
                             struct error *err) {
    int n = snprintf(out, size, "%s/%s", config->data_dir, file);
    if (n < 0 || (size_t)n >= size)
        return error_set(err, ERR_INVALID, "DATA_DIR: the path is too long");
    return OK;
}

void config_dead_letter_topic(const char *topic, char out[static TOPIC_NAME_SIZE]) {
    snprintf(out, TOPIC_NAME_SIZE, "%.*s.dlq", TOPIC_NAME_MAX, topic);
}

enum status config_ensure_topics(const struct config *config, int timeout_ms, bool says_differences,
                                 bool *out_is_embedded, struct error *err) {
    char dead_letters[N_EVENT_TYPES][TOPIC_NAME_SIZE];
    struct topic_spec specs[2 * N_EVENT_TYPES];
    for (size_t i = 0; i < N_EVENT_TYPES; i++) {
        config_dead_letter_topic(config->topics[i], dead_letters[i]);
        specs[2 * i] = (struct topic_spec){config->topics[i], (int)config->topic_partitions,
                                           (int)config->topic_replication_factor, 0};
        specs[2 * i + 1] = (struct topic_spec){
            dead_letters[i], 1, (int)config->topic_replication_factor, DEAD_LETTER_BYTES_MAX};
    }
    return topics_ensure(&config->kafka, specs, 2 * N_EVENT_TYPES, timeout_ms, says_differences,
                         out_is_embedded, err);
}
