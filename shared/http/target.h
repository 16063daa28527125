/*
 * The target of a request's first line (RFC 9112, section 3.2), such as
 * "/orders/A%2FB?limit=10": taken apart first and decoded then, so that an
 * escaped slash belongs to its segment and an escaped "&" to its value.
 */
#pragma once

#include "base/status.h"
#include "base/strbuf.h"

#include <stddef.h>

enum {
    TARGET_SEGMENTS_MAX = 8, /* no route is longer */
    TARGET_FIELDS_MAX = 16,
};

struct target_field {
    const char *name;
    const char *value;
};

/* Decoded text is valid UTF-8 without NUL. All strings point into `text`. */
struct target {
    struct strbuf text;
    const char *path;  /* as sent, without the query */
    size_t n_segments; /* TARGET_SEGMENTS_MAX + 1: more than can be kept */
    const char *segments[TARGET_SEGMENTS_MAX];
    size_t n_fields;
    struct target_field fields[TARGET_FIELDS_MAX];
};

void target_init(struct target *target);
void target_release(struct target *target);

/*
 * Takes apart `len` bytes at `text`, in place of what `target` held. "+" in
 * the query is a space (as HTML forms send it). ERR_INVALID: it is no absolute
 * path, an escape is wrong, or there are too many query fields; `target` then
 * has the path only, and not even that ("") if it is none.
 */
enum status target_parse(struct target *target, const char *text, size_t len, struct error *err);

/* The value of the first query field of that name, NULL if there is none. */
const char *target_query(const struct target *target, const char *name);
