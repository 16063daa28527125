#include "http/page.h"

bool page_begin(struct page *page, struct http_request *request) {
    struct error err;
    *page = (struct page){.limit = PAGE_LIMIT_DEFAULT};
    strbuf_init(&page->body);
    enum status status = http_request_query_int(request, "limit", 1, PAGE_LIMIT_MAX,
                                                PAGE_LIMIT_DEFAULT, &page->limit, &err);
    if (status == OK)
        status = http_request_query_int(request, "after", 0, INT64_MAX, 0, &page->after, &err);
    if (status != OK) {
        http_respond_problem(request, &http_problem_bad_query, err.text, NULL, 0, 0);
        return false;
    }
    strbuf_add_str(&page->body, "{\"items\":[");
    return true;
}

bool page_add(struct page *page, int64_t row) {
    if (page->n_items == page->limit) {
        page->has_more = true;
        return false;
    }
    if (page->n_items > 0)
        strbuf_add_char(&page->body, ',');
    page->n_items++;
    page->last_row = row;
    return true;
}

void page_respond(struct page *page, struct http_request *request) {
    if (page->has_more)
        strbuf_printf(&page->body, "],\"next\":\"%lld\"}", (long long)page->last_row);
    else
        strbuf_add_str(&page->body, "],\"next\":null}");
    http_respond(request, &(struct http_response){.status = 200}, &page->body);
}

void page_fail(struct page *page, struct http_request *request, const struct error *err) {
    strbuf_release(&page->body);
    http_respond_problem(request, &http_problem_unavailable, err->text, NULL, 0, 1);
}
