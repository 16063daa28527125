/*
 * Streams of server-sent events (HTML standard, section 9.2). libmicrohttpd
 * pulls: it calls read_events when the connection can take more, and is told
 * to forget the connection for a while when there is nothing.
 */
#include "http/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE_SIZE = 8 * 1024,       /* handed to an HTTP/1.0 client at once */
    EVENTS_KEPT_MAX = 64 * 1024, /* of a buffer's memory, for what comes next */
    RETRY_STREAM_S = 10,
};

/* Asks for more when all is sent. False: the stream has failed. */
static bool fill(struct http_request *request) {
    struct strbuf *events = &request->events;
    if (request->n_sent < events->len)
        return true;
    if (events->size > EVENTS_KEPT_MAX)
        strbuf_release(events);
    else
        strbuf_reset(events);
    request->n_sent = 0;
    struct error err;
    if (request->stream.next(request->stream.state, events, &err) != OK)
        return false;
    if (events->len == 0 && request->wants_comment)
        strbuf_add_str(events, ":\n\n");
    request->wants_comment = false;
    return true;
}

static ssize_t read_events(void *cls, uint64_t position, char *out, size_t max) {
    (void)position;
    struct http_request *request = cls;
    struct http_server *server = request->server;
    if (!fill(request))
        return MHD_CONTENT_READER_END_WITH_ERROR;

    size_t n = request->events.len - request->n_sent;
    if (n == 0 && server->ending_streams)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == 0) {
        MHD_suspend_connection(request->connection);
        deadline_start(&server->quiet, &request->deadline, server->now_ms);
        return 0;
    }
    if (n > max)
        n = max;
    memcpy(out, request->events.data + request->n_sent, n);
    request->n_sent += n;
    /* A stream may last, but its client has to take each piece in time. */
    deadline_start(&server->active, &request->deadline, server->now_ms);
    return (ssize_t)n;
}

/* HEAD gets the headers; libmicrohttpd would end a stream's HEAD with a chunk. */
static void respond_to_head(struct http_request *request, const struct http_stream *stream) {
    stream->close(stream->state);
    http_respond(request,
                 &(struct http_response){.status = 200, .content_type = "text/event-stream"}, NULL);
}

void http_respond_stream(struct http_request *request, const struct http_stream *stream) {
    struct http_server *server = request->server;
    if (request->is_head) {
        respond_to_head(request, stream);
        return;
    }
    if (server->n_streams == server->streams_max) {
        stream->close(stream->state);
        http_respond_problem(request, &http_problem_unavailable,
                             "as many streams as are allowed are open", NULL, 0, RETRY_STREAM_S);
        return;
    }
    server->n_streams++;
    request->is_stream = true;
    request->wants_comment = true; /* shows the client at once that the stream is open */
    request->stream = *stream;
    struct MHD_Response *reply =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_SIZE, read_events, request, NULL);
    if (!reply)
        abort();
    response_add_headers(reply, &(struct http_response){.content_type = "text/event-stream"});
    response_ready(request, 200, reply);
}

void stream_end(struct http_request *request) {
    if (!request->is_stream)
        return;
    request->is_stream = false;
    request->server->n_streams--;
    request->stream.close(request->stream.state);
    strbuf_release(&request->events);
    request->n_sent = 0;
}
