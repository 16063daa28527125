/*
 * What was said over HTTP while tests ran, to be held against
 * schemas/openapi.json afterwards. Where the environment variable
 * HTTP_EXCHANGES names a folder, each exchange is appended to a file of this
 * process in it: a line "SERVICE STATUS" with six lengths, then six parts of
 * these lengths, in the order of the struct. Any thread.
 */
#pragma once

#include <stddef.h>

struct exchange {
    int status; /* 0: no whole answer came; such an exchange is not noted */
    const char *method;
    const char *url;
    const char *request_headers; /* a line each */
    const char *request;         /* the body */
    size_t request_len;
    const char *answer_headers; /* with the status line */
    const char *answer;
    size_t answer_len;
};

/* What listens on this port from now on; the name must last. */
void exchange_log_name(int port, const char *service);

void exchange_log_add(const struct exchange *exchange);
