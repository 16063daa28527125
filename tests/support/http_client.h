/*
 * An HTTP client, as a customer's. Each request has a connection of its own.
 * Nothing here fails the test, so all of it can be used in any thread.
 */
#pragma once

#include <stddef.h>

struct http_call {
    const char *method; /* NULL: GET */
    const char *url;
    const char *const *headers; /* "Name: value", NULL ends; NULL: none */
    const char *body;           /* NULL: none */
    size_t body_len;            /* 0: up to the terminator */
};

/* Lives until the end of the test. */
struct http_answer {
    int status;          /* 0: no whole answer came */
    const char *error;   /* then: why */
    const char *headers; /* as received */
    const char *body;
};

struct http_answer http_send(const struct http_call *call);
struct http_answer http_get(const char *url);
struct http_answer http_post(const char *url, const char *json);

/* The header's value, "" when it is missing. For the rest of the test. */
const char *http_header(const struct http_answer *answer, const char *name);
