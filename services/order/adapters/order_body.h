/* The JSON bodies of the order-service's answers. */
#pragma once

#include "base/strbuf.h"
#include "order/adapters/order_store.h"
#include "order/domain/catalogue.h"

/* Appends an order: the members of its event, and eventId, acceptedAt and, once
 * Kafka has the event, publishedAt. */
void order_body_add(const struct stored_order *order, struct strbuf *out);

/* The same where `out` ends with what order_encode makes of the order. */
void order_body_finish(const struct stored_order *order, struct strbuf *out);

/* Appends a product: productId, name, price. */
void product_body_add(const struct product *product, struct strbuf *out);
