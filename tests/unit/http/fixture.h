/*
 * A server with handlers for every behaviour under test, and a client that
 * speaks to it byte by byte. Every wait has a deadline: what does not come
 * within it fails the test.
 */
#pragma once

#include "base/clock.h"
#include "base/strbuf.h"
#include "http/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    PATIENCE_MS = 5000,
    BODY_MAX = 64 * 1024,
    LARGE_ANSWER = 16 * 1024 * 1024, /* more than any socket buffer */
    KEPT_MAX = 256,
};

/* The server, and what its handlers and the test share. */
struct fixture {
    struct http_config config;
    struct http_server *server;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_request *kept[KEPT_MAX];
    size_t n_kept;
    unsigned n_handled;
    unsigned n_streams_closed;
    char events[256]; /* what streams have not sent yet */
    bool streams_fail;
};

struct client {
    int fd;
    struct strbuf in;
    size_t at; /* of the first byte that no reply has used */
};

struct reply {
    int status;
    char head[4096];
    struct strbuf body;
};

static inline void answer_text(struct http_request *request, const char *text) {
    struct strbuf body;
    strbuf_init(&body);
    strbuf_add_str(&body, text);
    http_respond(request, &(struct http_response){.status = 200, .content_type = "text/plain"},
                 &body);
}

static inline void answer_late(void *request) {
    answer_text(request, "late");
}

/* What the test's thread does with a request that handle_later has kept. */
static inline void continue_late(struct http_request *request) {
    http_request_continue(request, answer_late, request);
}

static inline void count_handled(struct fixture *fixture) {
    pthread_mutex_lock(&fixture->lock);
    fixture->n_handled++;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
}

static inline void handle_ping(void *service, struct http_request *request) {
    count_handled(service);
    answer_text(request, "pong");
}

static inline void handle_order(void *service, struct http_request *request) {
    count_handled(service);
    answer_text(request, http_request_parameter(request, "orderId"));
}

static inline void handle_search(void *service, struct http_request *request) {
    count_handled(service);
    int64_t limit = 0;
    struct error err;
    if (http_request_query_int(request, "limit", 1, 100, 10, &limit, &err) != OK) {
        http_respond_problem(request, &http_problem_bad_query, err.text, NULL, 0, 0);
        return;
    }
    const char *customer = http_request_query(request, "customerId");
    char text[256];
    snprintf(text, sizeof text, "%s %lld", customer ? customer : "anybody", (long long)limit);
    answer_text(request, text);
}

static inline void handle_echo(void *service, struct http_request *request) {
    count_handled(service);
    struct strbuf body;
    strbuf_init(&body);
    size_t len;
    const char *bytes = http_request_body(request, &len);
    strbuf_add(&body, bytes, len);
    http_respond(request,
                 &(struct http_response){
                     .status = 201,
                     .content_type = http_request_header(request, "content-TYPE"),
                     .location = http_request_path(request),
                     .retry_after_s = http_request_is_json(request) ? 7 : 0,
                 },
                 &body);
}

static inline void handle_fault(void *service, struct http_request *request) {
    static const struct http_problem problem = {422, "unknown-product", "Unknown \"product\""};
    const struct http_fault faults[] = {
        {"/products/0", "is \xff not known"},
        {"/products/1", "is not known"},
    };
    count_handled(service);
    http_respond_problem(request, &problem, "two faults", faults, 2, 3);
}

static inline void handle_later(void *service, struct http_request *request) {
    struct fixture *fixture = service;
    pthread_mutex_lock(&fixture->lock);
    if (fixture->n_kept == KEPT_MAX)
        abort();
    fixture->kept[fixture->n_kept++] = request;
    fixture->n_handled++;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
}

static inline void handle_large(void *service, struct http_request *request) {
    count_handled(service);
    struct strbuf body;
    strbuf_init(&body);
    static const char line[1024] = "large";
    for (int n = 0; n < LARGE_ANSWER; n += (int)sizeof line)
        strbuf_add(&body, line, sizeof line);
    http_respond(request, &(struct http_response){.status = 200}, &body);
}

