/*
 * The HTTP thread: a loop of our own around libmicrohttpd.
 *
 * Its internal loop goes back to sleep without serving anybody when 128 or
 * more connections are ready at once, and cannot be woken once for many
 * answers; so this one polls libmicrohttpd's epoll descriptor beside an
 * eventfd, and does in the same thread all that other threads ask for.
 */
#include "http/internal.h"

#include "base/clock.h"

#include <assert.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    SETTLE_ROUNDS_MAX = 1000,
    /* Rounds without an event from which on the loop waits a millisecond. */
    SPINS_MAX = 64,
    /* For so long clients wait, with no other one taken, before one gives way. */
    MAKE_ROOM_MS = 500,
};

static bool is_readable(int fd) {
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

/* Has libmicrohttpd something to do that no event will announce? */
static bool is_busy(struct http_server *server) {
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    return server->run_again ||
           (MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0);
}

static void run(struct http_server *server) {
    server->run_again = false;
    MHD_run(server->daemon);
}

static void resume(struct http_request *request) {
    struct http_server *server = request->server;
    deadline_start(&server->active, &request->deadline, server->now_ms);
    MHD_resume_connection(request->connection);
    server->run_again = true; /* resuming is done in the next run */
}

void loop_resume_quiet_streams(struct http_server *server) {
    while (server->quiet.first)
        resume(request_of_deadline(server->quiet.first));
}

static void answer_continued(struct http_request *first) {
    for (struct http_request *request = first, *next; request; request = next) {
        next = request->next_continued;
        request->answer(request->answer_context);
        assert(request->response);
        resume(request);
    }
}

/*
 * A trailer can fill libmicrohttpd's buffer with nothing left to look at in it;
 * then libmicrohttpd neither reads on nor sees the connection's end, and is busy
 * with it for ever. A timeout of its own it heeds even then: a second, the least.
 */
static void cut_off_late(struct http_server *server, struct deadline_queue *queue) {
    while (queue->first && queue->first->due_ms <= server->now_ms) {
        struct http_request *request = request_of_deadline(queue->first);
        connection_cut_off(request);
        MHD_set_connection_option(request->connection, MHD_CONNECTION_OPTION_TIMEOUT, 1U);
        deadline_start(queue, &request->deadline, server->now_ms);
    }
}

static void enforce_deadlines(struct http_server *server) {
    cut_off_late(server, &server->waiting);
    cut_off_late(server, &server->active);
    while (server->quiet.first && server->quiet.first->due_ms <= server->now_ms) {
        struct http_request *request = request_of_deadline(server->quiet.first);
        request->wants_comment = true;
        resume(request);
    }
}

/*
 * When accept() fails for want of a descriptor, libmicrohttpd does so again only
 * after one of its connections has ended, even if there are descriptors by then.
 * While all that it has are idle, that would be as long as they may be.
 */
static void make_room(struct http_server *server) {
    if (server->now_ms < server->make_room_ms)
        return;
    bool clients_wait = server->listen_fd >= 0 && is_readable(server->listen_fd);
    server->make_room_ms = clients_wait ? server->now_ms + MAKE_ROOM_MS : DEADLINE_NEVER;
    if (clients_wait && server->waiting.first)
        connection_cut_off(request_of_deadline(server->waiting.first));
}

/* What to poll for clients beside libmicrohttpd, which may have stopped to. At
 * its limit of connections they have to wait. */
static int clients_fd(const struct http_server *server) {
    bool is_full = server->n_connections == server->config.connections_max;
    return is_full || server->make_room_ms != DEADLINE_NEVER ? -1 : server->listen_fd;
}

static void reach(struct http_server *server, enum stage stage) {
    pthread_mutex_lock(&server->lock);
    server->reached = stage;
    pthread_cond_broadcast(&server->stage_reached);
    pthread_mutex_unlock(&server->lock);
}

/* Runs libmicrohttpd until it has nothing to do. There is an end to it: a
 * client that sends byte by byte could keep it busy. */
static void settle(struct http_server *server) {
    for (unsigned n = 0; n < SETTLE_ROUNDS_MAX; n++) {
        if (!is_busy(server) && !is_readable(server->epoll_fd))
            break;
        run(server);
    }
}

/* Serves all that has arrived, in connections that the kernel holds for us,
 * too, then no more. */
static void quiesce(struct http_server *server) {
    server->last_requests = true;
    for (unsigned n = 0; n < SETTLE_ROUNDS_MAX && is_readable(server->listen_fd); n++) {
        if (server->n_connections == server->config.connections_max)
            break;
        run(server);
    }
    close(MHD_quiesce_daemon(server->daemon));
    server->listen_fd = -1;
    settle(server);
    for (struct deadline *idle = server->waiting.first; idle; idle = idle->next)
        connection_cut_off(request_of_deadline(idle));
    reach(server, STAGE_QUIESCED);
}

static void advance(struct http_server *server, enum stage asked) {
    if (asked >= STAGE_QUIESCED && server->reached < STAGE_QUIESCED)
        quiesce(server);
    if (asked >= STAGE_DRAINED && !server->ending_streams) {
        server->ending_streams = true;
        loop_resume_quiet_streams(server);
    }
    if (server->ending_streams && server->reached < STAGE_DRAINED &&
        atomic_load(&server->n_requests) == 0)
        reach(server, STAGE_DRAINED);
}

/* Does what other threads have asked for; returns the stage they want. */
static enum stage take_requests(struct http_server *server) {
    eventfd_t count;
    eventfd_read(server->wake_fd, &count);
    pthread_mutex_lock(&server->lock);
    struct http_request *continued = server->first_continued;
    bool notified = server->notified;
    enum stage asked = server->asked;
    server->first_continued = NULL;
    server->continued_end = &server->first_continued;
    server->notified = server->woken = false;
    pthread_mutex_unlock(&server->lock);

    answer_continued(continued);
    if (notified)
        loop_resume_quiet_streams(server);
    return asked;
}

static int64_t next_deadline_ms(const struct http_server *server) {
    const struct deadline_queue *queues[] = {&server->waiting, &server->active, &server->quiet};
    int64_t due_ms = server->make_room_ms;
    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++)
        if (queues[i]->first && queues[i]->first->due_ms < due_ms)
            due_ms = queues[i]->first->due_ms;
    return due_ms;
}

