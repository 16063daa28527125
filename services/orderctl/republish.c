/*
 * orderctl republish: sends events that are kept in the outboxes to their
 * topics once more, byte for byte, as after a broker has lost some. It only
 * reads the databases, so the services may run meanwhile.
 *
 * What it leaves out: rows that were never sent (the service itself sends
 * them), and rows that are so old that consumers may have forgotten to have
 * handled them.
 */
#include "base/clock.h"
#include "bus/publisher.h"
#include "orderctl/commands.h"
#include "orderctl/since.h"
#include "store/outbox.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    IN_FLIGHT_MAX = 5000,
    CONNECT_TIMEOUT_MS = 10000,
    ANSWER_TIMEOUT_MS = 30000, /* without any acknowledgement, it gives up */
    POLL_MS = 100,
    NOTE_MS = 2000, /* progress is said this often */
    HOUR_MS = 3600000,
    N_TOPICS = 2 * N_EVENT_TYPES,
};

static const char *const services[] = {"order", "inventory", "notification", "logging"};
enum { N_SERVICES = sizeof services / sizeof *services };

struct options {
    const char *since;
    const char *service; /* "all", or one of `services` */
    const char *topic;   /* NULL: all of them */
    bool is_dry_run;
};

struct republish {
    const struct config *config;
    struct options options;
    int64_t since_ms;
    char topics[N_TOPICS][TOPIC_NAME_SIZE];
    char cluster_id[128];
    struct publisher *publisher; /* NULL: a dry run */
    const char *service;         /* the one at hand */

    uint64_t n_sent;     /* handed to the publisher, or that would be */
    uint64_t n_answered; /* of these; a dry run answers itself */
    uint64_t n_done[N_TOPICS];
    uint64_t n_failed;
    uint64_t n_forgotten; /* too old */
    uint64_t n_unsent;    /* left to their service */
    int n_outboxes;
    char failure[256]; /* why the last one failed */
    int64_t answered_at_ms, next_note_ms;
};

static void print_help(void) {
    printf("usage: orderctl republish --since TIME [--service NAME] [--topic TOPIC] [--dry-run]\n\n"
           "Sends the events that the services' outboxes still keep to their topics once more,\n"
           "as after a Kafka broker has lost some. Consumers know the events that they have\n"
           "handled, so no effect is doubled. The services may run meanwhile.\n\n"
           "  --since TIME    events since then: 2026-11-21T05:19:00Z, or 90s, 30m, 2h or 7d ago\n"
           "  --service NAME  of this service only: order, inventory, notification or logging\n"
           "  --topic TOPIC   for this topic only\n"
           "  --dry-run       only count them\n\n"
           "The databases are those in DATA_DIR, the broker is the one at KAFKA_BROKERS. Sent\n"
           "events are kept for OUTBOX_RETENTION_HOURS.\n");
}

static int find_topic(const struct republish *run, const char *topic) {
    for (int i = 0; i < N_TOPICS; i++)
        if (strcmp(run->topics[i], topic) == 0)
            return i;
    return -1;
}

/* --- sending --- */

static void on_delivered(void *context, uint64_t tag, enum status status, const char *reason) {
    struct republish *run = context;
    run->n_answered++;
    run->answered_at_ms = clock_monotonic_ms();
    if (status == OK) {
        run->n_done[tag]++;
        return;
    }
    run->n_failed++;
    snprintf(run->failure, sizeof run->failure, "%s", reason);
}

static void say_progress(struct republish *run) {
    int64_t now = clock_monotonic_ms();
    if (now < run->next_note_ms)
        return;
    run->next_note_ms = now + NOTE_MS;
    fprintf(stderr, "orderctl: %s-service: %llu events until now ...\n", run->service,
            (unsigned long long)run->n_answered);
}

/* Until at most `n` are without an answer. */
static enum status wait_until(struct republish *run, uint64_t n, struct error *err) {
    run->answered_at_ms = clock_monotonic_ms();
    while (run->n_sent - run->n_answered > n) {
        publisher_poll(run->publisher, POLL_MS);
        say_progress(run);
        if (clock_monotonic_ms() > run->answered_at_ms + ANSWER_TIMEOUT_MS)
            return error_set(err, ERR_UNAVAILABLE, "Kafka at %s has not answered for %d s",
                             run->config->kafka.brokers, ANSWER_TIMEOUT_MS / 1000);
    }
    if (run->n_failed > 0)
        return error_set(err, ERR_UNAVAILABLE, "Kafka refused an event: %s", run->failure);
    return OK;
}

/* ERR_BUSY: the publisher's queue is full; wait, and give it the row again. */
static enum status send_row(struct republish *run, const struct outbox_row *row, int topic,
                            struct error *err) {
    enum status status = OK;
    if (run->publisher)
        status = publisher_send(run->publisher, &row->record, (uint64_t)topic, err);
    if (status != OK)
        return status;
    run->n_sent++;
    if (!run->publisher)
        on_delivered(run, (uint64_t)topic, OK, "");
    return OK;
}

