#include "runtime/daemon.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/version.h"
#include "runtime/health.h"
#include "runtime/outbox_relay.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_SETTINGS = 2 };

/* Bounds. Together, the stop's steps stay under the 5 s that are promised. */
enum {
    BODY_MAX = 64 * 1024,
    CONNECTIONS_MAX = 1000,
    DESCRIPTORS_KEPT = 256, /* for Kafka and the database, beside the connections */
    DESCRIPTORS_MIN = 64,
    REQUEST_TIMEOUT_MS = 10000,
    IDLE_TIMEOUT_MS = 60000,
    WRITE_BATCH_MAX = 512,
    WRITE_QUEUE_MAX = 2048,
    DRAIN_TIMEOUT_MS = 1500,
    PUBLISH_TIMEOUT_MS = 1000,
    STOP_TIMEOUT_S = 4,
    STANDBY_LOOK_MS = 100,
    PORT_TIMEOUT_MS = 3000, /* until the one before has given it free */
};

struct daemon {
    const struct service *service;
    struct config config;
    void *own_config;
    char folder[4096]; /* of its database: DATA_DIR, or a slot in it */
    char db_path[4096];
    sigset_t signals;
    bool has_waited;      /* for another process, as its standby */
    bool is_told_to_stop; /* while it waited */
    struct db_watch watch;
    atomic_bool is_watching;

    struct metrics *metrics;
    struct health health;
    struct db *db;
    struct db *reader; /* the HTTP thread's */
    struct outbox *outbox;
    struct inbox *inbox;
    struct announcer *announcer;
    struct writer *writer;
    struct service_context context;
    void *state;                                  /* the service's */
    struct http_route routes[SERVICE_ROUTES_MAX]; /* the service's that it serves */
    struct http_server *http;
    struct outbox_relay *_Atomic relay; /* read by the writer's thread */
    struct consume_once *consumer;
    atomic_bool has_failed;
};

/* Ends the process the clean way, with exit code 1. Any thread; the first
 * reason is said. */
static void fail(void *context, const struct error *err) {
    struct daemon *daemon = context;
    if (atomic_exchange(&daemon->has_failed, true))
        return;
    log_error("%s; stopping", err->text);
    kill(getpid(), SIGTERM);
}

/* Who reads a damaged database by chance must not go on writing it. */
static void on_damaged(void *context, const char *detail) {
    struct daemon *daemon = context;
    struct error err;
    if (!atomic_load(&daemon->is_watching))
        return; /* the start refuses it by itself */
    error_set(&err, ERR_INVALID, "database %s: is damaged or cannot be read: %s", daemon->db_path,
              detail);
    fail(daemon, &err);
}