/*
 * How long to wait for events. A request that fills libmicrohttpd's buffer
 * with what it can neither take nor refuse (an endless chunk extension) makes
 * it busy for as long as it may last, so a long row of rounds without an event
 * is slowed down. A row of that length is nothing that other requests cause.
 */
static int wait_ms(struct http_server *server) {
    if (is_busy(server))
        return server->n_spins < SPINS_MAX ? 0 : 1;
    int64_t due_ms = next_deadline_ms(server);
    if (due_ms == DEADLINE_NEVER)
        return -1;
    int64_t left_ms = due_ms - clock_monotonic_ms();
    return left_ms < 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

void *loop_run(void *cls) {
    struct http_server *server = cls;
    struct pollfd fds[] = {
        {.fd = server->epoll_fd, .events = POLLIN},
        {.fd = server->wake_fd, .events = POLLIN},
        {.events = POLLIN},
    };
    enum stage asked = STAGE_SERVING;
    server->loop_thread = pthread_self();
    pthread_setname_np(server->loop_thread, "http");
    while (asked < STAGE_STOPPED) {
        fds[2].fd = clients_fd(server);
        int n_events = poll(fds, 3, wait_ms(server));
        server->n_spins = n_events > 0 ? 0 : server->n_spins + 1;
        server->now_ms = clock_monotonic_ms();
        if (n_events > 0 && fds[1].revents)
            asked = take_requests(server);
        if (n_events > 0 && fds[2].revents)
            server->make_room_ms = server->now_ms + MAKE_ROOM_MS; /* unless they are taken now */
        run(server);
        enforce_deadlines(server);
        make_room(server);
        advance(server, asked);
    }
    settle(server); /* sends the answers that came last */
    return NULL;
}
