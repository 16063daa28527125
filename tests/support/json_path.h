/* Looking into JSON documents, by JSON Pointers such as "/items/0/action". */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>

/* Parses a text; the document lives until the end of the test. Fails the test
 * when it is not JSON. */
const cJSON *json_of(const char *text);

/* The member, or NULL. `~0` and `~1` are not understood. */
const cJSON *json_at(const cJSON *document, const char *pointer);

/* The text or number there; fails the test when there is none. */
const char *json_text_at(const cJSON *document, const char *pointer);
double json_number_at(const cJSON *document, const char *pointer);
