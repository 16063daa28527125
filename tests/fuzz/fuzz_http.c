/* The way from a request's first line to its route: nothing of the target is lost or made up. */
#include "fuzz/fuzz.h"
#include "fuzz/oracle.h"
#include "http/route.h"
#include "http/target.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* One of each kind that the services have. */
static const struct http_route routes[] = {
    {"POST", "/", NULL},
    {"POST", "/orders", NULL},
    {"GET", "/orders", NULL},
    {"GET", "/orders/{orderId}", NULL},
    {"GET", "/actions/stream", NULL},
    {"GET", "/stock/{productId}/movements", NULL},
    {"PUT", "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}", NULL},
};
enum { N_ROUTES = sizeof routes / sizeof routes[0] };

static void percent_encode(const char *text, struct strbuf *out) {
    for (; *text; text++)
        strbuf_printf(out, "%%%02x", (unsigned char)*text);
}

/* Writes the target again, every character of its parts escaped. */
static void encode(const struct target *target, struct strbuf *out) {
    for (size_t i = 0; i < target->n_segments; i++) {
        strbuf_add_char(out, '/');
        percent_encode(target->segments[i], out);
    }
    for (size_t i = 0; i < target->n_fields; i++) {
        strbuf_add_char(out, i == 0 ? '?' : '&');
        percent_encode(target->fields[i].name, out);
        strbuf_add_char(out, '=');
        percent_encode(target->fields[i].value, out);
    }
}

static void check_text(const struct target *target, const char *text) {
    assert(text >= target->text.data && text <= target->text.data + target->text.len);
    assert(oracle_is_utf8(text, strlen(text)));
}

static void check_parts(const struct target *target, const char *sent) {
    size_t path_length = strcspn(sent, "?");
    assert(strlen(target->path) == path_length && memcmp(target->path, sent, path_length) == 0);
    assert(target->n_segments >= 1 && target->n_segments <= TARGET_SEGMENTS_MAX + 1);
    assert(target->n_fields <= TARGET_FIELDS_MAX);
    for (size_t i = 0; i < target->n_segments && i < TARGET_SEGMENTS_MAX; i++)
        check_text(target, target->segments[i]);
    for (size_t i = 0; i < target->n_fields; i++) {
        const struct target_field *field = &target->fields[i];
        check_text(target, field->name);
        check_text(target, field->value);
        const char *found = target_query(target, field->name);
        assert(found && found <= field->value);
    }
}

static void check_round_trip(const struct target *target) {
    struct strbuf text;
    struct target again;
    struct error err;
    if (target->n_segments > TARGET_SEGMENTS_MAX)
        return;
    strbuf_init(&text);
    target_init(&again);
    encode(target, &text);

    assert(target_parse(&again, text.data, text.len, &err) == OK);
    assert(again.n_segments == target->n_segments && again.n_fields == target->n_fields);
    for (size_t i = 0; i < again.n_segments; i++)
        assert(strcmp(again.segments[i], target->segments[i]) == 0);
    for (size_t i = 0; i < again.n_fields; i++) {
        assert(strcmp(again.fields[i].name, target->fields[i].name) == 0);
        assert(strcmp(again.fields[i].value, target->fields[i].value) == 0);
    }
    target_release(&again);
    strbuf_release(&text);
}

/* Does a list such as "GET, HEAD" have this method? */
static bool has_method(const char *list, const char *method) {
    size_t len = strlen(method);
    for (const char *at = list; *at; at += strspn(at, ", ")) {
        size_t n = strcspn(at, ", ");
        if (n == len && memcmp(at, method, n) == 0)
            return true;
        at += n;
    }
    return false;
}

/* With its parameters filled in, the route's path is the target's. */
static void check_route(const struct http_route *route, const struct target *target) {
    char path[64];
    strcpy(path, route->path);
    size_t i = 0;
    for (char *segment = path + 1, *next; segment; segment = next, i++) {
        next = strchr(segment, '/');
        if (next)
            *next++ = '\0';
        size_t len = strlen(segment);
        const char *expected = segment;
        if (len > 0 && segment[len - 1] == '}') {
            segment[len - 1] = '\0';
            expected = route_parameter(route, target, segment + 1);
            assert(expected && *expected);
        }
        assert(i < target->n_segments && strcmp(expected, target->segments[i]) == 0);
    }
    assert(i == target->n_segments);
}

static void check_routing(const char *method, const struct target *target) {
    const struct http_route *route = route_find(routes, N_ROUTES, method, target);
    struct strbuf methods;
    strbuf_init(&methods);
    route_methods(routes, N_ROUTES, target, &methods);
    assert((route != NULL) == (*method && has_method(methods.data, method)));
    if (route)
        check_route(route, target);
    strbuf_release(&methods);
}

static void check_request(const char *method, const char *sent) {
    static const char earlier[] = "/before/this?and=that";
    struct target target;
    struct error err = {""};
    target_init(&target);
    assert(target_parse(&target, earlier, strlen(earlier), &err) == OK);
    enum status status = target_parse(&target, sent, strlen(sent), &err);
    if (status == OK) {
        check_parts(&target, sent);
        check_round_trip(&target);
        check_routing(method, &target);
    } else {
        size_t path_length = strcspn(sent, "?");
        assert(status == ERR_INVALID && *err.text);
        assert(!*target.path ||
               (strlen(target.path) == path_length && memcmp(target.path, sent, path_length) == 0));
    }
    target_release(&target);
}

void fuzz_http(const uint8_t *data, size_t size) {
    char *line = malloc(size + 1);
    assert(line);
    if (size > 0)
        memcpy(line, data, size);
    line[size] = '\0';
    char *sent = strchr(line, ' ');
    if (sent) {
        *sent++ = '\0';
        check_request(line, sent);
    }
    free(line);
}
