/*
 * notification-service: tells customers that their order was approved, and
 * buyers that a product has to be refilled, on stdout.
 */
#include "notification/handlers.h"

#include <stdlib.h>

static const char *const schema[] = {
    OUTBOX_SCHEMA INBOX_SCHEMA ANNOUNCER_SCHEMA NOTICE_STORE_SCHEMA, OUTBOX_SCHEMA_2 INBOX_SCHEMA_2,
    OUTBOX_SCHEMA_3, INBOX_SCHEMA_3};

static const struct http_route routes[] = {
    {"GET", "/notifications", handle_list_notifications},
};

static void close_service(void *context) {
    struct notification_service *service = context;
    notice_store_close(service->notices);
    notice_store_close(service->reader);
    strbuf_release(&service->text);
    free(service);
}

static enum status open_service(const struct service_context *context, void **out_service,
                                struct error *err) {
    struct notification_service *service = calloc(1, sizeof *service);
    if (!service)
        abort();
    service->context = context;
    strbuf_init(&service->text);
    enum status status = notice_store_open(context->db, &service->notices, err);
    if (status == OK)
        status = notice_store_open(context->reader, &service->reader, err);
    if (status == OK)
        status = announce_rest(service, err);
    if (status != OK) {
        close_service(service);
        return status;
    }
    *out_service = service;
    return OK;
}

int main(int argc, char **argv) {
    static const struct service service = {
        .name = "notification-service",
        .summary = "tells customers and buyers what happened",
        .database = "notification.db",
        .http_port = "3002",
        .consumer_group = "notification-service-group",
        .is_shared_out = true,
        .announces = true,
        .schema = {schema, sizeof schema / sizeof *schema},
        .routes = routes,
        .n_routes = sizeof routes / sizeof *routes,
        .handlers = {[EVENT_NEW_ORDER] = handle_event, [EVENT_INVENTORY_EMPTY] = handle_event},
        .open = open_service,
        .close = close_service,
    };
    return daemon_main(&service, argc, argv);
}
