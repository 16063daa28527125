/* What somebody else wrote, made fit for a terminal. */
#pragma once

#include "base/strbuf.h"
#include "event/record.h"

/* Is it UTF-8 without control characters but tab and line ends? */
bool plain_text_is(struct bytes bytes);

/* Appends the bytes as one line: each that is part of no character, or of a
 * control character, as "\xHH"; "-" for null. */
void plain_text_add(struct strbuf *out, struct bytes bytes);

/* Appends a dump of 16 bytes a line: offset, hexadecimal, characters. */
void plain_text_add_dump(struct strbuf *out, struct bytes bytes);
