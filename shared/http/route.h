/* Which route a request takes: its method and path against the table. */
#pragma once

#include "base/strbuf.h"
#include "http/http.h"
#include "http/target.h"

#include <stddef.h>

/*
 * The first route with that path and method, NULL if there is none. "HEAD"
 * takes a GET route. A parameter stands for one segment that is not empty.
 */
const struct http_route *route_find(const struct http_route *routes, size_t n_routes,
                                    const char *method, const struct target *target);

/* Appends the methods that the path has, as the header Allow lists them:
 * "GET, HEAD, POST". Nothing: no route has this path. */
void route_methods(const struct http_route *routes, size_t n_routes, const struct target *target,
                   struct strbuf *out);

/* The value of the route's parameter of that name, NULL if it has none.
 * `target` must match the route. */
const char *route_parameter(const struct http_route *route, const struct target *target,
                            const char *name);
