/* Inputs that stand for a record's headers. */
#pragma once

#include "event/record.h"

/*
 * Adds the headers that `text` has, at most `n_max` in all: one a line,
 * "name:value", or "name" with Kafka's null. The byte 0x1e in a value stands
 * for a line's end. They point into `text`, which is changed, and has room for
 * a terminator behind `len`.
 */
void record_text_read(char *text, size_t len, size_t n_max, struct record *record);
