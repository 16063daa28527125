/*
 * Lists that are read page by page: `?limit=&after=` in the request,
 * `{"items": […], "next": cursor or null}` in the answer. The cursor of an
 * item is its row number, and it is opaque to clients.
 */
#pragma once

#include "base/strbuf.h"
#include "http/http.h"

#include <stdbool.h>
#include <stdint.h>

enum { PAGE_LIMIT_MAX = 100, PAGE_LIMIT_DEFAULT = 20 };

/* A page under construction. */
struct page {
    int64_t limit;
    int64_t after; /* items start behind this row; 0: at the first */
    struct strbuf body;
    int64_t n_items;
    int64_t last_row;
    bool has_more;
};

/* Reads limit and after from the query. When they are wrong, it answers the
 * request with a problem and returns false. */
bool page_begin(struct page *page, struct http_request *request);

/* Starts the next item, of row `row`, whose JSON the caller then appends to
 * `page->body`. False: the page is full; stop. Ask for limit + 1 rows, so that
 * it is known whether there are more. */
bool page_add(struct page *page, int64_t row);

/* Answers with the page and releases it. */
void page_respond(struct page *page, struct http_request *request);

/* Answers that the list cannot be read now, and releases the page. */
void page_fail(struct page *page, struct http_request *request, const struct error *err);
