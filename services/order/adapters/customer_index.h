/*
 * Which orders a customer has.
 *
 * Orders of one moment are of many customers, and an entry for each, in a table by
 * customer, changes a page for each. So the entries come later, sorted: orders are
 * counted off into runs, and the order at a place of one run brings the entry that
 * has this place among the sorted entries of the run before into the table, in its
 * own transaction. Neighbours in the table are then written together, and how far
 * the table is follows from the last order alone, also after a crash. Orders of the
 * last two runs are looked for in memory.
 */
#pragma once

#include "store/db.h"

#include <stdbool.h>

/* Orders in a run. It is part of the database's form: with another number, the
 * table must first be filled up, as the schema does it. */
enum { CUSTOMER_RUN = 8192 };

/* In place of the index that `orders` had. */
#define CUSTOMER_INDEX_SCHEMA                                                                      \
    "CREATE TABLE customer_orders ("                                                               \
    " customer_id TEXT NOT NULL,"                                                                  \
    " seq INTEGER NOT NULL,"                                                                       \
    " PRIMARY KEY (customer_id, seq)"                                                              \
    ") STRICT, WITHOUT ROWID;"                                                                     \
    "INSERT INTO customer_orders SELECT customer_id, seq FROM orders ORDER BY customer_id, seq;"   \
    "DROP INDEX orders_by_customer;"

struct customer_index;

/* On a writing or a reading connection, and for its thread. */
enum status customer_index_open(struct db *db, struct customer_index **out, struct error *err);
void customer_index_close(struct customer_index *index); /* NULL is fine */

/* Notes a customer's order, whose row is in `orders` already. On the writing
 * connection, in the transaction that adds the order. */
enum status customer_index_add(struct customer_index *index, const char *customer_id, int64_t seq,
                               struct error *err);

/* Takes note of the orders up to now: customer_index_next finds these. On a reading
 * connection. */
enum status customer_index_look(struct customer_index *index, struct error *err);

/* The next order behind `after` that may be the customer's: one of another may be
 * among the last, and one that is no longer there. */
enum status customer_index_next(struct customer_index *index, const char *customer_id,
                                int64_t after, int64_t *out_seq, bool *out_found,
                                struct error *err);
