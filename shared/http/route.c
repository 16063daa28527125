#include "http/route.h"

#include <stdbool.h>
#include <string.h>

/* One segment of a route's path, and what comes after it. */
struct segment {
    const char *text;
    size_t len;
    const char *rest; /* from the next "/" on; "" at the end */
};

static struct segment first_segment(const char *path) {
    const char *text = path + 1;
    size_t len = strcspn(text, "/");
    return (struct segment){text, len, text + len};
}

static bool is_parameter(const struct segment *segment) {
    return segment->len > 2 && segment->text[0] == '{' && segment->text[segment->len - 1] == '}';
}

static bool segment_matches(const struct segment *segment, const char *text) {
    if (is_parameter(segment))
        return *text != '\0';
    return strlen(text) == segment->len && memcmp(text, segment->text, segment->len) == 0;
}

static bool path_matches(const struct http_route *route, const struct target *target) {
    const char *rest = route->path;
    size_t i = 0;
    for (; *rest != '\0' && i < target->n_segments && i < TARGET_SEGMENTS_MAX; i++) {
        struct segment segment = first_segment(rest);
        if (!segment_matches(&segment, target->segments[i]))
            return false;
        rest = segment.rest;
    }
    return *rest == '\0' && i == target->n_segments;
}

const struct http_route *route_find(const struct http_route *routes, size_t n_routes,
                                    const char *method, const struct target *target) {
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    for (size_t i = 0; i < n_routes; i++)
        if (strcmp(routes[i].method, wanted) == 0 && path_matches(&routes[i], target))
            return &routes[i];
    return NULL;
}

void route_methods(const struct http_route *routes, size_t n_routes, const struct target *target,
                   struct strbuf *out) {
    for (size_t i = 0; i < n_routes; i++) {
        if (!path_matches(&routes[i], target))
            continue;
        if (out->len > 0)
            strbuf_add_str(out, ", ");
        strbuf_add_str(out, routes[i].method);
        if (strcmp(routes[i].method, "GET") == 0)
            strbuf_add_str(out, ", HEAD");
    }
}

const char *route_parameter(const struct http_route *route, const struct target *target,
                            const char *name) {
    size_t len = strlen(name);
    const char *rest = route->path;
    for (size_t i = 0; *rest != '\0' && i < target->n_segments; i++) {
        struct segment segment = first_segment(rest);
        if (is_parameter(&segment) && segment.len == len + 2 &&
            memcmp(segment.text + 1, name, len) == 0)
            return target->segments[i];
        rest = segment.rest;
    }
    return NULL;
}
