/*
 * Copies what the auditor compares into its books: the scratch database of
 * audit_books.c, whose schema says what each table holds.
 */
#pragma once

#include "event/record.h"
#include "orderctl/adapters/audit_books.h"
#include "store/db.h"

#include <stdbool.h>

struct audit_copy;

/* `cluster_id` is that of the topics; both are borrowed until it is closed. */
enum status audit_copy_open(struct db *books, const char *cluster_id, struct audit_copy **out,
                            struct error *err);
void audit_copy_close(struct audit_copy *copy); /* NULL is fine */

/* The order-service's orders, with their lines. */
enum status audit_copy_orders(struct audit_copy *copy, struct error *err);

enum status audit_copy_outbox(struct audit_copy *copy, const struct audit_instance *instance,
                              struct error *err);

/* A record of a topic, if it was there at the last look. */
enum status audit_copy_record(struct audit_copy *copy, int topic, const struct record *record,
                              struct error *err);

/* To be called behind all of the above: makes the indexes, and finds out what
 * cannot be seen any more. */
enum status audit_copy_finish(struct audit_copy *copy, bool has_broker, struct error *err);
