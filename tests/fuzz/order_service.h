/*
 * The order-service for a fuzz target: its handlers on a store, an outbox and a
 * writer of their own, without Kafka. There is one in the process, and it lasts
 * as long; its database has no name in any folder.
 */
#pragma once

#include "order/handlers.h"

/* What the handlers are given; opened by the first call. */
struct order_service *order_service(void);

/* Forgets all orders. No request may be open. */
void order_service_forget(void);
