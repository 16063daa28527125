/*
 * inventory-service: keeps the stock. It takes each order off the stock,
 * refills what runs low, and says so with an inventory-empty event.
 */
#include "inventory/handlers.h"

#include <stdlib.h>

static const char *const schema[] = {OUTBOX_SCHEMA INBOX_SCHEMA STOCK_STORE_SCHEMA,
                                     OUTBOX_SCHEMA_2 INBOX_SCHEMA_2 STOCK_STORE_SCHEMA_2,
                                     OUTBOX_SCHEMA_3, INBOX_SCHEMA_3};

static const struct http_route routes[] = {
    {"GET", "/stock", handle_list_stock},
    {"GET", "/stock/{productId}", handle_get_stock},
    {"GET", "/stock/{productId}/movements", handle_list_movements},
    {"GET", "/movements", handle_list_movements},
};

static void close_service(void *context) {
    struct inventory_service *service = context;
    stock_store_close(service->stock);
    stock_store_close(service->reader);
    free(service);
}

static enum status open_service(const struct service_context *context, void **out_service,
                                struct error *err) {
    struct inventory_service *service = calloc(1, sizeof *service);
    if (!service)
        abort();
    service->context = context;
    enum status status = stock_store_open(context->db, &service->stock, err);
    if (status == OK)
        status = stock_store_open(context->reader, &service->reader, err);
    if (status != OK) {
        close_service(service);
        return status;
    }
    *out_service = service;
    return OK;
}

int main(int argc, char **argv) {
    static const struct service service = {
        .name = "inventory-service",
        .summary = "keeps the stock, and refills what runs low",
        .database = "inventory.db",
        .http_port = "3001",
        .consumer_group = "inventory-service-group",
        .schema = {schema, sizeof schema / sizeof *schema},
        .routes = routes,
        .n_routes = sizeof routes / sizeof *routes,
        .handlers = {[EVENT_NEW_ORDER] = handle_new_order},
        .batch = {begin_batch, end_batch},
        .open = open_service,
        .close = close_service,
    };
    return daemon_main(&service, argc, argv);
}
