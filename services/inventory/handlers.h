/* The inventory-service's events and requests. */
#pragma once

#include "inventory/adapters/stock_store.h"
#include "runtime/daemon.h"

struct inventory_service {
    const struct service_context *context;
    struct stock_store *stock;  /* in jobs of the writer */
    struct stock_store *reader; /* in the HTTP thread */
};

/* Takes each line of an order off the stock, and refills what ran low. */
enum status handle_new_order(void *service, const struct event *event, struct error *err);

/* Around the orders of a transaction: a product's stock is stored once in it. */
void begin_batch(void *service);
enum status end_batch(void *service, struct error *err);

void handle_list_stock(void *service, struct http_request *request);
void handle_get_stock(void *service, struct http_request *request);
void handle_list_movements(void *service, struct http_request *request);
