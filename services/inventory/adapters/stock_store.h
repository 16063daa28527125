/* Where stock is kept, and the ledger of its movements. */
#pragma once

#include "event/event.h"
#include "inventory/domain/stock.h"
#include "store/db.h"

#include <stdbool.h>

#define STOCK_STORE_SCHEMA                                                                         \
    "CREATE TABLE stock ("                                                                         \
    " seq INTEGER PRIMARY KEY,"                                                                    \
    " product_id TEXT NOT NULL UNIQUE,"                                                            \
    " stock INTEGER NOT NULL"                                                                      \
    ") STRICT;"                                                                                    \
    "CREATE TABLE movements ("                                                                     \
    " seq INTEGER PRIMARY KEY,"                                                                    \
    " product_id TEXT NOT NULL,"                                                                   \
    " event_id TEXT NOT NULL,"                                                                     \
    " line INTEGER NOT NULL,"                                                                      \
    " kind TEXT NOT NULL,"                                                                         \
    " delta INTEGER NOT NULL,"                                                                     \
    " stock INTEGER NOT NULL,"                                                                     \
    " order_id TEXT NOT NULL,"                                                                     \
    " moved_ms INTEGER NOT NULL"                                                                   \
    ") STRICT;"                                                                                    \
    "CREATE INDEX movements_by_product ON movements (product_id, seq);"

#define STOCK_STORE_SCHEMA_2 "CREATE INDEX movements_by_order ON movements (order_id, seq);"

struct stock_store;

struct stock_level {
    int64_t seq; /* products are numbered as they were first seen */
    char product_id[ID_SIZE];
    int64_t stock; /* pieces */
};

/* A movement with its cause. */
struct ledger_entry {
    int64_t seq;
    char product_id[ID_SIZE];
    char event_id[EVENT_ID_SIZE]; /* of the order's event */
    int64_t line;                 /* of the order, from 0 */
    struct movement movement;
    char order_id[ID_SIZE];
    int64_t moved_ms;
};

/* On a writing or a reading connection, and for its thread. */
enum status stock_store_open(struct db *db, struct stock_store **out, struct error *err);
void stock_store_close(struct stock_store *store);

/* The stock of a product, as it is stored. *out_found is false for one that was
 * never sold. */
enum status stock_store_get(struct stock_store *store, const char *product_id, int64_t *out_stock,
                            bool *out_found, struct error *err);

/*
 * Changes of the stock, in one transaction of the writer: what a batch moves is
 * held in memory and stored once a product, however often it is sold. `begin`
 * comes first and forgets what an undone transaction may have left; `end` stores
 * what is held. Without `end` the stock stays behind the ledger.
 */
void stock_store_begin(struct stock_store *store);
enum status stock_store_end(struct stock_store *store, struct error *err);

/* The stock of a product, between the two. One that was never sold is entered
 * with `first_stock`. */
enum status stock_store_hold(struct stock_store *store, const char *product_id, int64_t first_stock,
                             int64_t *out_stock, struct error *err);

/* Enters a movement of the product that was held last into the ledger, and sets
 * its stock to what that leaves. `seq` and `moved_ms` of the entry are set here. */
enum status stock_store_move(struct stock_store *store, struct ledger_entry *entry,
                             struct error *err);

/* Calls `visit` for what lies behind `after`, oldest first, at most `limit`,
 * until it returns false. */
enum status stock_store_list(struct stock_store *store, int64_t after, int64_t limit,
                             bool (*visit)(void *context, const struct stock_level *level),
                             void *context, struct error *err);

/* The same for movements, of one product and by one order or of any (NULL). */
enum status stock_store_list_movements(struct stock_store *store, const char *product_id,
                                       const char *order_id, int64_t after, int64_t limit,
                                       bool (*visit)(void *context,
                                                     const struct ledger_entry *entry),
                                       void *context, struct error *err);
