/* The notification-service's events and requests. */
#pragma once

#include "base/strbuf.h"
#include "notification/adapters/notice_store.h"
#include "runtime/daemon.h"

struct notification_service {
    const struct service_context *context;
    struct notice_store *notices; /* in jobs of the writer */
    struct strbuf text;           /* in jobs of the writer: what is printed */
    struct notice_store *reader;  /* in the HTTP thread */
};

/* Sends the notification that a new-order or inventory-empty calls for. */
enum status handle_event(void *service, const struct event *event, struct error *err);

/* Announces what was stored before a crash and may not have been printed. */
enum status announce_rest(struct notification_service *service, struct error *err);

void handle_list_notifications(void *service, struct http_request *request);
