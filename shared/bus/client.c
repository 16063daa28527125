#include "bus/client.h"

#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* librdkafka's own lines go where all diagnostics go. Its notices about a
 * broker that is away repeat; the services say it once themselves. */
static void log_from_kafka(const rd_kafka_t *client, int level, const char *facility,
                           const char *text) {
    (void)client;
    log_write(level <= 2 ? LOG_WARN : LOG_DEBUG, "kafka %s: %s", facility, text);
}

/* Brokers that cannot be reached come here again and again, so this is only of
 * interest when debugging. */
void client_log_error(rd_kafka_t *client, int code, const char *reason, void *opaque) {
    (void)client;
    (void)opaque;
    log_debug("kafka: %s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)code), reason);
}

const struct client_properties client_plain_properties = {NULL, 0, NULL, 0};

/* What every client sets by itself; settings of their own exist for them. */
static bool is_reserved(const struct client_properties *properties, const char *name) {
    static const char *const reserved[] = {"bootstrap.servers", "metadata.broker.list", "client.id",
                                           "group.id"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(reserved[i], name) == 0)
            return true;
    for (size_t i = 0; i < properties->n_fixed; i++)
        if (strcmp(properties->fixed[i].name, name) == 0)
            return true;
    return false;
}

static char *trim(char *text) {
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        text[--len] = '\0';
    return text;
}

struct file_line {
    const char *path;
    unsigned number;
    char *text;
};

static enum status apply_line(const struct file_line *line, rd_kafka_conf_t *conf,
                              const struct client_properties *properties, struct error *err) {
    char *name = trim(line->text);
    if (*name == '\0' || *name == '#')
        return OK;
    char *equals = strchr(name, '=');
    if (!equals)
        return error_set(err, ERR_INVALID, "KAFKA_CONFIG_FILE %s:%u: expected name=value",
                         line->path, line->number);
    *equals = '\0';
    name = trim(name);
    const char *value = trim(equals + 1);
    if (is_reserved(properties, name))
        return error_set(err, ERR_INVALID,
                         "KAFKA_CONFIG_FILE %s:%u: %s is set by the program and cannot be changed",
                         line->path, line->number, name);
    char reason[256];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK)
        return error_set(err, ERR_INVALID, "KAFKA_CONFIG_FILE %s:%u: %s", line->path, line->number,
                         reason);
    return OK;
}

static enum status apply_file(const char *path, rd_kafka_conf_t *conf,
                              const struct client_properties *properties, struct error *err) {
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set(err, ERR_INVALID, "KAFKA_CONFIG_FILE %s: %s", path, strerror(errno));
    enum status status = OK;
    char text[4096];
    for (unsigned number = 1; status == OK && fgets(text, sizeof text, file); number++) {
        struct file_line line = {.path = path, .number = number, .text = text};
        if (!strchr(text, '\n') && !feof(file))
            status = error_set(err, ERR_INVALID, "KAFKA_CONFIG_FILE %s:%u: the line is too long",
                               path, number);
        else
            status = apply_line(&line, conf, properties, err);
    }
    if (status == OK && ferror(file))
        status = error_set(err, ERR_INVALID, "KAFKA_CONFIG_FILE %s: %s", path, strerror(errno));
    fclose(file);
    return status;
}

static enum status apply_properties(rd_kafka_conf_t *conf, const struct client_property *properties,
                                    size_t n, struct error *err) {
    char reason[256];
    for (size_t i = 0; i < n; i++)
        if (rd_kafka_conf_set(conf, properties[i].name, properties[i].value, reason,
                              sizeof reason) != RD_KAFKA_CONF_OK)
            return error_set(err, ERR_INVALID, "%s", reason);
    return OK;
}

enum status client_conf_new(const struct kafka_config *config,
                            const struct client_properties *properties, rd_kafka_conf_t **out,
                            struct error *err) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, log_from_kafka);
    rd_kafka_conf_set_error_cb(conf, client_log_error);

    const struct client_property address[] = {
        {"bootstrap.servers", config->brokers},
        {"client.id", config->client_id},
    };
    enum status status = apply_properties(conf, properties->defaults, properties->n_defaults, err);
    if (status == OK && *config->config_file)
        status = apply_file(config->config_file, conf, properties, err);
    if (status == OK)
        status = apply_properties(conf, properties->fixed, properties->n_fixed, err);
    if (status == OK)
        status = apply_properties(conf, address, sizeof address / sizeof *address, err);
    if (status != OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    *out = conf;
    return OK;
}

