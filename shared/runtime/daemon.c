#include "runtime/daemon.h"

#include "base/log.h"
#include "base/version.h"
#include "runtime/health.h"
#include "runtime/outbox_relay.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_SETTINGS = 2 };

/* Bounds. Together, the stop's steps stay under the 5 s that are promised. */
enum {
    BODY_MAX = 64 * 1024,
    CONNECTIONS_MAX = 1000,
    REQUEST_TIMEOUT_MS = 10000,
    IDLE_TIMEOUT_MS = 60000,
    WRITE_BATCH_MAX = 512,
    WRITE_QUEUE_MAX = 2048,
    DRAIN_TIMEOUT_MS = 1500,
    PUBLISH_TIMEOUT_MS = 1000,
    STOP_TIMEOUT_S = 4,
};

struct daemon {
    const struct service *service;
    struct config config;
    void *own_config;
    char db_path[4096];

    struct metrics *metrics;
    struct health health;
    struct db *db;
    struct db *reader; /* the HTTP thread's */
    struct outbox *outbox;
    struct inbox *inbox;
    struct announcer *announcer;
    struct writer *writer;
    struct service_context context;
    void *state; /* the service's */
    struct http_server *http;
    struct outbox_relay *_Atomic relay; /* read by the writer's thread */
    struct consume_once *consumer;
    atomic_bool has_failed;
};

/* Ends the process the clean way, with exit code 1. Any thread. */
static void fail(void *context, const struct error *err) {
    struct daemon *daemon = context;
    log_error("%s; stopping", err->text);
    atomic_store(&daemon->has_failed, true);
    kill(getpid(), SIGTERM);
}

static void on_committed(void *context) {
    struct daemon *daemon = context;
    struct outbox_relay *relay = atomic_load(&daemon->relay);
    outbox_committed(daemon->outbox);
    if (relay)
        outbox_relay_wake(relay);
    if (daemon->service->committed)
        daemon->service->committed(daemon->state);
}

static int64_t read_backlog(void *context) {
    return outbox_backlog(context);
}

static enum status make_folder(const char *path, struct error *err) {
    char part[4096];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return error_set(err, ERR_INVALID, "DATA_DIR: the path is too long");
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return error_set(err, ERR_UNAVAILABLE, "DATA_DIR=%s: %s: %s", path, part,
                             strerror(errno));
    }
    return OK;
}

static enum status open_database(struct daemon *daemon, struct error *err) {
    const struct service *service = daemon->service;
    enum status status = make_folder(daemon->config.data_dir, err);
    if (status == OK)
        status = config_data_path(&daemon->config, service->database, daemon->db_path,
                                  sizeof daemon->db_path, err);
    if (status == OK)
        status = db_open_writer(daemon->db_path, &service->schema, &daemon->db, err);
    if (status == OK)
        status = db_open_reader(daemon->db_path, &daemon->reader, err);
    if (status == OK)
        status =
            outbox_open(daemon->db, service->name, daemon->config.topics, &daemon->outbox, err);
    if (status == OK && service->consumer_group)
        status = inbox_open(daemon->db, &daemon->inbox, err);
    if (status == OK && service->announces)
        status = announcer_open(daemon->db, &daemon->announcer, err);
    return status;
}

static enum status open_service(struct daemon *daemon, struct error *err) {
    const struct writer_config writer = {
        .batch_max = WRITE_BATCH_MAX,
        .queue_max = WRITE_QUEUE_MAX,
        .committed = on_committed,
        .failed = fail,
        .context = daemon,
    };
    enum status status = writer_open(daemon->db, &writer, &daemon->writer, err);
    if (status != OK)
        return status;
    metrics_gauge(daemon->metrics, "orderflow_outbox_backlog_events",
                  "Events that wait to be published.", read_backlog, daemon->outbox);
    daemon->context = (struct service_context){
        .config = &daemon->config,
        .own_config = daemon->own_config,
        .db = daemon->db,
        .writer = daemon->writer,
        .outbox = daemon->outbox,
        .announcer = daemon->announcer,
        .metrics = daemon->metrics,
        .reader = daemon->reader,
        .http = &daemon->http,
    };
    return daemon->service->open(&daemon->context, &daemon->state, err);
}

