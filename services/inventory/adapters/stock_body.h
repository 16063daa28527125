/* The JSON bodies of the inventory-service's answers. */
#pragma once

#include "base/strbuf.h"
#include "inventory/adapters/stock_store.h"

/* Appends {"productId", "stock"}. */
void stock_body_add(const char *product_id, int64_t stock, struct strbuf *out);

/* Appends a movement: product, kind, delta, stock after it, and what caused it. */
void movement_body_add(const struct ledger_entry *entry, struct strbuf *out);
