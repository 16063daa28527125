/*
 * dev-broker: a Kafka broker for development, in one small process: a host
 * for the mock cluster that librdkafka brings along. Everything is in memory.
 */
#include "base/log.h"
#include "base/version.h"
#include "runtime/config.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    EXIT_SETTINGS = 2,
    /* A partition keeps 5 MiB and gives out one batch a fetch: many partitions
     * hold more and are read faster. */
    PARTITIONS_DEFAULT = 32,
    PARTITIONS_MAX = 256,
};

struct options {
    int partitions;
    const char *address_file; /* NULL: none */
};

static const struct config_defaults defaults = {.service = "dev-broker", .http_port = "0"};

static void print_help(void) {
    printf(
        "dev-broker %s: a Kafka broker for development, in memory\n\n"
        "usage: dev-broker [--partitions N] [--address-file FILE] [--check]\n\n"
        "  --partitions N       partitions of each topic of the shop (%d)\n"
        "  --address-file FILE  write the address to FILE, too, once it listens\n"
        "  --check              read the settings, say what is wrong; exit 0 or 2\n\n"
        "It prints its address (127.0.0.1:PORT) as the first line of its stdout, and runs\n"
        "until SIGTERM or SIGINT. Topics are named by the services' own settings (TOPIC_...).\n"
        "Each partition keeps the last 5 MiB or 100,000 batches, and all is gone when it ends.\n",
        ORDERFLOW_VERSION, PARTITIONS_DEFAULT);
}

static int parse_partitions(const char *text) {
    char *end;
    long n = strtol(text, &end, 10);
    return end == text || *end != '\0' || n < 1 || n > PARTITIONS_MAX ? 0 : (int)n;
}

/* Creates the shop's topics; others come with librdkafka's own defaults when
 * they are first used. */
static enum status create_topics(rd_kafka_mock_cluster_t *cluster, const struct config *config,
                                 int partitions, struct error *err) {
    for (int type = 0; type < N_EVENT_TYPES; type++) {
        char dead_letters[TOPIC_NAME_SIZE];
        config_dead_letter_topic(config->topics[type], dead_letters);
        if (rd_kafka_mock_topic_create(cluster, config->topics[type], partitions, 1) != 0 ||
            rd_kafka_mock_topic_create(cluster, dead_letters, 1, 1) != 0)
            return error_set(err, ERR_INVALID, "topic %s cannot be created twice",
                             config->topics[type]);
    }
    return OK;
}

/* Renamed into place, so that a reader never sees half an address. */
static enum status write_address(const char *path, const char *address, struct error *err) {
    char temporary[4096];
    int n = snprintf(temporary, sizeof temporary, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof temporary)
        return error_set(err, ERR_INVALID, "--address-file: the path is too long");
    FILE *file = fopen(temporary, "we");
    if (!file)
        return error_set(err, ERR_INVALID, "--address-file %s: %s", path, strerror(errno));
    fprintf(file, "%s\n", address);
    if (fclose(file) != 0 || rename(temporary, path) != 0)
        return error_set(err, ERR_INVALID, "--address-file %s: %s", path, strerror(errno));
    return OK;
}

static enum status announce_address(const char *address, const struct options *options,
                                    struct error *err) {
    enum status status = OK;
    if (options->address_file)
        status = write_address(options->address_file, address, err);
    if (status != OK)
        return status;
    printf("%s\n", address);
    fflush(stdout);
    log_info("listening on %s; for development: topics are in memory, a partition keeps the last "
             "5 MiB, and all is gone when this process ends",
             address);
    return OK;
}

static enum status serve(const struct options *options, const struct config *config,
                         const sigset_t *signals, struct error *err) {
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL); /* the client only carries the cluster */
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (!client) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERR_UNAVAILABLE, "%s", reason);
    }
    enum status status = OK;
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(client, 1);
    if (!cluster)
        status = error_set(err, ERR_UNAVAILABLE, "the broker cannot be started");
    if (status == OK)
        status = create_topics(cluster, config, options->partitions, err);
    if (status == OK)
        status = announce_address(rd_kafka_mock_cluster_bootstraps(cluster), options, err);
    if (status == OK) {
        int signal;
        sigwait(signals, &signal);
        log_info("stopped; its topics are gone");
    }
    if (cluster)
        rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(client);
    if (options->address_file)
        unlink(options->address_file);
    return status;
}

/* Returns an exit code, or -1 to go on. */
static int read_arguments(int argc, char **argv, struct options *out, bool *out_check) {
    static const struct option long_options[] = {
        {"partitions", required_argument, NULL, 'p'},
        {"address-file", required_argument, NULL, 'a'},
        {"check", no_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (option) {
        case 'p':
            out->partitions = parse_partitions(optarg);
            if (out->partitions > 0)
                break;
            fprintf(stderr, "dev-broker: --partitions %s: must be 1 to %d\n", optarg,
                    PARTITIONS_MAX);
            return EXIT_SETTINGS;
        case 'a':
            out->address_file = optarg;
            break;
        case 'c':
            *out_check = true;
            break;
        case 'h':
            print_help();
            return EXIT_SUCCESS;
        case 'v':
            printf("dev-broker %s\n", ORDERFLOW_VERSION);
            return EXIT_SUCCESS;
        default:
            return EXIT_SETTINGS;
        }
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "dev-broker: unknown argument %s; see --help\n", argv[optind]);
    return EXIT_SETTINGS;
}

int main(int argc, char **argv) {
    struct options options = {.partitions = PARTITIONS_DEFAULT};
    bool check = false;
    int code = read_arguments(argc, argv, &options, &check);
    if (code >= 0)
        return code;

    struct config config;
    struct strbuf faults;
    strbuf_init(&faults);
    size_t n_faults = config_read(&defaults, &config, &faults);
    if (n_faults > 0)
        fprintf(stderr, "dev-broker: these settings are wrong:\n%s", faults.data);
    strbuf_release(&faults);
    if (n_faults > 0)
        return EXIT_SETTINGS;
    if (check) {
        printf("dev-broker: the settings are good\n");
        return EXIT_SUCCESS;
    }

    log_init("dev-broker", (enum log_level)config.log_level);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);

    struct error err;
    if (serve(&options, &config, &signals, &err) == OK)
        return EXIT_SUCCESS;
    log_error("%s", err.text);
    return EXIT_FAILURE;
}
