/* The strict reader's first half: whether a text is JSON at all. */
#pragma once

#include "event/json.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * One pass, no allocation, at most 9 KiB of stack and some more for each
 * level. Returns false, and says where in `fault`, when the text is not what
 * json_parse() accepts. `text` need not be terminated; NULL is the empty
 * text. Any thread.
 */
bool json_check(const char *text, size_t len, struct json_fault *fault);
