/* The life of a connection and its requests: what libmicrohttpd calls. */
#include "http/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A body's memory is kept for the connection's next request up to this. */
enum { BODY_KEPT_MAX = 16 * 1024 };

struct http_request *request_of_deadline(struct deadline *deadline) {
    return (struct http_request *)((char *)deadline - offsetof(struct http_request, deadline));
}

static struct http_request *request_new(struct http_server *server,
                                        struct MHD_Connection *connection) {
    struct http_request *request = calloc(1, sizeof *request);
    if (!request)
        abort();
    request->server = server;
    request->connection = connection;
    request->fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    target_init(&request->target);
    strbuf_init(&request->body);
    strbuf_init(&request->events);
    return request;
}

static void request_free(struct http_request *request) {
    deadline_stop(&request->deadline);
    target_release(&request->target);
    strbuf_release(&request->body);
    strbuf_release(&request->events);
    free(request);
}

void connection_cut_off(struct http_request *request) {
    shutdown(request->fd, SHUT_RDWR);
}

static void begin(struct http_request *request) {
    request->step = STEP_HEADERS;
    request->route = NULL;
    request->is_head = request->is_last = request->is_whole = request->was_kept = false;
    request->refusal.problem = NULL;
    request->n_discarded = 0;
    atomic_fetch_add(&request->server->n_requests, 1);
    deadline_start(&request->server->active, &request->deadline, request->server->now_ms);
}

/*
 * libmicrohttpd is told once that a client has ended its sending side, and
 * forgets it when it reads the client's last bytes after that: it would keep the
 * connection until the idle timeout. This tells it again. A connection that was
 * suspended needs none: libmicrohttpd hands it to epoll anew, which tells it again.
 */
static void repeat_end_of_input(const struct http_request *request) {
    char byte;
    if (recv(request->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        shutdown(request->fd, SHUT_RD);
}

static void end(struct http_request *request) {
    if (request->step == STEP_NONE)
        return;
    request->step = STEP_NONE;
    stream_end(request);
    if (request->response)
        MHD_destroy_response(request->response);
    request->response = NULL;
    if (request->body.size > BODY_KEPT_MAX)
        strbuf_release(&request->body);
    else
        strbuf_reset(&request->body);
    atomic_fetch_sub(&request->server->n_requests, 1);
    if (request->server->last_requests)
        connection_cut_off(request); /* the answer may have begun before that was so */
    else if (!request->was_kept)
        repeat_end_of_input(request);
    deadline_start(&request->server->waiting, &request->deadline, request->server->now_ms);
}

void connection_on_change(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code) {
    struct http_server *server = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        struct http_request *request = request_new(server, connection);
        deadline_start(&server->waiting, &request->deadline, server->now_ms);
        server->n_connections++;
        server->make_room_ms = DEADLINE_NEVER;
        *context = request;
        return;
    }
    struct http_request *request = *context;
    end(request); /* if libmicrohttpd did not say so: it has ways to drop a connection */
    request_free(request);
    server->n_connections--;
    /* At its limit of connections, or the process' of descriptors, which it does
     * not tell, libmicrohttpd looks for new ones only when it is run. */
    server->run_again = true;
}

/*
 * Has libmicrohttpd find no fields in the query: nobody here asks for them, and
 * when they are more than its memory for the connection can take, it loses the
 * rest of the request and waits for that. `target` is in its buffer, which it
 * writes to by itself, and is read again only up to the "?".
 */
static void hide_query(const char *target) {
    const char *mark = strchr(target, '?');
    if (mark)
        *(char *)(mark + 1) = '\0';
}

void *connection_on_line(void *cls, const char *uri, struct MHD_Connection *connection) {
    (void)cls;
    struct http_request *request =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    begin(request);
    admission_check_target(request, uri);
    hide_query(uri);
    return request;
}

static void refuse_when_quiesced(struct http_request *request) {
    request->refusal = (struct refusal){
        .problem = &http_problem_unavailable,
        .detail = {"the service is stopping"},
    };
}

/* The request is complete: has it answered, or keeps it until it is. */
static enum MHD_Result handle(struct http_request *request) {
    struct http_server *server = request->server;
    request->step = STEP_HANDLED;
    if (server->reached >= STAGE_QUIESCED && !request->refusal.problem)
        refuse_when_quiesced(request);
    if (request->refusal.problem)
        problem_refuse(request);
    else
        request->route->handle(request->route_context, request);

    if (request->response)
        return response_send(request);
    /* One that is continued already is still suspended first: this thread answers
     * it, and not before this call has returned. */
    request->was_kept = true;
    MHD_suspend_connection(request->connection);
    deadline_start(&server->kept, &request->deadline, server->now_ms);
    return MHD_YES;
}

static enum MHD_Result admit(struct http_request *request, const char *method,
                             const char *version) {
    request->step = STEP_BODY;
    if (!request->refusal.problem)
        admission_check_headers(request, method, version);
    /* An answer to the first call closes the connection, so that others wait
     * for the last one. */
    if (request->refusal.problem ? request->refusal.at_once : request->is_whole)
        return handle(request);
    return MHD_YES;
}

enum MHD_Result connection_on_data(void *cls, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *bytes,
                                   size_t *n_bytes, void **context) {
    (void)cls, (void)connection, (void)url;
    struct http_request *request = *context;
    if (request->step == STEP_HEADERS)
        return admit(request, method, version);
    if (request->step == STEP_HANDLED)
        return response_send(request);
    if (*n_bytes == 0)
        return handle(request);
    size_t n = *n_bytes;
    *n_bytes = 0;
    return admission_take_body(request, bytes, n) ? MHD_YES : MHD_NO;
}

void connection_on_end(void *cls, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode code) {
    (void)cls, (void)connection, (void)code;
    end(*context);
}
