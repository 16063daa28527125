/*
 * The HTTP side of a service: a table of routes, requests and answers, problem
 * documents and event streams, over libmicrohttpd.
 *
 * One thread serves all connections and makes all answers. A handler runs in it
 * and must not block for long: it either answers at once, or keeps the request
 * until another thread has done what it takes, and has that thread call
 * http_request_continue. Everything is bounded: connections, header and body
 * size, and the time that a client may take. Requests that two servers could
 * read differently (request smuggling: Transfer-Encoding beside Content-Length,
 * two Content-Lengths, two Hosts, …) get 400 and a closed connection. A request
 * with a chunked body is the last one of its connection, because libmicrohttpd
 * takes chunks that other servers would not.
 */
#pragma once

#include "base/status.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;
struct http_request;

/* Called in the HTTP thread, when the request with its body is complete;
 * `context` is that of the route's table. It answers the request exactly once, by
 * http_respond or one of its kin, or keeps it and sees to it that
 * http_request_continue is called exactly once. */
typedef void http_handler(void *context, struct http_request *request);

/* A route: "GET" and a path whose segments (at most eight) may be parameters,
 * such as "/orders/{orderId}". A HEAD request takes the GET route. The first
 * one that matches is taken, so "/actions/stream" stands before "/actions/{id}". */
struct http_route {
    const char *method;
    const char *path;
    http_handler *handle;
};

/* A table of routes, and what their handlers are given. */
struct http_routes {
    const struct http_route *routes;
    size_t n_routes;
    void *context;
};

enum { HTTP_TABLES_MAX = 4 };

/* No limit or timeout is 0, but where that is said. */
struct http_config {
    const char *address;         /* IPv4 address, such as "127.0.0.1" */
    uint16_t port;               /* 0: any free one */
    size_t body_max;             /* bytes; a larger body is answered with 413 */
    unsigned connections_max;    /* at once; further ones wait in the kernel's backlog */
    unsigned request_timeout_ms; /* from a request's first line to the last byte of its answer,
                                  * then it is cut off; begins anew with the answer when a
                                  * handler keeps the request: that time is the handler's own
                                  * to bound. Each piece of a stream has as long. */
    unsigned idle_timeout_ms;    /* from an answer's end (or the connection's begin) until the
                                  * first line of the next request has arrived. When the process
                                  * has no descriptor for clients that wait, idle connections
                                  * give way sooner: the longest idle one each half second */
    unsigned stream_alive_ms;    /* between the comments in an idle stream; 0: 15 s */
};

/*
 * Binds, listens and starts the thread. The routes of the tables (at most
 * HTTP_TABLES_MAX, looked through in their order) are borrowed until the server
 * is closed. ERR_UNAVAILABLE: the address cannot be bound
 * (the text says which and why, such as "port 3000 of 127.0.0.1 is in use");
 * ERR_INVALID: it is no IPv4 address.
 */
enum status http_server_open(const struct http_config *config, const struct http_routes *tables,
                             size_t n_tables, struct http_server **out, struct error *err);

/* The port it listens on. */
uint16_t http_server_port(const struct http_server *server);

/*
 * The way to stop is: http_server_quiesce, continue what handlers kept,
 * http_server_drain, http_server_close.
 */

/*
 * Stops accepting connections, has the handlers called for all requests that
 * have arrived, and closes idle connections. When it returns, which takes
 * milliseconds, no route's handler is called any more: a request that was incomplete
 * gets 503 when it is complete. From now on every answer carries
 * "Connection: close". Any thread but the HTTP thread.
 */
void http_server_quiesce(struct http_server *server);

/*
 * Quiesces, ends the streams once they have sent what they have, and waits at
 * most `timeout_ms` until every request is answered and the answer is sent.
 * ERR_UNAVAILABLE: some were not (the text says how many). Any thread but the
 * HTTP thread.
 */
enum status http_server_drain(struct http_server *server, unsigned timeout_ms, struct error *err);

/* Ends the thread, cuts off what is not drained, and frees everything. Every
 * request that a handler kept must have been continued by then (or the process
 * is aborted: libmicrohttpd cannot drop one), and no other thread may use the
 * server any more. NULL is fine. */
void http_server_close(struct http_server *server);

/* What the request says. HTTP thread; what is returned may be read by any thread
 * until the request is answered. The path is as it was sent, without the query; the
 * parameters in path and query are percent-decoded and valid UTF-8. A parameter
 * or header that is not there is NULL. A header's name is matched without
 * regard to case. The body is terminated. */
