/*
 * Lists of a table's rows, in the order of `seq`, by filters of which any may
 * be left out.
 */
#pragma once

#include "store/db.h"

/* Rows whose column has that value; NULL: any. */
struct query_filter {
    const char *column;
    const char *value;
};

/*
 * Prepares `select` ("SELECT … FROM table") for the rows behind `after`, at
 * most `limit`. The filters' values must outlive the statement, which the
 * caller finalizes.
 */
enum status query_prepare(struct db *db, const char *select, const struct query_filter *filters,
                          size_t n_filters, int64_t after, int64_t limit, sqlite3_stmt **out,
                          struct error *err);
