/*
 * A database for a fuzz target: in a folder that is gone before the search
 * begins, so that nothing of it is left however the search ends.
 */
#pragma once

#include "store/db.h"

/* Opens both connections, which are never closed. */
void nameless_db_open(const struct db_schema *schema, struct db **out_writer,
                      struct db **out_reader);
