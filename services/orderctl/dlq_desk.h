/*
 * The dead letters of one topic, with what became of them. Used by one thread.
 */
#pragma once

#include "orderctl/dlq_letter.h"
#include "orderctl/dlq_selection.h"

struct dlq_desk;

/* Letters and marks of one topic that are kept in mind, by their names. */
enum { DLQ_LETTERS_MAX = 1000000 };

/*
 * Opens the topic's letters, as they stand at this moment. It reads the whole
 * topic for the marks first, and says so on stderr when that takes long.
 * ERR_NOT_FOUND: there is no such topic. ERR_UNAVAILABLE: the broker does not
 * answer. ERR_BUSY: more than DLQ_LETTERS_MAX.
 */
enum status dlq_desk_open(const struct config *config, const char *topic, struct dlq_desk **out,
                          struct error *err);
void dlq_desk_close(struct dlq_desk *desk); /* NULL is fine */

/* The next letter, in the order of its partition; it lives until the next call.
 * *out_found is false behind the last. Errors as dlq_desk_open. */
enum status dlq_desk_next(struct dlq_desk *desk, struct letter *out, bool *out_found,
                          struct error *err);

/* Is the letter one of those that are meant? Its state is not looked at. */
bool dlq_selects(const struct dlq_selection *selection, const struct letter *letter);

/*
 * Calls `visit` for every letter that is selected, whatever its state, without
 * copies, until it returns false; all topics in turn. A topic of the shop that
 * does not exist has no letters, one that was named must exist.
 */
enum status dlq_visit(const struct config *config, const struct dlq_selection *selection,
                      bool (*visit)(void *context, const struct letter *letter), void *context,
                      struct error *err);
