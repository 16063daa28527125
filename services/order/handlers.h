/* The order-service's requests: checkout, and reading orders and products. */
#pragma once

#include "order/adapters/order_store.h"
#include "order/domain/catalogue.h"
#include "runtime/daemon.h"

struct order_config {
    const char *catalogue_file;
    int64_t backlog_max; /* events that may wait to be published before orders are refused */
};

struct order_service {
    const struct service_context *context;
    const struct order_config *config;
    struct catalogue catalogue;
    struct order_store *orders; /* in jobs of the writer */
    struct stored_order stored; /* the writer's, for the order of the same id */
    struct order_store *reader; /* in the HTTP thread */
    struct counter *n_accepted, *n_repeated, *n_refused;
};

/* Answered when the order is committed to disk, or refused. */
void handle_checkout(void *service, struct http_request *request);

void handle_get_order(void *service, struct http_request *request);
void handle_list_orders(void *service, struct http_request *request);
void handle_get_product(void *service, struct http_request *request);
void handle_list_products(void *service, struct http_request *request);