const char *http_request_path(const struct http_request *request);
const char *http_request_parameter(const struct http_request *request, const char *name);
const char *http_request_query(const struct http_request *request, const char *name);
const char *http_request_header(const struct http_request *request, const char *name);
const char *http_request_body(const struct http_request *request, size_t *out_len);

/* Is the body declared as application/json (parameters ignored)? */
bool http_request_is_json(const struct http_request *request);

/* Reads a whole number from the query; `fallback` when it is not there.
 * ERR_INVALID: it is no number from `min` to `max`. */
enum status http_request_query_int(const struct http_request *request, const char *name,
                                   int64_t min, int64_t max, int64_t fallback, int64_t *out,
                                   struct error *err);

/* An answer under construction; the zero value is an empty one. */
struct http_response {
    int status;
    const char *content_type; /* NULL: application/json; a 204 has none */
    const char *location;     /* NULL: no such header */
    const char *allow;        /* NULL: no such header; what a 405 must have */
    unsigned retry_after_s;   /* 0: no such header */
};

/*
 * Answers; nosniff, no-store and Date are added. The response's strings are
 * copied (they must not have line breaks), `body` (NULL: none) is taken over
 * and left empty. HTTP thread; once a request. A client that has ended its
 * sending side may miss the answer of a kept request: libmicrohttpd takes it for
 * gone.
 */
void http_respond(struct http_request *request, const struct http_response *response,
                  struct strbuf *body);

/*
 * Has a kept request answered: `answer` is soon called in the HTTP thread with
 * `context`, and must answer it before it returns, also when the client has gone
 * meanwhile. All answers are asked for in the order of these calls; those that
 * come together wake the HTTP thread once. Any thread, even before the handler
 * has returned; once a request; after it the request belongs to `answer`.
 */
void http_request_continue(struct http_request *request, void (*answer)(void *context),
                           void *context);

/* One kind of problem (RFC 9457): its `type` is "urn:orderflow:problem:" and
 * the code. */
struct http_problem {
    int status;
    const char *code;  /* such as "unknown-product" */
    const char *title; /* the same for every occurrence */
};

/* A member at fault: JSON Pointer and what is wrong with it. */
struct http_fault {
    const char *pointer;
    const char *detail;
};

/*
 * Answers with a problem document: type, title, status, `detail` (this
 * occurrence, for a person), instance (the request's path) and, when there are
 * any, `errors` with a pointer and a detail each. `retry_after_s` as above.
 * HTTP thread.
 */
void http_respond_problem(struct http_request *request, const struct http_problem *problem,
                          const char *detail, const struct http_fault *faults, size_t n_faults,
                          unsigned retry_after_s);

/* Problems that every service can have. The server itself answers a request
 * that is malformed (400), has no route (404, 405) or too large a body (413)
 * with such a document; libmicrohttpd answers what it cannot read (400, 414,
 * 431) with a page of its own. */
extern const struct http_problem http_problem_bad_request;            /* 400 */
extern const struct http_problem http_problem_not_found;              /* 404 */
extern const struct http_problem http_problem_bad_query;              /* 400 */
extern const struct http_problem http_problem_unsupported_media_type; /* 415 */
extern const struct http_problem http_problem_unavailable;            /* 503 */
extern const struct http_problem http_problem_internal;               /* 500 */

/*
 * A stream of server-sent events. `next` is called in the HTTP thread whenever
 * the connection can take more: it appends whole events to `out`, some ten
 * kilobytes at most, or nothing when there are none yet; then it is called
 * again after the next http_server_notify. When it fails, the connection is
 * cut off. `close` frees `state`, once, when the client has gone or the server
 * drains. A comment every now and then keeps an idle stream alive, so that a
 * dead client is noticed.
 */
struct http_stream {
    enum status (*next)(void *state, struct strbuf *out, struct error *err);
    void (*close)(void *state);
    void *state;
};

/*
 * Answers with a stream (200, text/event-stream), and takes `state` over. Only
 * inside the handler. Half of the connections can be streams; one more is
 * closed and answered with 503 and Retry-After.
 */
void http_respond_stream(struct http_request *request, const struct http_stream *stream);

/* Streams may have something to send. Any thread. */
void http_server_notify(struct http_server *server);
