#include "http/internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* Fails without memory, or at a line break in the value: that is a caller's
 * bug, which must not become a second header. */
static void add_header(struct MHD_Response *reply, const char *name, const char *value) {
    if (MHD_add_response_header(reply, name, value) != MHD_YES)
        abort();
}

void response_add_headers(struct MHD_Response *reply, const struct http_response *response) {
    const char *type = response->content_type ? response->content_type : "application/json";
    if (response->status != MHD_HTTP_NO_CONTENT)
        add_header(reply, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    add_header(reply, "X-Content-Type-Options", "nosniff");
    add_header(reply, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (response->location)
        add_header(reply, MHD_HTTP_HEADER_LOCATION, response->location);
    if (response->allow)
        add_header(reply, MHD_HTTP_HEADER_ALLOW, response->allow);
    if (response->retry_after_s > 0) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%u", response->retry_after_s);
        add_header(reply, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
}

void response_ready(struct http_request *request, int status, struct MHD_Response *reply) {
    assert(pthread_equal(pthread_self(), request->server->loop_thread));
    assert(!request->response); /* answered twice */
    request->status = status;
    request->response = reply;
}

void http_respond(struct http_request *request, const struct http_response *response,
                  struct strbuf *body) {
    size_t len = 0;
    char *bytes = body ? strbuf_detach(body, &len) : NULL;
    struct MHD_Response *reply = MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
    if (!reply)
        abort();
    response_add_headers(reply, response);
    response_ready(request, response->status, reply);
}

enum MHD_Result response_send(struct http_request *request) {
    struct MHD_Response *reply = request->response;
    request->response = NULL;
    if (request->is_last || request->server->last_requests)
        add_header(reply, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result result =
        MHD_queue_response(request->connection, (unsigned)request->status, reply);
    MHD_destroy_response(reply);
    return result;
}