/* Is it to be sent? Counts what is left out. */
static bool is_chosen(struct republish *run, const struct outbox_row *row, int64_t sent_upto,
                      int topic) {
    const char *wanted = run->options.topic;
    int64_t remembered_since_ms = clock_now_ms() - run->config->inbox_retention_hours * HOUR_MS;
    if (topic < 0 || row->created_ms < run->since_ms ||
        (wanted && strcmp(run->topics[topic], wanted) != 0))
        return false;
    if (row->seq > sent_upto)
        run->n_unsent++;
    else if (row->created_ms < remembered_since_ms)
        run->n_forgotten++;
    else
        return true;
    return false;
}

/* Sends rows until enough are on their way or none is left. */
static enum status send_some(struct republish *run, struct outbox_reader *reader, int64_t sent_upto,
                             bool *out_found, struct error *err) {
    enum status status = OK;
    bool found = true;
    while (run->n_sent - run->n_answered < IN_FLIGHT_MAX) {
        struct outbox_row row;
        status = outbox_reader_next(reader, &row, &found, err);
        if (status != OK || !found)
            break;
        int topic = find_topic(run, row.record.topic);
        if (!is_chosen(run, &row, sent_upto, topic))
            continue;
        status = send_row(run, &row, topic, err);
        if (status != OK) {
            outbox_reader_seek(reader, row.seq - 1); /* this row comes again */
            break;
        }
    }
    outbox_reader_pause(reader); /* a long snapshot would make the service's log grow */
    *out_found = found;
    return status == ERR_BUSY ? OK : status;
}

static enum status send_outbox(struct republish *run, struct outbox_reader *reader,
                               struct error *err) {
    struct outbox_progress progress;
    int64_t first, last;
    bool found = true;
    enum status status = outbox_reader_progress(reader, &progress, err);
    if (status == OK)
        status = outbox_reader_range(reader, run->since_ms, &first, &last, err);
    if (status != OK || first == 0)
        return status;
    outbox_reader_seek(reader, first - 1);
    while (status == OK && found) {
        status = send_some(run, reader, progress.sent_upto, &found, err);
        if (status == OK)
            status = wait_until(run, found ? IN_FLIGHT_MAX / 2 : 0, err);
        say_progress(run);
    }
    return status;
}

static enum status republish_file(struct republish *run, const char *path, struct error *err) {
    char service[ID_SIZE];
    struct db *db = NULL;
    struct outbox_reader *reader = NULL;
    snprintf(service, sizeof service, "%s-service", run->service);
    enum status status = db_open_reader(path, &db, err);
    if (status == OK)
        status = outbox_reader_open(db, service, &reader, err);
    if (status == OK)
        status = send_outbox(run, reader, err);
    outbox_reader_close(reader);
    db_close(db);
    return status;
}

static enum status republish_service(struct republish *run, const char *service,
                                     struct error *err) {
    char path[4096], file[32];
    snprintf(file, sizeof file, "%s.db", service);
    enum status status = config_data_path(run->config, file, path, sizeof path, err);
    if (status != OK)
        return status;
    if (access(path, R_OK) != 0) {
        if (errno == ENOENT && strcmp(run->options.service, "all") == 0)
            return OK;
        return error_set(err, ERR_UNAVAILABLE, "%s: %s; DATA_DIR must be the services' folder",
                         path, strerror(errno));
    }
    run->service = service;
    run->n_outboxes++;
    return republish_file(run, path, err);
}

static enum status republish_all(struct republish *run, struct error *err) {
    enum status status = OK;
    for (size_t i = 0; status == OK && i < N_SERVICES; i++)
        if (strcmp(run->options.service, "all") == 0 ||
            strcmp(run->options.service, services[i]) == 0)
            status = republish_service(run, services[i], err);
    if (status == OK && run->n_outboxes == 0)
        status = error_set(err, ERR_NOT_FOUND,
                           "DATA_DIR=%s: has no database of a service; set it to their folder",
                           run->config->data_dir);
    return status;
}

static enum status connect_broker(struct republish *run, struct error *err) {
    const struct publisher_events events = {
        .delivered = on_delivered, .wake_fd = -1, .context = run};
    enum status status = publisher_open(&run->config->kafka, &events, &run->publisher, err);
    if (status == OK)
        status = publisher_cluster_id(run->publisher, CONNECT_TIMEOUT_MS, run->cluster_id,
                                      sizeof run->cluster_id, err);
    if (status == ERR_UNAVAILABLE)
        error_wrap(err, status, "KAFKA_BROKERS=%s", run->config->kafka.brokers);
    return status;
}

/* --- what a person sees --- */