static enum status open_http(struct daemon *daemon, struct error *err) {
    const struct http_config http = {
        .address = daemon->config.http_address,
        .port = (uint16_t)daemon->config.http_port,
        .body_max = BODY_MAX,
        .connections_max = CONNECTIONS_MAX,
        .request_timeout_ms = REQUEST_TIMEOUT_MS,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
    };
    const struct http_routes tables[] = {
        {daemon->service->routes, daemon->service->n_routes, daemon->state},
        {health_routes, health_n_routes, &daemon->health},
    };
    enum status status =
        http_server_open(&http, tables, sizeof tables / sizeof *tables, &daemon->http, err);
    if (status == ERR_UNAVAILABLE)
        error_wrap(err, status,
                   "set HTTP_PORT or HTTP_ADDRESS to another one, or stop what uses it");
    return status;
}

static enum status open_relay(struct daemon *daemon, struct error *err) {
    const struct outbox_relay_config config = {
        .config = &daemon->config,
        .db_path = daemon->db_path,
        .writer = daemon->writer,
        .outbox = daemon->outbox,
        .metrics = daemon->metrics,
    };
    struct outbox_relay *relay;
    enum status status = outbox_relay_open(&config, &relay, err);
    if (status == OK)
        atomic_store(&daemon->relay, relay);
    return status;
}

static enum status open_consumer(struct daemon *daemon, struct error *err) {
    const struct consume_once_config config = {
        .config = &daemon->config,
        .handlers = daemon->service->handlers,
        .service = daemon->state,
        .writer = daemon->writer,
        .inbox = daemon->inbox,
        .outbox = daemon->outbox,
        .announcer = daemon->announcer,
        .metrics = daemon->metrics,
        .failed = fail,
        .context = daemon,
    };
    enum status status = consume_once_open(&config, &daemon->consumer, err);
    if (status == OK)
        atomic_store(&daemon->health.consumer, daemon->consumer);
    return status;
}

static enum status start(struct daemon *daemon, struct error *err) {
    daemon->metrics = metrics_new();
    daemon->health.service = daemon->service->name;
    daemon->health.metrics = daemon->metrics;
    daemon->health.consumes = daemon->service->consumer_group != NULL;
    enum status status = open_database(daemon, err);
    if (status == OK)
        status = open_service(daemon, err);
    if (status == OK)
        status = open_http(daemon, err);
    if (status == OK)
        status = open_relay(daemon, err);
    if (status == OK && daemon->service->consumer_group)
        status = open_consumer(daemon, err);
    return status;
}

static void stop(struct daemon *daemon) {
    struct error err;
    atomic_store(&daemon->health.is_stopping, true);
    if (daemon->http) {
        http_server_quiesce(daemon->http);
        if (http_server_drain(daemon->http, DRAIN_TIMEOUT_MS, &err) != OK)
            log_warn("stopping: %s", err.text);
    }
    atomic_store(&daemon->health.consumer, NULL);
    consume_once_close(daemon->consumer);
    struct outbox_relay *relay = atomic_exchange(&daemon->relay, NULL);
    outbox_relay_close(relay, PUBLISH_TIMEOUT_MS);
    writer_close(daemon->writer);
    http_server_close(daemon->http);
    if (daemon->state)
        daemon->service->close(daemon->state);
    announcer_close(daemon->announcer);
    inbox_close(daemon->inbox);
    if (daemon->outbox && outbox_backlog(daemon->outbox) > 0)
        log_info("stopping: %lld events wait in the outbox for the next start",
                 (long long)outbox_backlog(daemon->outbox));
    outbox_close(daemon->outbox);
    db_close(daemon->reader);
    db_close(daemon->db);
    metrics_free(daemon->metrics);
}

/* The last resort against a client library that hangs while it is closed: all
 * that was accepted is committed by then, and the rest is as after a crash. */
static void on_stop_timeout(int signal) {
    static const char text[] = "stopping took too long; ending now, nothing is lost\n";
    (void)signal;
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    _exit(EXIT_SUCCESS);
}

static void wait_for_signal(const sigset_t *signals) {
    int signal = 0;
    while (sigwait(signals, &signal) != 0) {
    }
    log_info("stopping on %s", signal == SIGINT ? "SIGINT" : "SIGTERM");
}

