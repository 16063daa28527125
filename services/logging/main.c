/*
 * logging-service: keeps the journal of everything that the services did, and
 * shows it on stdout and over HTTP.
 */
#include "logging/handlers.h"

#include <stdlib.h>

static const char *const schema[] = {OUTBOX_SCHEMA INBOX_SCHEMA ANNOUNCER_SCHEMA JOURNAL_SCHEMA,
                                     OUTBOX_SCHEMA_2 INBOX_SCHEMA_2, OUTBOX_SCHEMA_3,
                                     INBOX_SCHEMA_3};

static const struct http_route routes[] = {
    {"GET", "/actions", handle_list_actions},
    {"GET", "/actions/stream", handle_stream_actions},
};

static void close_service(void *context) {
    struct logging_service *service = context;
    journal_close(service->journal);
    journal_close(service->reader);
    strbuf_release(&service->text);
    free(service);
}

static enum status open_service(const struct service_context *context, void **out_service,
                                struct error *err) {
    struct logging_service *service = calloc(1, sizeof *service);
    if (!service)
        abort();
    service->context = context;
    strbuf_init(&service->text);
    enum status status = journal_open(context->db, &service->journal, err);
    if (status == OK)
        status = journal_open(context->reader, &service->reader, err);
    if (status == OK)
        status = announce_rest(service, err);
    if (status != OK) {
        close_service(service);
        return status;
    }
    *out_service = service;
    return OK;
}

static void tell_followers(void *context) {
    struct logging_service *service = context;
    if (*service->context->http)
        http_server_notify(*service->context->http);
}

int main(int argc, char **argv) {
    static const struct service service = {
        .name = "logging-service",
        .summary = "keeps and shows the journal of all actions",
        .database = "logging.db",
        .http_port = "3003",
        .consumer_group = "logging-service-group",
        .is_shared_out = true,
        .announces = true,
        .schema = {schema, sizeof schema / sizeof *schema},
        .routes = routes,
        .n_routes = sizeof routes / sizeof *routes,
        .handlers = {[EVENT_NEW_LOGGING_ACTION] = handle_action},
        .open = open_service,
        .close = close_service,
        .committed = tell_followers,
    };
    return daemon_main(&service, argc, argv);
}