static inline enum status next_events(void *state, struct strbuf *out, struct error *err) {
    struct fixture *fixture = state;
    pthread_mutex_lock(&fixture->lock);
    strbuf_add_str(out, fixture->events);
    fixture->events[0] = '\0';
    bool fails = fixture->streams_fail;
    pthread_mutex_unlock(&fixture->lock);
    return fails ? error_set(err, ERR_UNAVAILABLE, "no more") : OK;
}

static inline enum status next_flood(void *state, struct strbuf *out, struct error *err) {
    (void)state, (void)err;
    for (int i = 0; i < 400; i++)
        strbuf_add_str(out, "data: flood of events\n\n");
    return OK;
}

static inline void close_events(void *state) {
    struct fixture *fixture = state;
    pthread_mutex_lock(&fixture->lock);
    fixture->n_streams_closed++;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
}

static inline void handle_stream(void *service, struct http_request *request) {
    count_handled(service);
    http_respond_stream(request, &(struct http_stream){next_events, close_events, service});
}

static inline void handle_flood(void *service, struct http_request *request) {
    count_handled(service);
    http_respond_stream(request, &(struct http_stream){next_flood, close_events, service});
}

static const struct http_route fixture_routes[] = {
    {"GET", "/ping", handle_ping},     {"GET", "/orders/{orderId}", handle_order},
    {"GET", "/orders", handle_search}, {"POST", "/orders", handle_echo},
    {"POST", "/fault", handle_fault},  {"POST", "/later", handle_later},
    {"GET", "/large", handle_large},   {"GET", "/stream", handle_stream},
    {"GET", "/flood", handle_flood},
};

static inline struct timespec from_now(unsigned ms) {
    int64_t due_ms = clock_now_ms() + ms;
    return (struct timespec){.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000};
}

/* Waits until `*counter`, which the lock guards, is at least `n`. */
static inline void wait_for(struct fixture *fixture, const unsigned *counter, unsigned n) {
    struct timespec due = from_now(PATIENCE_MS);
    int failure = 0;
    pthread_mutex_lock(&fixture->lock);
    while (*counter < n && failure == 0)
        failure = pthread_cond_timedwait(&fixture->changed, &fixture->lock, &due);
    unsigned reached = *counter;
    pthread_mutex_unlock(&fixture->lock);
    if (reached < n)
        fail_msg("waited for %u, got %u", n, reached);
}

/* In two tables, as a service has its own routes and those of every service. */
static inline enum status fixture_try_open(struct fixture *fixture, struct error *err) {
    enum { N_ROUTES = sizeof fixture_routes / sizeof fixture_routes[0], N_FIRST = 2 };
    const struct http_routes tables[] = {
        {fixture_routes, N_FIRST, fixture},
        {fixture_routes + N_FIRST, N_ROUTES - N_FIRST, fixture},
    };
    return http_server_open(&fixture->config, tables, 2, &fixture->server, err);
}

static inline void fixture_open(struct fixture *fixture) {
    struct error err;
    enum status status = fixture_try_open(fixture, &err);
    if (status != OK)
        fail_msg("%s", err.text);
}

