#include "support/broker.h"

#include "support/file.h"
#include "support/free_port.h"
#include "support/kafka_script.h"
#include "support/process.h"
#include "support/scratch.h"
#include "support/testing.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BROKER_ID = 1, DELETE_TIMEOUT_MS = 10000 };

struct broker {
    const char *folder;
    const char *const *topics;
    size_t n_topics;
    char address[128];

    rd_kafka_t *host; /* of the embedded cluster; NULL: Apache Kafka */
    rd_kafka_mock_cluster_t *cluster;
    int own_port; /* of an Apache Kafka of the test's own; 0: it is shared */
};

bool broker_is_apache(void) {
    const char *kind = getenv("TEST_KAFKA");
    return kind && strcmp(kind, "apache") == 0;
}

const char *broker_address(const struct broker *broker) {
    return broker->address;
}

static void set_address(struct broker *broker, const char *address) {
    snprintf(broker->address, sizeof broker->address, "%s", address);
}

/* --- embedded --- */

static void open_cluster(struct broker *broker) {
    broker->cluster = rd_kafka_mock_cluster_new(broker->host, 1);
    if (!broker->cluster)
        fail_msg("the embedded broker cannot be started");
    for (size_t i = 0; i < broker->n_topics; i++) {
        const char *dead_letters = scratch_printf("%s.dlq", broker->topics[i]);
        rd_kafka_mock_topic_create(broker->cluster, broker->topics[i], BROKER_PARTITIONS, 1);
        rd_kafka_mock_topic_create(broker->cluster, dead_letters, 1, 1);
    }
    set_address(broker, rd_kafka_mock_cluster_bootstraps(broker->cluster));
}

static void open_embedded(struct broker *broker) {
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    broker->host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (!broker->host)
        fail_msg("%s", reason);
    open_cluster(broker);
}

/* --- Apache Kafka of the test's own --- */

/* The id that a cluster gets which has none yet; "": a new one. */
static void run_script_with_id(struct broker *broker, const char *command, const char *cluster_id) {
    const char *const arguments[] = {command, NULL};
    const char *const settings[] = {
        scratch_printf("KAFKA_PORT=%d", broker->own_port),
        scratch_printf("KAFKA_DIR=%s/kafka", broker->folder),
        scratch_printf("KAFKA_CLUSTER_ID=%s", cluster_id),
        "KAFKA_HEAP_OPTS=-Xms128m -Xmx384m",
        NULL,
    };
    kafka_script_run(arguments, settings, broker->folder);
}

static void run_script(struct broker *broker, const char *command) {
    run_script_with_id(broker, command, "");
}

static void open_apache(struct broker *broker, enum broker_use use) {
    const char *shared = getenv("KAFKA_BROKERS");
    if (use == BROKER_STEADY) {
        set_address(broker, shared ? shared : "localhost:29092");
        return;
    }
    broker->own_port = free_port();
    set_address(broker, scratch_printf("localhost:%d", broker->own_port));
    run_script(broker, "start");
}

static void delete_data(struct broker *broker) {
    const char *const argv[] = {"/bin/rm", "-rf", scratch_printf("%s/kafka/data", broker->folder),
                                NULL};
    const char *const settings[] = {NULL};
    process_run(argv, settings, scratch_printf("%s/rm", broker->folder), DELETE_TIMEOUT_MS, NULL);
}

/* --- either --- */

struct broker *broker_open(enum broker_use use, const char *folder, const char *const topics[],
                           size_t n_topics) {
    struct broker *broker = calloc(1, sizeof *broker);
    if (!broker)
        abort();
    broker->folder = folder;
    broker->topics = topics;
    broker->n_topics = n_topics;
    if (broker_is_apache())
        open_apache(broker, use);
    else
        open_embedded(broker);
    return broker;
}

void broker_close(struct broker *broker) {
    if (!broker)
        return;
    if (broker->own_port > 0)
        run_script(broker, "stop");
    if (broker->cluster)
        rd_kafka_mock_cluster_destroy(broker->cluster);
    if (broker->host)
        rd_kafka_destroy(broker->host);
    free(broker);
}

void broker_take_down(struct broker *broker) {
    assert_true(broker->cluster || broker->own_port > 0);
    if (broker->cluster)
        rd_kafka_mock_broker_set_down(broker->cluster, BROKER_ID);
    else
        run_script(broker, "stop");
}

void broker_bring_up(struct broker *broker) {
    if (broker->cluster)
        rd_kafka_mock_broker_set_up(broker->cluster, BROKER_ID);
    else
        run_script(broker, "start");
}

void broker_kill(struct broker *broker) {
    assert_true(broker->cluster || broker->own_port > 0);
    if (broker->cluster) {
        rd_kafka_mock_broker_set_down(broker->cluster, BROKER_ID);
        return;
    }
    pid_t pid = atoi(file_content(scratch_printf("%s/kafka/kafka.pid", broker->folder)));
    assert_true(pid > 1);
    kill(pid, SIGKILL);
}

void broker_fail_request(struct broker *broker, enum broker_request request, int error,
                         int delay_ms) {
    rd_kafka_mock_broker_push_request_error_rtts(broker->cluster, BROKER_ID, (int16_t)request, 1,
                                                 error, delay_ms);
}

size_t broker_faults_left(struct broker *broker, enum broker_request request) {
    size_t n = 0;
    rd_kafka_mock_broker_error_stack_cnt(broker->cluster, BROKER_ID, (int16_t)request, &n);
    return n;
}

void broker_delay_all(struct broker *broker, int delay_ms) {
    rd_kafka_mock_broker_set_rtt(broker->cluster, BROKER_ID, delay_ms);
}

void broker_lose_records(struct broker *broker) {
    char id[64];
    assert_true(broker->own_port > 0);
    const char *properties =
        file_content(scratch_printf("%s/kafka/data/meta.properties", broker->folder));
    const char *found = strstr(properties, "cluster.id=");
    if (!found || sscanf(found, "cluster.id=%63s", id) != 1)
        fail_msg("no cluster.id in %s", properties);
    run_script(broker, "stop");
    delete_data(broker);
    run_script_with_id(broker, "start", id);
}

void broker_replace(struct broker *broker) {
    assert_true(broker->cluster || broker->own_port > 0);
    if (broker->cluster) {
        /* A cluster's id is made of its address in memory: while the old one
         * lives, the new one has another. */
        rd_kafka_mock_cluster_t *old = broker->cluster;
        open_cluster(broker);
        rd_kafka_mock_cluster_destroy(old);
        return;
    }
    run_script(broker, "stop");
    delete_data(broker);
    run_script(broker, "start");
}
