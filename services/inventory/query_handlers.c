#include "inventory/handlers.h"

#include "http/page.h"
#include "inventory/adapters/stock_body.h"

void handle_get_stock(void *context, struct http_request *request) {
    struct inventory_service *service = context;
    const char *product_id = http_request_parameter(request, "productId");
    struct error err;
    int64_t stock;
    bool found;
    enum status status = stock_store_get(service->reader, product_id, &stock, &found, &err);
    if (status != OK) {
        http_respond_problem(request, &http_problem_unavailable, err.text, NULL, 0, 1);
        return;
    }
    if (!found) {
        http_respond_problem(request, &http_problem_not_found,
                             "no order has moved this product's stock yet", NULL, 0, 0);
        return;
    }
    struct strbuf body;
    strbuf_init(&body);
    stock_body_add(product_id, stock, &body);
    http_respond(request, &(struct http_response){.status = 200}, &body);
}

static bool add_level(void *context, const struct stock_level *level) {
    struct page *page = context;
    if (!page_add(page, level->seq))
        return false;
    stock_body_add(level->product_id, level->stock, &page->body);
    return true;
}

void handle_list_stock(void *context, struct http_request *request) {
    struct inventory_service *service = context;
    struct page page;
    struct error err;
    if (!page_begin(&page, request))
        return;
    if (stock_store_list(service->reader, page.after, page.limit + 1, add_level, &page, &err) == OK)
        page_respond(&page, request);
    else
        page_fail(&page, request, &err);
}

static bool add_movement(void *context, const struct ledger_entry *entry) {
    struct page *page = context;
    if (!page_add(page, entry->seq))
        return false;
    movement_body_add(entry, &page->body);
    return true;
}

void handle_list_movements(void *context, struct http_request *request) {
    struct inventory_service *service = context;
    struct page page;
    struct error err;
    if (!page_begin(&page, request))
        return;
    const char *product_id = http_request_parameter(request, "productId");
    if (!product_id)
        product_id = http_request_query(request, "productId");
    if (stock_store_list_movements(service->reader, product_id,
                                   http_request_query(request, "orderId"), page.after,
                                   page.limit + 1, add_movement, &page, &err) == OK)
        page_respond(&page, request);
    else
        page_fail(&page, request, &err);
}
