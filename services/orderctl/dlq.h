/* The commands behind `orderctl dlq`, each in a file of its own. They print, and
 * return an exit code as struct command has it. */
#pragma once

#include "orderctl/dlq_selection.h"

int dlq_list(const struct config *config, const struct dlq_selection *selection);

int dlq_replay(const struct config *config, const struct dlq_selection *selection);
int dlq_discard(const struct config *config, const struct dlq_selection *selection);

/* argv[0] is "show". */
int dlq_show(const struct config *config, int argc, char **argv);

/* How a letter is named: TOPIC/PARTITION/OFFSET of the dead letter. */
struct letter;
void dlq_add_place(struct strbuf *out, const struct letter *letter);

/* Where its record stood, or "an unknown place". */
void dlq_add_origin(struct strbuf *out, const struct letter *letter);

/* Says on stderr that no letter stands where an offset was named; the exit code. */
int dlq_say_missing(const char *topic, int64_t partition, int64_t offset);
