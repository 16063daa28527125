/*
 * How the catalogue was changed, one row a change. The catalogue is its file,
 * and then these in their order: what was changed wins over the file.
 */
#pragma once

#include "order/domain/catalogue.h"
#include "store/db.h"

#include <stdbool.h>

/* From version 3 on. `kind` is the last word of the log action that tells of it. */
#define PRODUCT_STORE_SCHEMA                                                                       \
    "CREATE TABLE product_changes ("                                                               \
    " seq INTEGER PRIMARY KEY,"                                                                    \
    " product_id TEXT NOT NULL,"                                                                   \
    " kind TEXT NOT NULL CHECK (kind IN ('saved', 'deleted')),"                                    \
    " name TEXT NOT NULL,"                                                                         \
    " price_cents INTEGER NOT NULL,"                                                               \
    " changed_ms INTEGER NOT NULL"                                                                 \
    ") STRICT;"                                                                                    \
    "CREATE INDEX product_changes_by_product ON product_changes (product_id, seq);"

struct product_store;

struct product_change {
    struct product product; /* of a deleted one only the id */
    bool is_deleted;
};

/* On the writing connection; used inside jobs of the writer, or before there
 * are any. */
enum status product_store_open(struct db *db, struct product_store **out, struct error *err);
void product_store_close(struct product_store *store); /* NULL is fine */

/* Adds a change. */
enum status product_store_add(struct product_store *store, const struct product_change *change,
                              struct error *err);

/* The last change of this product. */
enum status product_store_last(struct product_store *store, const char *product_id,
                               struct product_change *out, bool *out_found, struct error *err);

/* Applies the last change of each product. */
enum status product_store_apply(struct db *db, struct catalogue *catalogue, struct error *err);
