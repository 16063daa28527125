/*
 * Lines on stdout, each printed at least once: they are collected inside a
 * transaction, printed when it is committed, and what was printed is noted in
 * a later transaction. After a crash in between, the last lines are printed
 * again; none is left out, and none is printed for a change that was undone.
 */
#pragma once

#include "base/status.h"
#include "store/db.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANNOUNCER_SCHEMA                                                                           \
    "CREATE TABLE announced ("                                                                     \
    " one INTEGER PRIMARY KEY CHECK (one = 1),"                                                    \
    " upto INTEGER NOT NULL"                                                                       \
    ") STRICT;"                                                                                    \
    "INSERT INTO announced VALUES (1, 0);"

struct announcer;

enum status announcer_open(struct db *writer_db, struct announcer **out, struct error *err);
void announcer_close(struct announcer *announcer);

/* The row up to which everything was printed and noted. At the start, the
 * service adds the rows behind it, then settles. */
int64_t announcer_upto(const struct announcer *announcer);

/* Inside a transaction: collects the lines of row `row`; rows only grow. */
void announcer_add(struct announcer *announcer, int64_t row, const char *text, size_t len);

/* After the transaction, while no other runs: prints what was collected, or
 * forgets it when the transaction was undone. A stdout that is closed or full
 * loses nothing: the lines are printed at the next start. */
void announcer_settle(struct announcer *announcer, bool committed);

/* Is something printed that is not yet noted? */
bool announcer_is_behind(const struct announcer *announcer);

/* Inside a transaction: notes what was printed, if it is behind. */
enum status announcer_note(struct announcer *announcer, struct error *err);
