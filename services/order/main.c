/*
 * order-service: takes orders. It owns the catalogue and the orders, and
 * publishes each accepted order as a new-order event.
 */
#include "order/adapters/catalogue_file.h"
#include "order/adapters/customer_index.h"
#include "order/adapters/playground.h"
#include "order/handlers.h"

#include <stdlib.h>

static const struct env_setting settings[] = {
    ENV_TEXT(struct order_config, catalogue_file, "CATALOGUE_FILE", "services/order/catalogue.json",
             "JSON file with the products that can be ordered"),
    ENV_CHOICE(struct order_config, catalogue_writes, "CATALOGUE_WRITES", "false", "false|true",
               "true: products can be saved and deleted over HTTP"),
    ENV_TEXT(struct order_config, playground_topics, "PLAYGROUND_TOPICS", "",
             "topics, comma-separated, to which POST /topics/{topic} publishes any JSON"),
    ENV_INT(struct order_config, backlog_max, "OUTBOX_BACKLOG_MAX", "1000000", 1, 100000000,
            "events that may wait for Kafka before orders are refused with 503"),
};

static const char *const schema[] = {OUTBOX_SCHEMA ORDER_STORE_SCHEMA,
                                     OUTBOX_SCHEMA_2 ORDER_STORE_SCHEMA_2, PRODUCT_STORE_SCHEMA,
                                     OUTBOX_SCHEMA_3 CUSTOMER_INDEX_SCHEMA};

static const struct http_route routes[] = {
    {"POST", "/orders", handle_checkout},
    {"POST", "/", handle_checkout},
    {"GET", "/orders", handle_list_orders},
    {"GET", "/orders/{orderId}", handle_get_order},
    {"GET", "/products", handle_list_products},
    {"GET", "/products/{productId}", handle_get_product},
    {"PUT", "/products/{productId}", handle_put_product},
    {"DELETE", "/products/{productId}", handle_delete_product},
    {"POST", "/topics/{topic}", handle_publish},
};

static bool serves(const void *own_config, const struct http_route *route) {
    const struct order_config *own = own_config;
    if (route->handle == handle_put_product || route->handle == handle_delete_product)
        return own->catalogue_writes;
    if (route->handle == handle_publish)
        return *own->playground_topics;
    return true;
}

static size_t check_settings(const struct config *config, const void *own_config,
                             struct strbuf *faults) {
    const struct order_config *own = own_config;
    struct catalogue catalogue;
    struct error err;
    size_t n_faults = playground_check(config, own->playground_topics, faults);
    if (catalogue_load(own->catalogue_file, &catalogue, &err) == OK) {
        catalogue_release(&catalogue);
        return n_faults;
    }
    strbuf_printf(faults, "%s\n", err.text);
    return n_faults + 1;
}

static void close_service(void *context) {
    struct order_service *service = context;
    playground_close(service->playground);
    product_store_close(service->products);
    order_store_close(service->orders);
    order_store_close(service->reader);
    catalogue_release(&service->catalogue);
    pthread_mutex_destroy(&service->catalogue_lock);
    free(service);
}

static void end_playground(void *context) {
    struct order_service *service = context;
    if (service->playground)
        playground_end(service->playground);
}

static void count_orders(struct order_service *service) {
    static const char name[] = "orderflow_orders_total";
    static const char help[] = "Orders sent to the service, by what became of them.";
    struct metrics *metrics = service->context->metrics;
    service->n_accepted = metrics_counter(metrics, name, help, "result=\"accepted\"");
    service->n_repeated = metrics_counter(metrics, name, help, "result=\"repeated\"");
    service->n_refused = metrics_counter(metrics, name, help, "result=\"refused\"");
}

static enum status open_service(const struct service_context *context, void **out_service,
                                struct error *err) {
    struct order_service *service = calloc(1, sizeof *service);
    if (!service)
        abort();
    service->context = context;
    service->config = context->own_config;
    pthread_mutex_init(&service->catalogue_lock, NULL);
    count_orders(service);
    enum status status = catalogue_load(service->config->catalogue_file, &service->catalogue, err);
    if (status == OK)
        status = product_store_apply(context->db, &service->catalogue, err);
    if (status == OK)
        status = product_store_open(context->db, &service->products, err);
    if (status == OK)
        status = order_store_open(context->db, &service->orders, err);
    if (status == OK && *service->config->playground_topics)
        status = playground_open(context->config, service->config->playground_topics,
                                 &service->playground, err);
    if (status == OK)
        status = order_store_open(context->reader, &service->reader, err);
    if (status != OK) {
        close_service(service);
        return status;
    }
    *out_service = service;
    return OK;
}

int main(int argc, char **argv) {
    static const struct service service = {
        .name = "order-service",
        .summary = "takes orders over HTTP and publishes them",
        .database = "order.db",
        .http_port = "3000",
        .schema = {schema, sizeof schema / sizeof *schema},
        .own_settings = settings,
        .n_own_settings = sizeof settings / sizeof *settings,
        .own_config_size = sizeof(struct order_config),
        .check = check_settings,
        .routes = routes,
        .n_routes = sizeof routes / sizeof *routes,
        .serves = serves,
        .open = open_service,
        .close = close_service,
        .quiesced = end_playground,
    };
    return daemon_main(&service, argc, argv);
}
