/* An HTTP client for the services' lists and documents. */
#pragma once

#include "base/status.h"
#include "base/strbuf.h"

#include <stdbool.h>

struct cJSON;
struct http_client;

struct http_client *http_client_new(void);
void http_client_free(struct http_client *client); /* NULL is fine */

/* Appends text as it may stand in a path's segment or a query's value. */
void http_add_escaped(struct strbuf *out, const char *text);

/*
 * GET of `base` and a target such as "/orders/ORDER-1"; at most 5 s and 4 MB.
 * The document is the caller's, to be freed with cJSON_Delete. ERR_NOT_FOUND:
 * 404. ERR_UNAVAILABLE: no answer, or none that is 200 with JSON; the text says
 * which.
 */
enum status http_client_get(struct http_client *client, const char *base, const char *target,
                            struct cJSON **out, struct error *err);

/* Calls `visit` for each item of a list, page by page; `target` has a query.
 * Errors as http_client_get; items of earlier pages were visited then. */
enum status http_client_list(struct http_client *client, const char *base, const char *target,
                             void (*visit)(void *context, const struct cJSON *item), void *context,
                             struct error *err);
