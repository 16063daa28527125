/* Problem documents (RFC 9457). */
#include "event/json.h"
#include "http/internal.h"

#include <string.h>

const struct http_problem http_problem_bad_request = {400, "bad-request", "Bad request"};
const struct http_problem http_problem_not_found = {404, "not-found", "Not found"};
const struct http_problem http_problem_bad_query = {400, "bad-query", "Bad query parameter"};
const struct http_problem http_problem_unsupported_media_type = {415, "unsupported-media-type",
                                                                 "Unsupported media type"};
const struct http_problem http_problem_unavailable = {503, "unavailable",
                                                      "Temporarily unavailable"};
const struct http_problem http_problem_internal = {500, "internal", "Internal error"};

enum { RETRY_WHEN_STOPPED_S = 5 };

static void add_faults(struct strbuf *out, const struct http_fault *faults, size_t n_faults) {
    strbuf_add_str(out, ",\"errors\":[");
    for (size_t i = 0; i < n_faults; i++) {
        strbuf_add_str(out, i > 0 ? ",{\"pointer\":" : "{\"pointer\":");
        json_add_bytes(out, faults[i].pointer, strlen(faults[i].pointer));
        strbuf_add_str(out, ",\"detail\":");
        json_add_bytes(out, faults[i].detail, strlen(faults[i].detail));
        strbuf_add_char(out, '}');
    }
    strbuf_add_char(out, ']');
}

/* Texts may quote what a client sent, so they need not be valid UTF-8. */
static void write_document(struct strbuf *out, const struct http_problem *problem,
                           const char *detail, const char *instance,
                           const struct http_fault *faults, size_t n_faults) {
    strbuf_printf(out, "{\"type\":\"urn:orderflow:problem:%s\",\"title\":", problem->code);
    json_add_string(out, problem->title);
    strbuf_printf(out, ",\"status\":%d,\"detail\":", problem->status);
    json_add_bytes(out, detail, strlen(detail));
    strbuf_add_str(out, ",\"instance\":");
    json_add_string(out, instance);
    if (n_faults > 0)
        add_faults(out, faults, n_faults);
    strbuf_add_str(out, "}\n");
}

static void respond(struct http_request *request, const struct http_problem *problem,
                    const char *detail, const struct http_fault *faults, size_t n_faults,
                    struct http_response response) {
    struct strbuf body;
    strbuf_init(&body);
    write_document(&body, problem, detail, request->target.path, faults, n_faults);
    response.status = problem->status;
    response.content_type = "application/problem+json";
    http_respond(request, &response, &body);
}

void http_respond_problem(struct http_request *request, const struct http_problem *problem,
                          const char *detail, const struct http_fault *faults, size_t n_faults,
                          unsigned retry_after_s) {
    respond(request, problem, detail, faults, n_faults,
            (struct http_response){.retry_after_s = retry_after_s});
}

void problem_refuse(struct http_request *request) {
    const struct refusal *refusal = &request->refusal;
    struct http_response response = {.allow = *refusal->allow ? refusal->allow : NULL};
    if (refusal->problem->status == 503)
        response.retry_after_s = RETRY_WHEN_STOPPED_S;
    respond(request, refusal->problem, refusal->detail.text, NULL, 0, response);
}
