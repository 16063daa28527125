/*
 * What a customer does and a shopkeeper sees, over HTTP: orders, stock,
 * notifications, actions.
 */
#pragma once

#include "support/http_client.h"
#include "support/shop.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

/* The body of an order of one line. */
const char *order_of(const char *order_id, const char *product_id, int quantity);

/* The golden order (schemas/examples/new-order.json) under this orderId. */
const char *golden_order(const char *order_id);

/* POST /orders */
struct http_answer checkout(struct shop *shop, const char *body);

/* A request with this body of JSON; NULL: without a body. */
struct http_answer send_json(struct shop *shop, enum shop_service service, const char *method,
                             const char *target, const char *body);

/* GET of a service; fails the test unless it answers 200 with JSON. */
const cJSON *look_at(struct shop *shop, enum shop_service service, const char *target);

/* How many items a list has, over all its pages; `target` has a query. */
int count_of(struct shop *shop, enum shop_service service, const char *target);

/* The same for those items whose `member` is `value`. */
int count_where(struct shop *shop, enum shop_service service, const char *target,
                const char *member, const char *value);

/* -1: no order has moved it yet. */
int stock_of(struct shop *shop, const char *product_id);

/* Waits until `n_orders` orders of one piece of PRODUCT-123 have had their
 * effects in these services. */
void wait_for_effects(struct shop *shop, unsigned services, int n_orders);

/* The value of a metric without labels. */
long long metric_of(struct shop *shop, enum shop_service service, const char *name);

/* Has the broker acknowledged every event that the service has committed? */
bool has_published_all(struct shop *shop, enum shop_service service);

/* How many times a text occurs in another. */
int occurrences(const char *text, const char *part);

/* Fails the test, and shows the text, unless it has this part. */
void assert_says(const char *text, const char *part);