static void on_troubled(void *context, const struct error *err) {
    struct daemon *daemon = context;
    atomic_store(&daemon->health.cannot_write, err != NULL);
    if (err)
        log_error("%s; changes are refused until it can be written", err->text);
    else
        log_info("the database can be written again");
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

static int64_t read_writable(void *context) {
    const struct health *health = context;
    return !atomic_load(&health->cannot_write);
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

/* Waits until it is time to look again; true: it has to stop instead. */
static bool wait_for_turn(struct daemon *daemon) {
    const struct timespec time = {.tv_nsec = STANDBY_LOOK_MS * 1000000L};
    return sigtimedwait(&daemon->signals, NULL, &time) > 0;
}

/* The first slot is DATA_DIR itself, so that one instance needs no slots. */
static enum status open_slot(struct daemon *daemon, int64_t slot, struct error *err) {
    char file[64], *const path = daemon->db_path;
    if (slot == 1)
        snprintf(file, sizeof file, "%s", daemon->service->database);
    else
        snprintf(file, sizeof file, "%lld/%s", (long long)slot, daemon->service->database);
    enum status status = config_data_path(&daemon->config, file, path, sizeof daemon->db_path, err);
    if (status != OK)
        return status;
    snprintf(daemon->folder, sizeof daemon->folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    status = make_folder(daemon->folder, err);
    if (status == OK)
        status = db_open_writer(path, &daemon->service->schema, &daemon->db, err);
    return status;
}

/* Takes the first slot that no other process has, with what an earlier one left
 * in it. */
static enum status open_free_slot(struct daemon *daemon, struct error *err) {
    enum status status = open_slot(daemon, 1, err);
    for (int64_t slot = 2; status == ERR_BUSY && slot <= daemon->config.data_slots; slot++)
        status = open_slot(daemon, slot, err);
    return status;
}

static enum status refuse_start(const struct daemon *daemon, struct error *err) {
    if (daemon->config.data_slots > 1)
        return error_wrap(err, ERR_BUSY,
                          "all %lld slots are taken: set DATA_SLOTS higher, or start fewer",
                          (long long)daemon->config.data_slots);
    return error_wrap(err, ERR_BUSY,
                      "stop the other one, set DATA_DIR to another folder, or STANDBY=yes to "
                      "wait for its end");
}

/* As a standby, it waits until the database is free. */
static enum status open_writing_connection(struct daemon *daemon, struct error *err) {
    enum status status = open_free_slot(daemon, err);
    if (status == ERR_BUSY && !daemon->config.standby)
        return refuse_start(daemon, err);
    if (status == ERR_BUSY)
        log_info("standing by: %s", err->text);
    while (status == ERR_BUSY && !daemon->is_told_to_stop) {
        daemon->has_waited = true;
        daemon->is_told_to_stop = wait_for_turn(daemon);
        status = open_free_slot(daemon, err);
    }
    if (status == OK && daemon->has_waited)
        log_info("taking over");
    return status;
}

static enum status open_database(struct daemon *daemon, struct error *err) {
    const struct service *service = daemon->service;
    enum status status = open_writing_connection(daemon, err);
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
        .troubled = on_troubled,
        .context = daemon,
    };
    enum status status = writer_open(daemon->db, &writer, &daemon->writer, err);
    if (status != OK)
        return status;
    metrics_gauge(daemon->metrics, "orderflow_outbox_backlog_events",
                  "Events that wait to be published.", read_backlog, daemon->outbox);
    metrics_gauge(daemon->metrics, "orderflow_database_writable",
                  "1: changes can be stored. 0: they are refused until the disk takes them again.",
                  read_writable, &daemon->health);
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

/* Descriptors are shared with Kafka's connections and the database, which must
 * never go without because of too many clients. */
static enum status bound_connections(unsigned *out_max, struct error *err) {
    const rlim_t wanted = CONNECTIONS_MAX + DESCRIPTORS_KEPT;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return error_set(err, ERR_UNAVAILABLE, "getrlimit: %s", strerror(errno));
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        setrlimit(RLIMIT_NOFILE, &limit); /* up to the hard limit it is allowed */
    }
    if (limit.rlim_cur < DESCRIPTORS_MIN)
        return error_set(err, ERR_INVALID,
                         "only %llu open files are allowed (ulimit -n), it takes %d",
                         (unsigned long long)limit.rlim_cur, DESCRIPTORS_MIN);
    if (limit.rlim_cur >= wanted) {
        *out_max = CONNECTIONS_MAX;
        return OK;
    }
    rlim_t half = limit.rlim_cur / 2;
    *out_max = (unsigned)(limit.rlim_cur - (half < DESCRIPTORS_KEPT ? half : DESCRIPTORS_KEPT));
    log_warn("%llu open files are allowed (ulimit -n): at most %u HTTP connections instead of %d",
             (unsigned long long)limit.rlim_cur, *out_max, CONNECTIONS_MAX);
    return OK;
}

/* The process that a standby waited for may be dead and its port not yet free. */
static enum status open_server(struct daemon *daemon, const struct http_config *http,
                               const struct http_routes *tables, size_t n_tables,
                               struct error *err) {
    int64_t deadline_ms = clock_monotonic_ms() + (daemon->has_waited ? PORT_TIMEOUT_MS : 0);
    enum status status = http_server_open(http, tables, n_tables, &daemon->http, err);
    while (status == ERR_UNAVAILABLE && clock_monotonic_ms() < deadline_ms) {
        clock_pause_ms(STANDBY_LOOK_MS);
        status = http_server_open(http, tables, n_tables, &daemon->http, err);
    }
    return status;
}

/* Returns how many of the service's routes are served. */
static size_t choose_routes(struct daemon *daemon) {
    const struct service *service = daemon->service;
    size_t n = 0;
    assert(service->n_routes <= SERVICE_ROUTES_MAX);
    for (size_t i = 0; i < service->n_routes; i++)
        if (!service->serves || service->serves(daemon->own_config, &service->routes[i]))
            daemon->routes[n++] = service->routes[i];
    return n;
}

static enum status open_http(struct daemon *daemon, struct error *err) {
    unsigned connections_max = 0;
    enum status status = bound_connections(&connections_max, err);
    if (status != OK)
        return status;
    const struct http_config http = {
        .address = daemon->config.http_address,
        .port = (uint16_t)daemon->config.http_port,
        .body_max = BODY_MAX,
        .connections_max = connections_max,
        .request_timeout_ms = REQUEST_TIMEOUT_MS,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
    };
    const struct http_routes tables[] = {
        {daemon->routes, choose_routes(daemon), daemon->state},
        {health_routes, health_n_routes, &daemon->health},
    };
    status = open_server(daemon, &http, tables, sizeof tables / sizeof *tables, err);
    if (status == ERR_UNAVAILABLE)
        error_wrap(err, status,
                   "set HTTP_PORT or HTTP_ADDRESS to another one, or stop what uses it");
    return status;
}

static enum status open_relay(struct daemon *daemon, struct error *err) {
    const struct outbox_relay_config config = {
        .config = &daemon->config,
        .service = daemon->service->name,
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
        .batch = daemon->service->batch,
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
    daemon->watch = (struct db_watch){on_damaged, daemon};
    db_init(&daemon->watch);
    enum status status = open_database(daemon, err);
    if (status != OK)
        return status;
    atomic_store(&daemon->is_watching, true);
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
    FAILPOINT(STOP_BEGUN);
    atomic_store(&daemon->health.is_stopping, true);
    if (daemon->http) {
        http_server_quiesce(daemon->http);
        FAILPOINT(STOP_QUIESCED);
        if (daemon->service->quiesced)
            daemon->service->quiesced(daemon->state);
        if (http_server_drain(daemon->http, DRAIN_TIMEOUT_MS, &err) != OK)
            log_warn("stopping: %s", err.text);
    }
    FAILPOINT(STOP_DRAINED);
    atomic_store(&daemon->health.consumer, NULL);
    consume_once_close(daemon->consumer);
    struct outbox_relay *relay = atomic_exchange(&daemon->relay, NULL);
    outbox_relay_close(relay, PUBLISH_TIMEOUT_MS);
    FAILPOINT(STOP_RELAY_CLOSED);
    writer_close(daemon->writer);
    FAILPOINT(STOP_WRITER_CLOSED);
    http_server_close(daemon->http);
    if (daemon->state)
        daemon->service->close(daemon->state);
    announcer_close(daemon->announcer);
    inbox_close(daemon->inbox);
    if (daemon->outbox && outbox_backlog(daemon->outbox) > 0)
        log_info("stopping: %lld events wait in the outbox for the next start",
                 (long long)outbox_backlog(daemon->outbox));
    outbox_close(daemon->outbox);
    FAILPOINT(STOP_BEFORE_DATABASE);
    db_close(daemon->reader);
    db_close(daemon->db);
    FAILPOINT(STOP_AFTER_DATABASE);
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
    block_signals(&daemon->signals);
    struct error err;
    enum status status = start(daemon, &err);
    if (status == OK) {
        log_info("%s listens on http://%s:%d, data in %s, Kafka at %s", ORDERFLOW_VERSION,
                 daemon->config.http_address, http_server_port(daemon->http), daemon->folder,
                 daemon->config.kafka.brokers);
        wait_for_signal(&daemon->signals);
    } else if (!daemon->is_told_to_stop) {
        log_error("%s", err.text);
    }
    signal(SIGALRM, on_stop_timeout);
    alarm(STOP_TIMEOUT_S);
    stop(daemon);
    if ((status != OK && !daemon->is_told_to_stop) || atomic_load(&daemon->has_failed))
        return EXIT_FAILURE;
    log_info("stopped");
    return EXIT_SUCCESS;
}

static struct config_defaults defaults_of(const struct service *service) {
    return (struct config_defaults){.service = service->name,
                                    .http_port = service->http_port,
                                    .consumer_group = service->consumer_group,
                                    .is_shared_out = service->is_shared_out};
}

static size_t read_settings(struct daemon *daemon, struct strbuf *faults) {
    const struct service *service = daemon->service;
    const struct config_defaults defaults = defaults_of(service);
    size_t n_faults = config_read(&defaults, &daemon->config, faults) + failpoint_arm(faults);
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
        strbuf_printf(out, "  %-6s %s\n", routes[i].method, routes[i].path);
}

static void print_help(const struct service *service) {
    struct strbuf out;
    strbuf_init(&out);
    strbuf_printf(&out,
                  "%s %s: %s\n\n"
                  "usage: %s [--help | --version | --check | --healthcheck]\n\n"
                  "  --check        read the settings, say what is wrong with them; exit 0 or 2\n"
                  "  --healthcheck  ask the running service whether it is ready, or whether it\n"
                  "                 waits as a standby; exit 0 or 1\n\n"
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

/* A standby does not answer before its turn. Where it has the port for itself, as
 * in a container, it is in order that nothing listens there. */
static bool is_standing_by(const struct daemon *daemon) {
    char path[sizeof daemon->db_path];
    return daemon->config.standby &&
           config_data_path(&daemon->config, daemon->service->database, path, sizeof path, NULL) ==
               OK &&
           db_has_writer(path);
}

static int check_health(const struct daemon *daemon) {
    struct error err;
    enum status status = health_check(&daemon->config, &err);
    if (status == OK || (status == ERR_NOT_FOUND && is_standing_by(daemon)))
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
