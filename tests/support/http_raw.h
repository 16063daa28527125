/*
 * A client that sends exactly the bytes that it is told, in the pieces that it
 * is told: for requests that no HTTP library would send. Fails the test when
 * the connection does not do what is expected within 10 s.
 */
#pragma once

#include "support/http_client.h"

struct http_raw;

/* Connects to a service; until the end of the test. */
struct http_raw *http_raw_open(int port);

void http_raw_send(struct http_raw *client, const char *text);

/* What comes until the service closes the connection: an answer, or none
 * (status 0). `method` and `target` are those of the request, for the log. */
struct http_answer http_raw_end(struct http_raw *client, const char *method, const char *target);
