/*
 * What every service is: its settings, its database with the one writer, its
 * outbox and relay, its consumer, its HTTP server, and how all of that starts
 * and stops in order. A service describes itself in a table, and its main() is
 * one call.
 *
 *     start:  settings ▶ database ▶ writer ▶ service ▶ HTTP ▶ relay ▶ consumer
 *     stop:   HTTP takes no more ▶ what was accepted is answered ▶ consumer
 *             finishes its batch ▶ relay publishes what it can ▶ writer
 *             commits the rest ▶ database is closed
 */
#pragma once

#include "http/http.h"
#include "runtime/announcer.h"
#include "runtime/config.h"
#include "runtime/consume_once.h"
#include "runtime/metrics.h"
#include "store/db.h"
#include "store/outbox.h"
#include "store/writer.h"

/* What a service is given. Borrowed; it lives from `open` to after `close`. */
struct service_context {
    const struct config *config;
    const void *own_config; /* as `own_settings` describe it; NULL: none */
    struct db *db;          /* the writing connection: prepare statements in `open`, run them only
                               inside jobs of the writer */
    struct db *reader;      /* a read-only connection: for `open`, then for the HTTP thread */
    struct writer *writer;
    struct outbox *outbox;
    struct announcer *announcer; /* NULL: the service does not announce */
    struct metrics *metrics;
    struct http_server **http; /* set once the server listens */
};

enum { SERVICE_ROUTES_MAX = 16 };

struct service {
    const char *name;     /* "order-service" */
    const char *summary;  /* one sentence for --help */
    const char *database; /* "order.db", in DATA_DIR */
    const char *http_port;
    const char *consumer_group; /* NULL: it consumes nothing */
    bool announces;             /* it prints lines on stdout */
    /* Several instances may share the partitions, each with a database of its
     * own: what it does for one event asks nothing of what it did for others. */
    bool is_shared_out;
    struct db_schema schema;

    const struct env_setting *own_settings;
    size_t n_own_settings;
    size_t own_config_size;
    /* Checks what a table cannot (a file's content); appends a line a fault and
     * returns their number. NULL: nothing. */
    size_t (*check)(const struct config *config, const void *own_config, struct strbuf *faults);

    const struct http_route *routes; /* at most SERVICE_ROUTES_MAX */
    size_t n_routes;
    /* Is this route there, with these settings? Without it, its path answers as
     * any other that does not exist, or not with this method. NULL: all are. */
    bool (*serves)(const void *own_config, const struct http_route *route);
    event_handler *handlers[N_EVENT_TYPES];
    struct batch_hooks batch; /* around the handlers */

    /* Makes the service's state, which routes and handlers are given. No thread
     * uses the database yet. */
    enum status (*open)(const struct service_context *context, void **out_service,
                        struct error *err);
    void (*close)(void *service); /* NULL must be fine */

    /* After each commit, in the writer's thread; NULL: nothing. */
    void (*committed)(void *service);

    /* At the stop, when no handler is called any more, in the main thread: has
     * all requests answered that handlers keep for anything but the writer,
     * within half a second or so. NULL: there are none. */
    void (*quiesced)(void *service);
};

/*
 * Runs the service until SIGTERM or SIGINT; returns main's exit code: 0 after a
 * clean stop, 1 when it could not go on, 2 when a setting or an argument is
 * wrong. Handles --help, --version, --check and --healthcheck.
 */
int daemon_main(const struct service *service, int argc, char **argv);