static inline void fixture_init(struct fixture *fixture) {
    *fixture = (struct fixture){
        .config = {.address = "127.0.0.1",
                   .body_max = BODY_MAX,
                   .connections_max = 300,
                   .request_timeout_ms = PATIENCE_MS,
                   .idle_timeout_ms = 2 * PATIENCE_MS},
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
}

/* Opens a server with the usual limits. */
static inline void fixture_start(struct fixture *fixture) {
    fixture_init(fixture);
    fixture_open(fixture);
}

/* Continues everything that was kept, and closes. */
static inline void fixture_stop(struct fixture *fixture) {
    struct error err = {""};
    http_server_quiesce(fixture->server);
    for (size_t i = 0; i < fixture->n_kept; i++)
        continue_late(fixture->kept[i]);
    if (http_server_drain(fixture->server, PATIENCE_MS, &err) != OK)
        fail_msg("%s", err.text);
    http_server_close(fixture->server);
}

static inline struct http_request *take_kept(struct fixture *fixture) {
    wait_for(fixture, &fixture->n_handled, 1);
    pthread_mutex_lock(&fixture->lock);
    assert_true(fixture->n_kept > 0);
    struct http_request *request = fixture->kept[--fixture->n_kept];
    pthread_mutex_unlock(&fixture->lock);
    return request;
}

static inline int connect_to(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&name, sizeof name) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline void client_open(struct client *client, const struct fixture *fixture) {
    *client = (struct client){.fd = connect_to(http_server_port(fixture->server))};
    assert_true(client->fd >= 0);
    strbuf_init(&client->in);
}

static inline void client_close(struct client *client) {
    close(client->fd);
    strbuf_release(&client->in);
}

/* What a server that has closed does not take is no fault of the client. */
static inline void client_send_bytes(struct client *client, const void *bytes, size_t n) {
    for (size_t sent = 0; sent < n;) {
        ssize_t more = send(client->fd, (const char *)bytes + sent, n - sent, MSG_NOSIGNAL);
        if (more < 0)
            return;
        sent += (size_t)more;
    }
}

static inline void client_send(struct client *client, const char *text) {
    client_send_bytes(client, text, strlen(text));
}

/* Reads what has come; 0: the server has closed. Fails after `PATIENCE_MS`. */
static inline size_t client_receive(struct client *client) {
    struct pollfd fds = {.fd = client->fd, .events = POLLIN};
    if (poll(&fds, 1, PATIENCE_MS) != 1)
        fail_msg("nothing came; until now: %s", client->in.data);
    char bytes[16384];
    ssize_t n = recv(client->fd, bytes, sizeof bytes, 0);
    if (n > 0)
        strbuf_add(&client->in, bytes, (size_t)n);
    return n > 0 ? (size_t)n : 0;
}

static inline void client_wait_for_text(struct client *client, const char *text) {
    while (!strstr(client->in.data + client->at, text))
        if (client_receive(client) == 0)
            fail_msg("closed without %s; until now: %s", text, client->in.data);
}

static inline void client_wait_until_closed(struct client *client) {
    while (client_receive(client) > 0)
        continue;
}

/* The value of a header in a reply's head, up to the line's end; NULL: none. */
static inline const char *header_of(const struct reply *reply, const char *name) {
    static char value[256];
    size_t len = strlen(name);
    for (const char *line = strchr(reply->head, '\n'); line; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, name, len) != 0 || line[len] != ':')
            continue;
        snprintf(value, sizeof value, "%.*s", (int)strcspn(line + len + 2, "\r"), line + len + 2);
        return value;
    }
    return NULL;
}

/* Reads the next reply. `has_body` is false for the reply to HEAD. */
static inline void client_read(struct client *client, bool has_body, struct reply *reply) {
    client_wait_for_text(client, "\r\n\r\n");
    const char *head = client->in.data + client->at;
    size_t head_len = (size_t)(strstr(head, "\r\n\r\n") + 4 - head);
    assert_true(head_len < sizeof reply->head);
    memcpy(reply->head, head, head_len);
    reply->head[head_len] = '\0';
    reply->status = atoi(reply->head + strlen("HTTP/1.1 "));
    client->at += head_len;

    const char *length = header_of(reply, "Content-Length");
    size_t body_len = has_body && length ? strtoul(length, NULL, 10) : 0;
    while (client->in.len - client->at < body_len)
        if (client_receive(client) == 0)
            fail_msg("closed inside a body of %zu bytes", body_len);
    strbuf_init(&reply->body);
    strbuf_add(&reply->body, client->in.data + client->at, body_len);
    client->at += body_len;
}

static inline void reply_release(struct reply *reply) {
    strbuf_release(&reply->body);
}

/* Sends a request that must get `status`, and forgets the reply. */
static inline void client_expect(struct client *client, const char *text, int status) {
    struct reply reply;
    client_send(client, text);
    client_read(client, true, &reply);
    if (reply.status != status)
        fail_msg("expected %d for %.200s\ngot %s%s", status, text, reply.head, reply.body.data);
    reply_release(&reply);
}

#define PING "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define LATER "POST /later HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
