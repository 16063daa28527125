/* Where notifications are kept: one row each. */
#pragma once

#include "notification/domain/notice.h"
#include "store/db.h"

#include <stdbool.h>

#define NOTICE_STORE_SCHEMA                                                                        \
    "CREATE TABLE notifications ("                                                                 \
    " seq INTEGER PRIMARY KEY,"                                                                    \
    " kind TEXT NOT NULL,"                                                                         \
    " order_id TEXT NOT NULL,"                                                                     \
    " customer_id TEXT NOT NULL,"                                                                  \
    " product_id TEXT NOT NULL,"                                                                   \
    " event_id TEXT NOT NULL,"                                                                     \
    " sent_ms INTEGER NOT NULL"                                                                    \
    ") STRICT;"                                                                                    \
    "CREATE INDEX notifications_by_order ON notifications (order_id, seq);"                        \
    "CREATE INDEX notifications_by_product ON notifications (product_id, seq);"

struct notice_store;

struct stored_notice {
    int64_t seq;
    struct notice notice;
    char event_id[EVENT_ID_SIZE]; /* of the event that called for it */
    int64_t sent_ms;
};

/* On a writing or a reading connection, and for its thread. */
enum status notice_store_open(struct db *db, struct notice_store **out, struct error *err);
void notice_store_close(struct notice_store *store);

/* Adds a notification and sets its `seq` and `sent_ms`. Inside jobs of the
 * writer. */
enum status notice_store_add(struct notice_store *store, struct stored_notice *notice,
                             struct error *err);

/* Calls `visit` for the notifications behind `after`, oldest first, at most
 * `limit`, about one order and one product or any (NULL), until it returns
 * false. */
enum status notice_store_list(struct notice_store *store, const char *order_id,
                              const char *product_id, int64_t after, int64_t limit,
                              bool (*visit)(void *context, const struct stored_notice *notice),
                              void *context, struct error *err);