enum status client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **out,
                       struct error *err) {
    char reason[256];
    rd_kafka_t *client = rd_kafka_new(type, conf, reason, sizeof reason);
    if (!client) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERR_INVALID, "kafka client: %s", reason);
    }
    *out = client;
    return OK;
}

/* Properties that do not go together, and files that they name, are looked at
 * when a client is made of them; this one knows no broker. */
static enum status check_whole(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                               const struct kafka_config *config, struct error *err) {
    rd_kafka_t *client = NULL;
    rd_kafka_conf_set(conf, "bootstrap.servers", NULL, NULL, 0);
    enum status status = client_new(type, conf, &client, err);
    if (status != OK)
        return error_wrap(err, status, "KAFKA_CONFIG_FILE %s", config->config_file);
    rd_kafka_destroy(client);
    return OK;
}

enum status kafka_config_check(const struct kafka_config *config, struct error *err) {
    static const struct {
        rd_kafka_type_t type;
        const struct client_properties *properties;
    } kinds[] = {
        {RD_KAFKA_PRODUCER, &publisher_properties},
        {RD_KAFKA_CONSUMER, &subscriber_properties},
    };
    enum status status = OK;
    if (!*config->config_file) /* then nothing is the user's */
        return OK;
    for (size_t i = 0; status == OK && i < sizeof kinds / sizeof *kinds; i++) {
        rd_kafka_conf_t *conf;
        status = client_conf_new(config, kinds[i].properties, &conf, err);
        if (status == OK)
            status = check_whole(kinds[i].type, conf, config, err);
    }
    return status;
}

enum status client_cluster_id(rd_kafka_t *client, int timeout_ms, char out[static CLUSTER_ID_SIZE],
                              struct error *err) {
    char *id = rd_kafka_clusterid(client, timeout_ms);
    if (!id)
        return error_set(err, ERR_UNAVAILABLE, "no Kafka broker has answered");
    snprintf(out, CLUSTER_ID_SIZE, "%s", id);
    rd_kafka_mem_free(client, id);
    return OK;
}

void client_learn_topic(rd_kafka_t *client, const char *topic, int timeout_ms) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    if (rd_kafka_metadata(client, 0, handle, &metadata, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
}

/* librdkafka asks for all topics that have a handle. */
enum status client_describe_topics(rd_kafka_t *client, const char *const names[], size_t n,
                                   int timeout_ms, const struct rd_kafka_metadata **out,
                                   struct error *err) {
    rd_kafka_topic_t **handles = calloc(n + 1, sizeof(*handles));
    if (!handles)
        abort();
    for (size_t i = 0; i < n; i++)
        handles[i] = rd_kafka_topic_new(client, names[i], NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, NULL, out, timeout_ms);
    for (size_t i = 0; i < n; i++)
        rd_kafka_topic_destroy(handles[i]);
    free(handles);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return OK;
    return error_set(err, ERR_UNAVAILABLE, "asking what topics there are: %s",
                     rd_kafka_err2str(code));
}

const struct rd_kafka_metadata_topic *client_find_topic(const struct rd_kafka_metadata *metadata,
                                                        const char *name) {
    for (int i = 0; i < metadata->topic_cnt; i++)
        if (strcmp(metadata->topics[i].topic, name) == 0)
            return &metadata->topics[i];
    return NULL;
}

/* Asking for metadata brings the id along; waiting for it alone takes a second. */
static enum status ask_cluster_id(rd_kafka_t *client, int timeout_ms,
                                  char out[static CLUSTER_ID_SIZE], struct error *err) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, NULL, &metadata, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_set(err, ERR_UNAVAILABLE, "no Kafka broker has answered: %s",
                         rd_kafka_err2str(code));
    rd_kafka_metadata_destroy(metadata);
    return client_cluster_id(client, timeout_ms, out, err);
}

enum status kafka_cluster_id(const struct kafka_config *config, int timeout_ms,
                             char out[static CLUSTER_ID_SIZE], struct error *err) {
    rd_kafka_conf_t *conf;
    rd_kafka_t *client = NULL;
    enum status status = client_conf_new(config, &client_plain_properties, &conf, err);
    if (status == OK)
        status = client_new(RD_KAFKA_PRODUCER, conf, &client, err);
    if (status == OK)
        status = ask_cluster_id(client, timeout_ms, out, err);
    if (client)
        rd_kafka_destroy(client);
    return status;
}
