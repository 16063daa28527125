/*
 * The dead letters in their topics, with what became of them.
 */
#pragma once

#include "orderctl/dlq_letter.h"
#include "orderctl/dlq_selection.h"

/* Letters and marks of one topic that are kept in mind, by their names. */
enum { DLQ_LETTERS_MAX = 1000000 };

/*
 * Calls `visit` for every letter that is selected, whatever its state, without
 * copies, until it returns false; all topics in turn. A topic of the shop that
 * does not exist has no letters, one that was named must exist. Topics are read
 * to their end twice, for what became of a letter stands behind it; stderr says so
 * when that takes long.
 * ERR_NOT_FOUND: a topic that was named does not exist. ERR_UNAVAILABLE: the
 * broker does not answer. ERR_BUSY: a topic has more than DLQ_LETTERS_MAX.
 */
enum status dlq_visit(const struct config *config, const struct dlq_selection *selection,
                      bool (*visit)(void *context, const struct letter *letter), void *context,
                      struct error *err);
