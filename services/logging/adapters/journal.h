/* Where the journal is kept: one row an action. */
#pragma once

#include "logging/domain/entry.h"
#include "store/db.h"

#include <stdbool.h>

#define JOURNAL_SCHEMA                                                                             \
    "CREATE TABLE actions ("                                                                       \
    " seq INTEGER PRIMARY KEY,"                                                                    \
    " service_name TEXT NOT NULL,"                                                                 \
    " action TEXT NOT NULL,"                                                                       \
    " order_id TEXT NOT NULL,"                                                                     \
    " event_id TEXT NOT NULL,"                                                                     \
    " happened_ms INTEGER NOT NULL,"                                                               \
    " logged_ms INTEGER NOT NULL"                                                                  \
    ") STRICT;"                                                                                    \
    "CREATE INDEX actions_by_order ON actions (order_id, seq);"

struct journal;

struct journal_row {
    int64_t seq;
    struct entry entry;
    char event_id[EVENT_ID_SIZE];
    int64_t happened_ms; /* as the acting service says; 0: it does not */
    int64_t logged_ms;
};

/* Which actions; NULL: any. */
struct journal_filter {
    const char *service_name;
    const char *action;
    const char *order_id;
};

/* On a writing or a reading connection, and for its thread. */
enum status journal_open(struct db *db, struct journal **out, struct error *err);
void journal_close(struct journal *journal);

/* Adds a row and sets its `seq` and `logged_ms`. Inside jobs of the writer. */
enum status journal_add(struct journal *journal, struct journal_row *row, struct error *err);

/* Calls `visit` for the rows behind `after`, oldest first, at most `limit`,
 * until it returns false. */
enum status journal_list(struct journal *journal, const struct journal_filter *filter,
                         int64_t after, int64_t limit,
                         bool (*visit)(void *context, const struct journal_row *row), void *context,
                         struct error *err);

/* The newest row's seq; 0: there is none. */
enum status journal_last(struct journal *journal, int64_t *out_seq, struct error *err);