static void block_signals(sigset_t *out) {
    sigemptyset(out);
    sigaddset(out, SIGTERM);
    sigaddset(out, SIGINT);
    pthread_sigmask(SIG_BLOCK, out, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int run(struct daemon *daemon) {
    sigset_t signals;
    block_signals(&signals);
    struct error err;
    enum status status = start(daemon, &err);
    if (status == OK) {
        log_info("%s listens on http://%s:%d, data in %s, Kafka at %s", ORDERFLOW_VERSION,
                 daemon->config.http_address, http_server_port(daemon->http),
                 daemon->config.data_dir, daemon->config.kafka.brokers);
        wait_for_signal(&signals);
    } else {
        log_error("%s", err.text);
    }
    signal(SIGALRM, on_stop_timeout);
    alarm(STOP_TIMEOUT_S);
    stop(daemon);
    if (status != OK || atomic_load(&daemon->has_failed))
        return EXIT_FAILURE;
    log_info("stopped");
    return EXIT_SUCCESS;
}

static struct config_defaults defaults_of(const struct service *service) {
    return (struct config_defaults){.service = service->name,
                                    .http_port = service->http_port,
                                    .consumer_group = service->consumer_group};
}

static size_t read_settings(struct daemon *daemon, struct strbuf *faults) {
    const struct service *service = daemon->service;
    const struct config_defaults defaults = defaults_of(service);
    size_t n_faults = config_read(&defaults, &daemon->config, faults);
    if (service->own_config_size == 0)
        return n_faults;
    daemon->own_config = calloc(1, service->own_config_size);
    if (!daemon->own_config)
        abort();
    n_faults +=
        env_read(service->own_settings, service->n_own_settings, daemon->own_config, faults);
    if (service->check)
        n_faults += service->check(&daemon->config, daemon->own_config, faults);
    return n_faults;
}

static void describe_requests(const struct http_route *routes, size_t n_routes,
                              struct strbuf *out) {
    for (size_t i = 0; i < n_routes; i++)
        strbuf_printf(out, "  %-4s %s\n", routes[i].method, routes[i].path);
}

static void print_help(const struct service *service) {
    struct strbuf out;
    strbuf_init(&out);
    strbuf_printf(&out,
                  "%s %s: %s\n\n"
                  "usage: %s [--help | --version | --check | --healthcheck]\n\n"
                  "  --check        read the settings, say what is wrong with them; exit 0 or 2\n"
                  "  --healthcheck  ask the running service whether it is ready; exit 0 or 1\n\n"
                  "Requests (GET /openapi.json describes them):\n\n",
                  service->name, ORDERFLOW_VERSION, service->summary, service->name);
    describe_requests(service->routes, service->n_routes, &out);
    describe_requests(health_routes, health_n_routes, &out);
    strbuf_printf(&out, "\nSettings (environment variables):\n\n  %-26s %-18s %s\n", "variable",
                  "default", "meaning");
    const struct config_defaults defaults = defaults_of(service);
    config_describe(&defaults, &out);
    env_describe(service->own_settings, service->n_own_settings, &out);
    fputs(out.data, stdout);
    strbuf_release(&out);
}

static int check_health(const struct daemon *daemon) {
    struct error err;
    if (health_check(&daemon->config, &err) == OK)
        return EXIT_SUCCESS;
    fprintf(stderr, "%s: %s\n", daemon->service->name, err.text);
    return EXIT_FAILURE;
}

enum command { RUN, CHECK, HEALTHCHECK };

static int run_command(const struct service *service, enum command command) {
    struct daemon daemon = {.service = service};
    struct strbuf faults;
    strbuf_init(&faults);
    int code;
    if (read_settings(&daemon, &faults) > 0) {
        fprintf(stderr, "%s: these settings are wrong:\n%s", service->name, faults.data);
        code = EXIT_SETTINGS;
    } else if (command == CHECK) {
        printf("%s: the settings are good\n", service->name);
        code = EXIT_SUCCESS;
    } else if (command == HEALTHCHECK) {
        code = check_health(&daemon);
    } else {
        log_init(service->name, (enum log_level)daemon.config.log_level);
        code = run(&daemon);
    }
    strbuf_release(&faults);
    free(daemon.own_config);
    return code;
}

int daemon_main(const struct service *service, int argc, char **argv) {
    const char *argument = argc > 1 ? argv[1] : "";
    if (argc == 1)
        return run_command(service, RUN);
    if (argc == 2 && strcmp(argument, "--check") == 0)
        return run_command(service, CHECK);
    if (argc == 2 && strcmp(argument, "--healthcheck") == 0)
        return run_command(service, HEALTHCHECK);
    if (argc == 2 && strcmp(argument, "--version") == 0) {
        printf("%s %s\n", service->name, ORDERFLOW_VERSION);
        return EXIT_SUCCESS;
    }
    if (argc == 2 && strcmp(argument, "--help") == 0) {
        print_help(service);
        return EXIT_SUCCESS;
    }
    fprintf(stderr, "%s: unknown argument %s; see --help\n", service->name,
            argc > 2 ? argv[2] : argument);
    return EXIT_SETTINGS;
}
