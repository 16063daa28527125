/* The logging-service's events and requests. */
#pragma once

#include "base/strbuf.h"
#include "logging/adapters/journal.h"
#include "runtime/daemon.h"

struct logging_service {
    const struct service_context *context;
    struct journal *journal; /* in jobs of the writer */
    struct strbuf text;      /* in jobs of the writer: what is printed */
    struct journal *reader;  /* in the HTTP thread */
};

/* Enters an action into the journal. */
enum status handle_action(void *service, const struct event *event, struct error *err);

/* Announces what was stored before a crash and may not have been printed. */
enum status announce_rest(struct logging_service *service, struct error *err);

void handle_list_actions(void *service, struct http_request *request);

/* Sends each action as it is entered, as server-sent events; a client that
 * comes back with Last-Event-ID gets what it missed. */
void handle_stream_actions(void *service, struct http_request *request);
