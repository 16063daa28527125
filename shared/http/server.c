/* A server's life, and what other threads can ask of it. */
#include "http/internal.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    /* For a request's line and headers (with some 70 bytes of accounting each)
     * and for its answer's headers. A browser's with a few cookies fit; larger
     * ones get 431. libmicrohttpd zeroes it for each request: its default of
     * 32 KiB costs a fifth of the throughput, 4 KiB would gain 2 %. */
    CONNECTION_MEMORY = 8 * 1024,
    STREAM_ALIVE_MS = 15000,
};

/* With the lock held. */
static void wake(struct http_server *server) {
    if (!server->woken)
        eventfd_write(server->wake_fd, 1);
    server->woken = true;
}

void http_request_continue(struct http_request *request, void (*answer)(void *context),
                           void *context) {
    struct http_server *server = request->server;
    request->answer = answer;
    request->answer_context = context;
    request->next_continued = NULL;
    pthread_mutex_lock(&server->lock);
    *server->continued_end = request;
    server->continued_end = &request->next_continued;
    wake(server);
    pthread_mutex_unlock(&server->lock);
}

void http_server_notify(struct http_server *server) {
    pthread_mutex_lock(&server->lock);
    server->notified = true;
    wake(server);
    pthread_mutex_unlock(&server->lock);
}

/* With the lock held. */
static void ask(struct http_server *server, enum stage stage) {
    if (server->asked < stage)
        server->asked = stage;
    wake(server);
}

void http_server_quiesce(struct http_server *server) {
    pthread_mutex_lock(&server->lock);
    ask(server, STAGE_QUIESCED);
    while (server->reached < STAGE_QUIESCED)
        pthread_cond_wait(&server->stage_reached, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

enum status http_server_drain(struct http_server *server, unsigned timeout_ms, struct error *err) {
    int64_t due_ms = clock_monotonic_ms() + timeout_ms;
    struct timespec due = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000};
    int failure = 0;
    pthread_mutex_lock(&server->lock);
    ask(server, STAGE_DRAINED);
    while (server->reached < STAGE_DRAINED && failure == 0)
        failure = pthread_cond_timedwait(&server->stage_reached, &server->lock, &due);
    bool is_drained = server->reached >= STAGE_DRAINED;
    pthread_mutex_unlock(&server->lock);
    if (is_drained)
        return OK;
    return error_set(err, ERR_UNAVAILABLE, "%u requests are still open after %u ms",
                     atomic_load(&server->n_requests), timeout_ms);
}

/* ERR_INVALID: the address is none. */
static enum status listen_on(const char *address, uint16_t port, int *out, struct error *err) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, address, &name.sin_addr) != 1)
        return error_set(err, ERR_INVALID, "%s is not an IPv4 address", address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, ERR_UNAVAILABLE, "no socket: %s", strerror(errno));
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* after a restart */
    if (bind(fd, (struct sockaddr *)&name, sizeof name) != 0 || listen(fd, SOMAXCONN) != 0) {
        int failure = errno;
        close(fd);
        if (failure == EADDRINUSE)
            return error_set(err, ERR_UNAVAILABLE, "port %d of %s is in use", port, address);
        return error_set(err, ERR_UNAVAILABLE, "cannot listen on %s:%d: %s", address, port,
                         strerror(failure));
    }
    *out = fd;
    return OK;
}

static uint16_t port_of(int fd) {
    struct sockaddr_in name = {0};
    socklen_t len = sizeof name;
    getsockname(fd, (struct sockaddr *)&name, &len);
    return ntohs(name.sin_port);
}

/* Leaves paths and queries as they were sent. */
static size_t unescape_nothing(void *cls, struct MHD_Connection *connection, char *text) {
    (void)cls, (void)connection;
    return strlen(text);
}

static enum status start_daemon(struct http_server *server, struct error *err) {
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, server->listen_fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, server->config.connections_max, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)unescape_nothing, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connection_on_change, server},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)connection_on_line, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)connection_on_end, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    server->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                         connection_on_data, NULL, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (!server->daemon)
        return error_set(err, ERR_UNAVAILABLE, "libmicrohttpd does not start: %s", strerror(errno));
    server->epoll_fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return OK;
}

/* Signals are for the process' main thread. */
static enum status start_thread(struct http_server *server, struct error *err) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&server->thread, NULL, loop_run, server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure != 0)
        return error_set(err, ERR_UNAVAILABLE, "no thread: %s", strerror(failure));
    server->has_thread = true;
    return OK;
}

static struct http_server *server_new(const struct http_config *config,
                                      const struct http_routes *tables, size_t n_tables) {
    assert(n_tables <= HTTP_TABLES_MAX);
    assert(config->connections_max > 0 && config->request_timeout_ms > 0 &&
           config->idle_timeout_ms > 0);
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        abort();
    server->config = *config;
    memcpy(server->tables, tables, n_tables * sizeof *tables);
    server->n_tables = n_tables;
    server->streams_max = (config->connections_max + 1) / 2;
    server->listen_fd = server->wake_fd = -1;
    server->now_ms = clock_monotonic_ms();
    server->continued_end = &server->first_continued;
    server->make_room_ms = DEADLINE_NEVER;
    server->waiting.timeout_ms = config->idle_timeout_ms;
    server->active.timeout_ms = config->request_timeout_ms;
    server->kept.timeout_ms = DEADLINE_NEVER;
    server->quiet.timeout_ms =
        config->stream_alive_ms > 0 ? config->stream_alive_ms : STREAM_ALIVE_MS;
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->stage_reached, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return server;
}

enum status http_server_open(const struct http_config *config, const struct http_routes *tables,
                             size_t n_tables, struct http_server **out, struct error *err) {
    struct http_server *server = server_new(config, tables, n_tables);
    enum status status = listen_on(config->address, config->port, &server->listen_fd, err);
    if (status != OK)
        goto out;
    server->port = port_of(server->listen_fd);
    server->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (server->wake_fd < 0) {
        status = error_set(err, ERR_UNAVAILABLE, "no eventfd: %s", strerror(errno));
        goto out;
    }
    status = start_daemon(server, err);
    if (status == OK)
        status = start_thread(server, err);
out:
    if (status == OK)
        *out = server;
    else
        http_server_close(server);
    return status;
}

uint16_t http_server_port(const struct http_server *server) {
    return server->port;
}

static void stop_thread(struct http_server *server) {
    pthread_mutex_lock(&server->lock);
    ask(server, STAGE_STOPPED);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->thread, NULL);
}

void http_server_close(struct http_server *server) {
    if (!server)
        return;
    if (server->has_thread)
        stop_thread(server);
    /* A suspended connection would make libmicrohttpd abort the process. */
    assert(!server->kept.first);
    loop_resume_quiet_streams(server);
    if (server->daemon)
        MHD_stop_daemon(server->daemon); /* closes the listening socket if it is not quiesced */
    else if (server->listen_fd >= 0)
        close(server->listen_fd);
    if (server->wake_fd >= 0)
        close(server->wake_fd);
    pthread_cond_destroy(&server->stage_reached);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
