/*
 * What a request must be to reach its handler.
 *
 * libmicrohttpd reads requests more kindly than other servers do: it takes
 * Transfer-Encoding beside Content-Length, the first of two lengths, bare line
 * feeds, folded lines, and values with a NUL in them. Where a proxy in front
 * reads the same bytes in another way, one request can be smuggled inside
 * another (RFC 9112, section 11.2), so all of that is refused.
 *
 * Three of its kindnesses leave no trace that could be seen here. A line of a
 * chunked body may end with a bare line feed: for that, such a request is the
 * last one of its connection. It cuts the headers by writing NULs, so that a NUL
 * which was sent where it would have written one cannot be told from that: NUL
 * and line feed end a header as CR and line feed do. (In the line that ends them
 * it writes one over a colon, too: colon and line feed are an empty line.) And
 * what is before a request is passed over if it is empty lines, or lines that
 * begin with NUL.
 */
#include "http/internal.h"
#include "http/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A longer body that was refused is not even read to its end. */
enum { DISCARD_MAX = 1 << 20 };

static const struct http_problem method_not_allowed = {405, "method-not-allowed",
                                                       "Method not allowed"};
static const struct http_problem content_too_large = {413, "content-too-large",
                                                      "Content too large"};

/* What one pass over the headers finds. */
struct headers {
    const char *next_name; /* where the next header must begin */
    unsigned n_hosts, n_lengths, n_codings;
    uint64_t length; /* Content-Length */
    bool is_chunked; /* the last Transfer-Encoding is just that */
    bool has_expectation;
    const char *fault; /* NULL: none */
};

static bool is_token(const char *name, size_t len) {
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_digit = c >= '0' && c <= '9';
        if (!is_letter && !is_digit && (c == '\0' || !strchr("-!#$%&'*+.^_`|~", c)))
            return false;
    }
    return len > 0;
}

static bool has_control(const char *value, size_t len) {
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

static bool name_is(const char *name, size_t len, const char *wanted) {
    return len == strlen(wanted) && strncasecmp(name, wanted, len) == 0;
}

static void note_header(struct headers *headers, const char *name, size_t name_len,
                        const char *value) {
    if (name_is(name, name_len, "Host")) {
        headers->n_hosts++;
    } else if (name_is(name, name_len, "Content-Length")) {
        headers->n_lengths++;
        headers->length = strtoull(value, NULL, 10); /* libmicrohttpd checked that it is one */
    } else if (name_is(name, name_len, "Transfer-Encoding")) {
        headers->n_codings++;
        headers->is_chunked = strcasecmp(value, "chunked") == 0;
    } else if (name_is(name, name_len, "Expect")) {
        headers->has_expectation = true;
    }
}

/*
 * libmicrohttpd leaves the headers where they were received and cuts them with
 * NULs. It does so for a NUL that was sent as well, for a bare line feed and a
 * folded line: then the next name does not begin two bytes (CR LF) after the
 * end of this value.
 */
static enum MHD_Result scan_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len) {
    (void)kind;
    struct headers *headers = cls;
    if (name != headers->next_name)
        headers->fault = "a header has a NUL, a folded line or a line end other than CR LF";
    else if (!is_token(name, name_len))
        headers->fault = "a header's name has a character that is not allowed";
    else if (has_control(value, value_len))
        headers->fault = "a header's value has a control character";
    if (headers->fault)
        return MHD_NO;
    headers->next_name = value + value_len + 2;
    note_header(headers, name, name_len, value);
    return MHD_YES;
}

static const char *framing_fault(const struct headers *headers, bool is_http_1_0) {
    if (headers->n_hosts > 1)
        return "more than one Host";
    if (headers->n_hosts == 0 && !is_http_1_0)
        return "no Host";
    if (headers->n_lengths > 1)
        return "more than one Content-Length";
    if (headers->n_codings == 0)
        return NULL;
    if (headers->n_lengths > 0)
        return "both Transfer-Encoding and Content-Length";
    if (headers->n_codings > 1 || !headers->is_chunked)
        return "a Transfer-Encoding other than chunked";
    return is_http_1_0 ? "Transfer-Encoding in HTTP/1.0" : NULL;
}

