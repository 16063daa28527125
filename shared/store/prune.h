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

/* `find` selects the last row that is old enough, as `SELECT max(seq) …` with
 * the parameters ?1 rows to look at, ?2 the time, ?3 the last row that may go;
 * `erase` deletes the rows up to ?1. Writer's connection. */
enum status prune_open(struct prune *prune, struct db *db, const char *find, const char *erase,
                       struct error *err);
void prune_release(struct prune *prune);

/* Deletes rows older than `before_ms` (wall clock), up to row `upto`. Cheap
 * when there is nothing to do. */
enum status prune_run(struct prune *prune, int64_t before_ms, int64_t upto, struct error *err);
