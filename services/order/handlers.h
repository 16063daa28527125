/* The order-service's requests: checkout, reading orders, reading and changing products,
 * and the playground. */
#pragma once

#include "order/adapters/order_store.h"
#include "order/adapters/product_store.h"
#include "order/domain/catalogue.h"
#include "runtime/daemon.h"

#include <pthread.h>

struct playground;

struct order_config {
    const char *catalogue_file;
    int catalogue_writes;          /* bool: products can be changed */
    const char *playground_topics; /* comma-separated; "": none */
    int64_t backlog_max; /* events that may wait to be published before orders are refused */
};

struct order_service {
    const struct service_context *context;
    const struct order_config *config;
    /* Changed by the writer's thread alone, under the lock; so that thread reads
     * it without, every other under it. */
    struct catalogue catalogue;
    pthread_mutex_t catalogue_lock;
    struct product_store *products; /* in jobs of the writer */
    struct playground *playground;  /* NULL: there is none */
    struct order_store *orders;     /* in jobs of the writer */
    struct stored_order stored;     /* the writer's, for the order of the same id */
    struct order_store *reader;     /* in the HTTP thread */
    struct counter *n_accepted, *n_repeated, *n_refused;
};

/* Answered when the order is committed to disk, or refused. */
void handle_checkout(void *service, struct http_request *request);

void handle_get_order(void *service, struct http_request *request);
void handle_list_orders(void *service, struct http_request *request);
void handle_get_product(void *service, struct http_request *request);
void handle_list_products(void *service, struct http_request *request);

/* Change the catalogue. Answered when the change is committed to disk, with the
 * log action that tells of it, or refused. */
void handle_put_product(void *service, struct http_request *request);
void handle_delete_product(void *service, struct http_request *request);

/* Publishes the body to a topic of the playground. Answered when the broker has
 * it, or after a few seconds. */
void handle_publish(void *service, struct http_request *request);