/* As in scan_header: what lies between the parts tells what was sent there. */
static bool line_is_regular(const struct http_request *request, const char *method,
                            const char *version) {
    return is_token(method, strlen(method)) && request->raw_target == method + strlen(method) + 1 &&
           version == request->raw_target + request->raw_target_len + 1;
}

static const char *scan(const struct http_request *request, const char *method, const char *version,
                        struct headers *headers) {
    if (!line_is_regular(request, method, version))
        return "the request line is not method, target and version with one space between";
    headers->next_name = version + strlen(version) + 2;
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, scan_header, headers);
    if (headers->fault)
        return headers->fault;
    size_t size =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)
            ->header_size;
    /* The end of the last line, and the empty one. */
    static const char line_ends[4];
    const char *end = method + size;
    if (headers->next_name + 2 != end || memcmp(end - 4, line_ends, 4) != 0)
        return "the headers have a NUL, a folded line or a line end other than CR LF";
    return framing_fault(headers, strcmp(version, "HTTP/1.0") == 0);
}

static void refuse(struct http_request *request, const struct http_problem *problem, bool at_once,
                   const char *detail) {
    request->refusal = (struct refusal){.problem = problem, .at_once = at_once};
    error_set(&request->refusal.detail, ERR_INVALID, "%s", detail);
}

static void refuse_length(struct http_request *request, bool at_once) {
    refuse(request, &content_too_large, at_once, "");
    error_set(&request->refusal.detail, ERR_INVALID, "the body is larger than %zu bytes",
              request->server->config.body_max);
}

static void find_route(struct http_request *request, const char *method) {
    const struct http_server *server = request->server;
    for (size_t i = 0; i < server->n_tables && !request->route; i++) {
        const struct http_routes *table = &server->tables[i];
        request->route = route_find(table->routes, table->n_routes, method, &request->target);
        request->route_context = table->context;
    }
}

static void refuse_route(struct http_request *request, bool at_once) {
    const struct http_server *server = request->server;
    struct strbuf methods;
    strbuf_init(&methods);
    for (size_t i = 0; i < server->n_tables; i++)
        route_methods(server->tables[i].routes, server->tables[i].n_routes, &request->target,
                      &methods);
    if (methods.len == 0) {
        refuse(request, &http_problem_not_found, at_once, "there is nothing at this path");
    } else {
        refuse(request, &method_not_allowed, at_once, "this path has other methods only");
        snprintf(request->refusal.allow, sizeof request->refusal.allow, "%s", methods.data);
    }
    strbuf_release(&methods);
}

void admission_check_target(struct http_request *request, const char *raw_target) {
    request->raw_target = raw_target;
    request->raw_target_len = strlen(raw_target);
    struct error err;
    if (target_parse(&request->target, raw_target, request->raw_target_len, &err) != OK)
        refuse(request, &http_problem_bad_request, true, err.text);
}

void admission_check_headers(struct http_request *request, const char *method,
                             const char *version) {
    const struct http_server *server = request->server;
    request->is_head = strcmp(method, "HEAD") == 0;
    struct headers headers = {0};
    const char *fault = scan(request, method, version, &headers);
    if (fault) {
        refuse(request, &http_problem_bad_request, true, fault);
        return;
    }
    request->is_last = headers.n_codings > 0;
    /* Of a client that is told to send a body which it does not have,
     * libmicrohttpd takes the next request for that body, and drops both. */
    request->is_whole = headers.has_expectation && headers.length == 0 && headers.n_codings == 0;
    /* A client that asks before it sends its body need not send it in vain. */
    bool at_once = headers.has_expectation || headers.length > DISCARD_MAX;
    find_route(request, method);
    if (headers.length > server->config.body_max)
        refuse_length(request, at_once);
    else if (!request->route)
        refuse_route(request, at_once);
}

bool admission_take_body(struct http_request *request, const char *bytes, size_t n) {
    if (!request->refusal.problem && n > request->server->config.body_max - request->body.len)
        refuse_length(request, false);
    if (!request->refusal.problem) {
        strbuf_add(&request->body, bytes, n);
        return true;
    }
    request->n_discarded += n;
    return request->n_discarded <= DISCARD_MAX;
}
