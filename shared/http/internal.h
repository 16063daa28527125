/*
 * What the files of this module share; callers have http.h.
 *
 * A connection has one request at a time, so both live in one struct, which is
 * made with the connection. It is in one of the server's queues, which says
 * what the connection waits for and how long it may:
 *
 *     waiting ── first line ──▶ active         active ── handler keeps it ──▶ kept
 *     active ── answer sent ──▶ waiting        kept ── continued ──▶ active
 *                                              active ── nothing to stream ──▶ quiet
 *                                              quiet ── notified, comment due ──▶ active
 *
 * A kept or quiet connection is suspended: libmicrohttpd does not look at it.
 * Only the HTTP thread calls libmicrohttpd.
 */
#pragma once

#include "base/status.h"
#include "base/strbuf.h"
#include "http/deadline.h"
#include "http/http.h"
#include "http/target.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far the server has come on its way to the end. */
enum stage {
    STAGE_SERVING,
    STAGE_QUIESCED, /* no new connections, no handler is called any more */
    STAGE_DRAINED,  /* no request is open */
    STAGE_STOPPED,  /* the thread has ended */
};

struct http_server {
    struct http_config config;
    struct http_routes tables[HTTP_TABLES_MAX];
    size_t n_tables;
    unsigned streams_max;

    struct MHD_Daemon *daemon;
    int listen_fd; /* -1: closed */
    int epoll_fd;  /* the daemon's */
    int wake_fd;
    uint16_t port;
    pthread_t thread;
    bool has_thread;

    /* The HTTP thread's own. */
    pthread_t loop_thread;
    int64_t now_ms; /* when the loop last woke up */
    struct deadline_queue waiting, active, kept, quiet;
    unsigned n_connections;
    unsigned n_streams;
    int64_t make_room_ms; /* when an idle connection has to give way; DEADLINE_NEVER: no
                           * client is known to wait */
    unsigned n_spins;     /* rounds in sequence that no event caused */
    bool run_again;       /* libmicrohttpd has to do what no event announces */
    bool last_requests;   /* answers close their connections */
    bool ending_streams;
    atomic_uint n_requests; /* open ones; written by the HTTP thread */

    /* Under the lock: what other threads want. */
    pthread_mutex_t lock;
    pthread_cond_t stage_reached;
    bool woken; /* wake_fd is written, or about to be */
    bool notified;
    struct http_request *first_continued; /* kept requests, to be answered in this order */
    struct http_request **continued_end;
    enum stage asked, reached;
};

/* How far a request has come in the HTTP thread. */
enum request_step {
    STEP_NONE,    /* the connection has no request */
    STEP_HEADERS, /* the first line is there */
    STEP_BODY,    /* admitted */
    STEP_HANDLED, /* the handler has been called */
};

/* Why a request does not reach its handler; the zero value: it does. */
struct refusal {
    const struct http_problem *problem;
    bool at_once;   /* without reading its body; the connection closes */
    char allow[64]; /* of a 405 */
    struct error detail;
};

struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    int fd;
    struct deadline deadline;

    enum request_step step;
    const char *raw_target; /* where libmicrohttpd has it, for admission */
    size_t raw_target_len;
    struct target target;
    const struct http_route *route;
    void *route_context;
    bool is_head;
    bool is_last;  /* its answer closes the connection */
    bool is_whole; /* with its head: it is handled without another call */
    bool was_kept;
    struct refusal refusal;
    struct strbuf body;
    size_t n_discarded; /* bytes of the body of a refused request */

    void (*answer)(void *context); /* of a kept request that is continued */
    void *answer_context;
    struct http_request *next_continued;
    int status;
    struct MHD_Response *response; /* from answer to sending */

    bool is_stream;
    bool wants_comment; /* a quiet stream has to show that it is alive */
    struct http_stream stream;
    struct strbuf events; /* of the stream, from n_sent on not sent */
    size_t n_sent;
};

/* connection.c: the callbacks of libmicrohttpd. */
void connection_on_change(void *server, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code);
void *connection_on_line(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result connection_on_data(void *cls, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *bytes,
                                   size_t *n_bytes, void **context);
void connection_on_end(void *cls, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode code);

/* Has libmicrohttpd find out that the connection has ended. What is in the
 * socket's buffer is still sent. */
void connection_cut_off(struct http_request *request);

struct http_request *request_of_deadline(struct deadline *deadline);

/* admission.c: sets the request's target and route, or its refusal. */
void admission_check_target(struct http_request *request, const char *raw_target);
void admission_check_headers(struct http_request *request, const char *method, const char *version);

/* Takes a piece of the body. False: it is far too long, cut the client off. */
bool admission_take_body(struct http_request *request, const char *bytes, size_t n);

/* problem.c: answers a refused request. */
void problem_refuse(struct http_request *request);

/* response.c */

/* An answer's headers, for a body made by the caller. */
void response_add_headers(struct MHD_Response *reply, const struct http_response *response);

/* Keeps the answer, which it takes over, until it can be sent. */
void response_ready(struct http_request *request, int status, struct MHD_Response *reply);

/* Gives a ready answer to libmicrohttpd, inside its callback. */
enum MHD_Result response_send(struct http_request *request);

/* stream.c: the connection's request has ended. */
void stream_end(struct http_request *request);

/* loop.c */

/* The HTTP thread, for pthread_create; runs until STAGE_STOPPED is asked for. */
void *loop_run(void *server);

/* Lets libmicrohttpd look at the quiet streams again. HTTP thread, or after it. */
void loop_resume_quiet_streams(struct http_server *server);
