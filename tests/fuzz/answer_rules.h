/* What must be true of every answer of the server; what is not fails. */
#pragma once

#include "fuzz/raw_client.h"

#include <stdbool.h>

bool answer_field_is(const struct http_answer *answer, const char *name, const char *value);

/* Does it say that the connection ends with it? */
bool answer_is_closing(const struct http_answer *answer);

/* Is it the page with which libmicrohttpd itself answers what it cannot read? */
bool answer_is_of_library(const struct http_answer *answer);

/* The fields that every answer of ours has, each once. */
void answer_check_fields(const struct http_answer *answer);

/* The body is JSON. */
void answer_check_document(const struct http_answer *answer);

/* The body is a problem document (RFC 9457) with the members that http.h names. */
void answer_check_problem(const struct http_answer *answer);

/* It refuses what cannot be handled, and ends the connection. `has_body` is
 * false for the answer to HEAD. */
void answer_check_refusal(const struct http_answer *answer, bool has_body);
