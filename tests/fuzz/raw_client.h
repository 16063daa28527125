/*
 * A client that sends bytes to the server under test and takes its answers
 * apart. What is not as RFC 9112 has it, or does not come in time, fails.
 */
#pragma once

#include "base/strbuf.h"
#include "fuzz/http_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raw_client {
    int fd;
    bool has_ended; /* the server has closed */
    struct strbuf in;
    size_t at; /* up to here, answers were taken */
};

/* An answer; points into the client's memory until it receives more. */
struct http_answer {
    int status;
    struct http_head head;
    struct bytes body;
};

/* Connects to 127.0.0.1. */
void raw_client_open(struct raw_client *client, uint16_t port);

/* Resets the connection, so that no port has to wait for its next use. */
void raw_client_close(struct raw_client *client);

/* What a server that has closed does not take is no fault of the client. */
void raw_client_send(const struct raw_client *client, const char *bytes, size_t n);

/* Waits for more; false: the server has closed. */
bool raw_client_receive(struct raw_client *client);

/* Receives what is there, without waiting. */
void raw_client_receive_rest(struct raw_client *client);

/* What has come and was not taken. */
struct bytes raw_client_unread(const struct raw_client *client);

/* Reads an answer's head without taking it; false: the server has closed before
 * there was any. */
bool raw_client_read_head(struct raw_client *client, struct http_answer *out);

/* Takes the next answer, 100 included, whose length has to be in its head;
 * false as above. `has_body` is false for the answer to HEAD. */
bool raw_client_take_answer(struct raw_client *client, bool has_body, struct http_answer *out);
