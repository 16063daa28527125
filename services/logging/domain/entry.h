/* An entry of the journal: an action that a service took. Pure. */
#pragma once

#include "event/event.h"

/* Room for the longest text of entry_text. */
enum { ENTRY_TEXT_SIZE = 256 };

struct entry {
    char service_name[ID_SIZE];
    char action[ID_SIZE];
    char order_id[CORRELATION_SIZE]; /* the order that led to it; "": none */
};

/* The entry for a log action. */
struct entry entry_of(const struct event *event);

/* What is printed for a person: a headed text of several lines. Returns its
 * length. */
size_t entry_text(const struct entry *entry, char out[static ENTRY_TEXT_SIZE]);
