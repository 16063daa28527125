/*
 * Whether each order has had each of its effects exactly once: movements of
 * stock, notifications, log actions.
 */
#pragma once

#include "support/load.h"
#include "support/shop.h"

/* Waits until all that was accepted has had its effects in the whole shop, which
 * runs; at most `timeout_ms`. Orders must have ended. */
void wait_until_drained(struct shop *shop, int timeout_ms);

/* Judges a whole shop that has drained and stopped: the test fails, with what is
 * wrong, unless every law holds. Any orders, and records that are no events. */
void audit_shop(struct shop *shop);

/* Acknowledged orders that are not in the order-service's database, which has
 * stopped: what no auditor of databases can know. */
int count_lost(struct shop *shop, struct load_ids acknowledged);

/* Waits until `n_orders` orders of one piece of PRODUCT-123 have had their
 * effects in these services. */
void wait_for_effects(struct shop *shop, unsigned services, int n_orders);

/* Fails the test unless each such order in the order-service's database had each
 * effect once, and nothing else had any. Returns the number of orders. */
int check_effects(struct shop *shop, unsigned services);

/* Stops these services, the order-service among them, and checks their effects. */
int audit_effects(struct shop *shop, unsigned services);
