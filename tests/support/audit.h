/*
 * Whether each order has had each of its effects exactly once: a movement of
 * stock, a notification, the log actions. For orders of one piece of
 * PRODUCT-123, as struct load sends them.
 */
#pragma once

#include "support/shop.h"

/* Waits until `n_orders` orders have had their effects in these services. */
void wait_for_effects(struct shop *shop, unsigned services, int n_orders);

/* Stops these services, the order-service among them, and fails the test
 * unless each order in its database had each effect once, and nothing else had
 * any. Returns the number of orders. */
int audit_effects(struct shop *shop, unsigned services);