static void warn_of_retention(const struct republish *run) {
    if (run->since_ms < clock_now_ms() - run->config->outbox_retention_hours * HOUR_MS)
        fprintf(stderr,
                "orderctl: --since %s is longer ago than OUTBOX_RETENTION_HOURS=%lld: of the time "
                "before, outboxes may have deleted events\n",
                run->options.since, (long long)run->config->outbox_retention_hours);
}

static void say_left_out(const struct republish *run) {
    if (run->n_unsent > 0)
        printf("%llu more were never sent: their service sends them when it reaches Kafka.\n",
               (unsigned long long)run->n_unsent);
    if (run->n_forgotten > 0)
        printf("%llu more are older than INBOX_RETENTION_HOURS=%lld and were left out: consumers "
               "may have forgotten that they handled them.\n",
               (unsigned long long)run->n_forgotten, (long long)run->config->inbox_retention_hours);
}

static void say_what_happened(const struct republish *run) {
    uint64_t n = 0;
    for (int i = 0; i < N_TOPICS; i++)
        n += run->n_done[i];
    if (run->publisher)
        printf("%llu events were published once more to Kafka cluster %s; outboxes read: %d\n",
               (unsigned long long)n, run->cluster_id, run->n_outboxes);
    else
        printf("%llu events would be published once more; outboxes read: %d\n",
               (unsigned long long)n, run->n_outboxes);
    for (int i = 0; i < N_TOPICS; i++)
        if (run->n_done[i] > 0)
            printf("  %10llu  %s\n", (unsigned long long)run->n_done[i], run->topics[i]);
    say_left_out(run);
}

static int conclude(const struct republish *run, enum status status, const struct error *err) {
    if (status == OK || run->n_sent > 0)
        say_what_happened(run);
    if (status != OK) {
        fprintf(stderr, "orderctl: %s%s\n", err->text,
                run->n_sent > 0 ? "; it stopped there: run it again, repetitions do no harm" : "");
        return EXIT_FAILURE;
    }
    if (run->publisher)
        printf("Consumers handle those that they do not know yet; then `orderctl audit` shows "
               "whether all is well.\n");
    else
        printf("This was a dry run: nothing was sent.\n");
    return EXIT_SUCCESS;
}

/* --- arguments --- */

static bool is_service(const char *name) {
    for (size_t i = 0; i < N_SERVICES; i++)
        if (strcmp(services[i], name) == 0)
            return true;
    return strcmp(name, "all") == 0;
}

static enum status check_options(struct republish *run, struct error *err) {
    const struct options *options = &run->options;
    if (!options->since)
        return error_set(err, ERR_INVALID, "--since TIME is missing; see --help");
    if (since_parse(options->since, clock_now_ms(), &run->since_ms, err) != OK)
        return ERR_INVALID;
    if (!is_service(options->service))
        return error_set(err, ERR_INVALID,
                         "--service %s: must be order, inventory, notification, logging or all",
                         options->service);
    if (options->topic && find_topic(run, options->topic) < 0)
        return error_set(err, ERR_INVALID,
                         "--topic %s: is none of the shop's; they are named by TOPIC_..., dead "
                         "letters by .dlq behind them",
                         options->topic);
    return OK;
}

/* Returns an exit code, or -1 to go on. */
static int read_arguments(int argc, char **argv, struct options *out) {
    static const struct option long_options[] = {
        {"since", required_argument, NULL, 's'}, {"service", required_argument, NULL, 'n'},
        {"topic", required_argument, NULL, 't'}, {"dry-run", no_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (option) {
        case 's':
            out->since = optarg;
            break;
        case 'n':
            out->service = optarg;
            break;
        case 't':
            out->topic = optarg;
            break;
        case 'd':
            out->is_dry_run = true;
            break;
        case 'h':
            print_help();
            return EXIT_SUCCESS;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "orderctl: republish: unknown argument %s; see --help\n", argv[optind]);
    return EXIT_USAGE;
}

static void name_topics(struct republish *run) {
    for (int type = 0; type < N_EVENT_TYPES; type++) {
        snprintf(run->topics[type], TOPIC_NAME_SIZE, "%s", run->config->topics[type]);
        config_dead_letter_topic(run->config->topics[type], run->topics[N_EVENT_TYPES + type]);
    }
}

int run_republish(const struct config *config, int argc, char **argv) {
    struct republish run = {.config = config, .options = {.service = "all"}};
    struct error err;
    int code = read_arguments(argc, argv, &run.options);
    if (code >= 0)
        return code;
    name_topics(&run);
    if (check_options(&run, &err) != OK) {
        fprintf(stderr, "orderctl: republish: %s\n", err.text);
        return EXIT_USAGE;
    }
    warn_of_retention(&run);
    run.next_note_ms = clock_monotonic_ms() + NOTE_MS;
    enum status status = run.options.is_dry_run ? OK : connect_broker(&run, &err);
    if (status == OK)
        status = republish_all(&run, &err);
    code = conclude(&run, status, &err);
    publisher_close(run.publisher);
    return code;
}
