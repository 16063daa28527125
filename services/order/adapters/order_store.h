/* Where accepted orders are kept. */
#pragma once

#include "base/strbuf.h"
#include "event/envelope.h"
#include "event/event.h"
#include "store/db.h"

#include <stdbool.h>

#define ORDER_STORE_SCHEMA                                                                         \
    "CREATE TABLE orders ("                                                                        \
    " seq INTEGER PRIMARY KEY,"                                                                    \
    " order_id TEXT NOT NULL UNIQUE,"                                                              \
    " customer_id TEXT NOT NULL,"                                                                  \
    " payload TEXT NOT NULL,"                                                                      \
    " event_id TEXT NOT NULL,"                                                                     \
    " accepted_ms INTEGER NOT NULL"                                                                \
    ") STRICT;"                                                                                    \
    "CREATE INDEX orders_by_customer ON orders (customer_id, seq);"

#define ORDER_STORE_SCHEMA_2 "ALTER TABLE orders ADD COLUMN outbox_seq INTEGER;"

struct order_store;

struct stored_order {
    int64_t seq; /* orders are numbered as they were accepted */
    struct order order;
    char event_id[EVENT_ID_SIZE]; /* of its new-order event */
    int64_t outbox_seq;           /* of that event, in the outbox; written, not read */
    int64_t accepted_ms;
    int64_t published_ms; /* when Kafka had the event; 0: not yet, or not known any more */
};

/* On a writing or a reading connection, and for its thread. */
enum status order_store_open(struct db *db, struct order_store **out, struct error *err);
void order_store_close(struct order_store *store);

/* Adds an order, whose payload is what order_encode makes of it; its id must not
 * be there yet. Inside jobs of the writer. */
enum status order_store_add(struct order_store *store, const struct stored_order *order,
                            const struct strbuf *payload, struct error *err);

/* Finds an order by its id. */
enum status order_store_find(struct order_store *store, const char *order_id,
                             struct stored_order *out, bool *out_found, struct error *err);

/* False: no more. */
typedef bool order_visitor(void *context, const struct stored_order *order);

/* Calls `visit` for the orders behind `after`, oldest first, at most `limit`,
 * of one customer or of all (NULL), until it returns false. On a reading connection. */
enum status order_store_list(struct order_store *store, const char *customer_id, int64_t after,
                             int64_t limit, order_visitor *visit, void *context, struct error *err);
