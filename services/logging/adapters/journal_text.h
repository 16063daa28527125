/* How an action looks: the lines on stdout, and as JSON. */
#pragma once

#include "base/strbuf.h"
#include "logging/adapters/journal.h"
#include "runtime/config.h"

/* Appends what is printed: a headed text, or one JSON object a line. */
void journal_print(const struct journal_row *row, enum output_format format, struct strbuf *out);

/* Appends the action as a JSON object. */
void journal_body_add(const struct journal_row *row, struct strbuf *out);
