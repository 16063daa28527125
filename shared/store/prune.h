/*
 * Inside store/: forgets the oldest rows of a table that only grows at its
 * end, a bounded number at a time, so that pruning is part of the steady state
 * and never one long transaction.
 */
#pragma once

#include "store/db.h"

struct prune {
    sqlite3_stmt *find;
    sqlite3_stmt *erase;
    int64_t next_ms; /* monotonic: nothing can be old enough before then */
};

/* For rows of `table`, numbered by `seq`, whose age is in `time_column`
 * (milliseconds, wall clock). On the writing connection. */
enum status prune_open(struct prune *prune, struct db *db, const char *table,
                       const char *time_column, struct error *err);
void prune_release(struct prune *prune);

/* Deletes rows older than `before_ms` (wall clock), up to row `upto`. Cheap
 * when there is nothing to do. */
enum status prune_run(struct prune *prune, int64_t before_ms, int64_t upto, struct error *err);
