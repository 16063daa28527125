#include "fuzz/expectation.h"

#include "http/route.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DISCARD_MAX = 1 << 20, /* longer bodies are refused before they come */
    /* Up to here a request is certain to fit into a connection's memory. */
    HEAD_MAX = 3500,
    COOKIE_MAX = 500,
    RECORDS_MAX = 40, /* headers, in the trailer too, and cookies */
};

static size_t count(struct bytes text, char wanted) {
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += ((const char *)text.data)[i] == wanted;
    return n;
}

static bool is_large(const struct http_sent *sent) {
    struct bytes cookie = http_find_field(&sent->head, "Cookie");
    size_t n_records = sent->head.n_fields + count(cookie, ';') + count(cookie, ',') +
                       count(cookie, '=') + count(sent->trailer, '\n');
    return sent->head.size + sent->trailer.len > HEAD_MAX || cookie.len > COOKIE_MAX ||
           n_records > RECORDS_MAX;
}

static void find_route(struct expected_request *request, const struct http_routes *routes) {
    char method[32];
    snprintf(method, sizeof method, "%.*s", (int)request->sent.method.len,
             (const char *)request->sent.method.data);
    request->route = route_find(routes->routes, routes->n_routes, method, &request->target);
    request->is_head = strcmp(method, "HEAD") == 0;
}

/* The refusal of a request that is clear; 0: there is a handler for it. */
static int refusal_of(const struct expected_request *request, const struct http_routes *routes) {
    struct strbuf methods;
    strbuf_init(&methods);
    route_methods(routes->routes, routes->n_routes, &request->target, &methods);
    bool has_path = methods.len > 0;
    strbuf_release(&methods);
    if (request->sent.length > EXPECTED_BODY_MAX)
        return 413;
    if (!request->route)
        return has_path ? 405 : 404;
    return request->sent.body.len > EXPECTED_BODY_MAX ? 413 : 0;
}

static bool is_answered_early(const struct expected_request *request) {
    const struct http_sent *sent = &request->sent;
    bool is_refused = !request->route || sent->length > EXPECTED_BODY_MAX;
    bool has_body = sent->length > 0 || sent->is_chunked;
    return is_refused ? sent->has_expectation || sent->length > DISCARD_MAX
                      : sent->has_expectation && !has_body;
}

/*
 * Behind a NUL, the server does not see the query, of which libmicrohttpd may
 * make more fields than it has memory for: it waits for more then, until it is
 * cut off.
 */
static void expect_rest(struct bytes line, bool is_refused, struct expectation *out) {
    bool may_wait = line.len > 0 && memchr(line.data, '\0', line.len);
    out->rest_is_head = line.len >= 5 && memcmp(line.data, "HEAD ", 5) == 0;
    out->ending = is_refused && !may_wait ? ENDS_REFUSED : ENDS_CUT;
}

/* Reads the next request; false: it was none. */
static bool read_request(struct bytes text, const struct http_routes *routes,
                         struct expected_request *out, struct expectation *expectation) {
    struct http_sent *sent = &out->sent;
    struct error err;
    enum status target_status = OK;
    *out = (struct expected_request){0};
    target_init(&out->target);
    enum reading reading = http_read_sent(text, sent);
    if (sent->is_clear)
        target_status = target_parse(&out->target, sent->target.data, sent->target.len, &err);
    if (sent->is_clear && target_status == OK) {
        find_route(out, routes);
        out->is_early = is_answered_early(out);
    }
    bool is_refused = reading == READ_MALFORMED || target_status != OK;
    if (is_refused || (reading == READ_CUT && !out->is_early)) {
        expect_rest(sent->head.line, is_refused, expectation);
        return false;
    }
    out->is_large = is_large(sent);
    out->status = refusal_of(out, routes);
    out->closes = sent->closes || sent->is_chunked || out->is_early;
    out->is_sync = http_count_fields(&sent->head, SYNC_FIELD) > 0;
    return true;
}

static void release_request(struct expected_request *request) {
    http_sent_release(&request->sent);
    target_release(&request->target);
}

static void read_pieces(struct expectation *out, const uint8_t *data, size_t size) {
    out->hangs_up = size > 0 && data[size - 1] == PIECE_END;
    for (size_t i = 0; i < size; i++) {
        if (data[i] != PIECE_END)
            strbuf_add_char(&out->bytes, (char)data[i]);
        else if (out->n_pieces < EXPECTED_PIECES_MAX - 1)
            out->piece_ends[out->n_pieces++] = out->bytes.len;
    }
    out->piece_ends[out->n_pieces++] = out->bytes.len;
}

static void read_requests(struct expectation *out, const struct http_routes *routes,
                          const char *stream_path) {
    out->ending = ENDS_IDLE;
    for (size_t at = 0; out->ending == ENDS_IDLE && at < out->bytes.len;) {
        size_t n = out->n_requests;
        out->requests = realloc(out->requests, (n + 1) * sizeof *out->requests);
        assert(out->requests);
        struct expected_request *next = &out->requests[n];
        struct bytes text = {out->bytes.data + at, out->bytes.len - at};
        if (!read_request(text, routes, next, out)) {
            release_request(next);
            return;
        }
        out->n_requests++;
        at += next->sent.size;
        if (next->closes)
            out->ending = ENDS_CLOSED;
        if (next->status == 0 && !next->is_head && strcmp(next->route->path, stream_path) == 0)
            out->ending = ENDS_STREAM;
    }
}

void expectation_read(struct expectation *out, const uint8_t *data, size_t size,
                      const struct http_routes *routes, const char *stream_path) {
    *out = (struct expectation){0};
    strbuf_init(&out->bytes);
    read_pieces(out, data, size);
    read_requests(out, routes, stream_path);
    /* Whether it is a stream or a refusal is not worth to be found out. */
    if (out->ending == ENDS_STREAM && out->requests[out->n_requests - 1].is_large)
        out->hangs_up = true;
}

void expectation_release(struct expectation *expectation) {
    for (size_t i = 0; i < expectation->n_requests; i++)
        release_request(&expectation->requests[i]);
    free(expectation->requests);
    strbuf_release(&expectation->bytes);
    *expectation = (struct expectation){0};
}
