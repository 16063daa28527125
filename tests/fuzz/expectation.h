/*
 * A client's bytes, read as a second opinion: which requests they are, and what
 * has to become of each and of the connection.
 */
#pragma once

#include "fuzz/http_text.h"
#include "http/http.h"
#include "http/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PIECE_END = 0xff, /* in an input; it is never sent */
    EXPECTED_PIECES_MAX = 16,
    EXPECTED_BODY_MAX = 9000, /* the server's; more than libmicrohttpd's buffer takes */
};

/* A request with this field is none of the input's, but of the test itself. */
#define SYNC_FIELD "Fuzz-Sync"

/* A whole request of the input, and what has to become of it. */
struct expected_request {
    struct http_sent sent;
    struct target target;
    const struct http_route *route;
    int status;    /* of a refusal; 0: its handler decides */
    bool closes;   /* the connection, after the answer */
    bool is_early; /* it is answered before its body is there */
    bool is_sync;  /* our own, not to be met */
    bool is_head;
    bool is_large; /* it may be too large for a connection's memory */
    bool is_met;   /* it has reached its handler */
};

/* How the connection has to end, after the answers to whole requests. */
enum ending {
    ENDS_CLOSED,  /* by the server, after its last answer */
    ENDS_IDLE,    /* it waits for the next request */
    ENDS_CUT,     /* in the middle of one, which may have been refused */
    ENDS_REFUSED, /* what follows is no request: at most one answer, then the end */
    ENDS_STREAM,
};

struct expectation {
    struct strbuf bytes; /* that are to be sent */
    size_t n_pieces;
    size_t piece_ends[EXPECTED_PIECES_MAX];
    bool hangs_up; /* the client leaves without reading an answer */
    size_t n_requests;
    struct expected_request *requests; /* the whole ones, in their order */
    enum ending ending;
    bool rest_is_head; /* what is cut or refused asks for no body */
};

/* Reads an input for a server with these routes, of which the one at
 * `stream_path` answers with a stream. `out` is to be released. */
void expectation_read(struct expectation *out, const uint8_t *data, size_t size,
                      const struct http_routes *routes, const char *stream_path);
void expectation_release(struct expectation *expectation);
