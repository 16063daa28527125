/*
 * Messages of HTTP/1.x as RFC 9112 writes them, read from bytes: what a client
 * has sent and what a server has answered. It shares nothing with the code
 * under test, and is as strict as that code promises to be. Where libmicrohttpd
 * reads more kindly and nobody above it can see that, this does the same; each
 * such place says so.
 */
#pragma once

#include "base/strbuf.h"
#include "event/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than a connection's 8 kB of memory hold: each takes 56 bytes there, and its text. */
enum { HTTP_FIELDS_MAX = 160 };

struct http_field {
    struct bytes name;
    struct bytes value; /* white space in front of it left out */
};

/* A message's first line and fields. */
struct http_head {
    struct bytes line;
    size_t n_fields;
    struct http_field fields[HTTP_FIELDS_MAX];
    size_t size; /* with the empty line at its end */
};

enum reading {
    READ_WHOLE,
    READ_MALFORMED, /* and that can be told from the bytes */
    READ_CUT,       /* may become whole */
};

/* Everything but the first line is checked. Points into `text`. */
enum reading http_read_head(struct bytes text, struct http_head *out);

bool http_bytes_are(struct bytes bytes, const char *text);

/* The same without regard to case. */
bool http_bytes_are_like(struct bytes bytes, const char *text);

size_t http_count_fields(const struct http_head *head, const char *name);

/* The first field of that name; NULL `data`: there is none. */
struct bytes http_find_field(const struct http_head *head, const char *name);

/* Is `token` in the lists that the fields of that name are? */
bool http_has_token(const struct http_head *head, const char *name, const char *token);

/* Reads digits and nothing else; false: it is something else or above UINT64_MAX. */
bool http_read_number(struct bytes digits, uint64_t *out);

/* Appends the content of a chunked body to `out`. Where it is whole, it ends with `trailer`. */
enum reading http_read_chunks(struct bytes text, struct strbuf *out, struct bytes *trailer);

/* A client's request. */
struct http_sent {
    struct http_head head;
    bool is_clear; /* the head is whole, and so are the members below */
    struct bytes method, target;
    bool is_http_1_0, is_chunked;
    bool has_expectation;
    bool closes;     /* the client wants the connection to end */
    uint64_t length; /* Content-Length; 0 if there is none */
    struct strbuf body;
    struct bytes trailer; /* of a chunked body that is whole */
    size_t size;
};

/*
 * The next request. READ_MALFORMED: its head is whole and wrong. READ_CUT also
 * where a chunk is malformed: that ends the connection, too. `out` is to be
 * released whatever is returned.
 */
enum reading http_read_sent(struct bytes text, struct http_sent *out);
void http_sent_release(struct http_sent *sent);
