#include "order/handlers.h"

#include "http/page.h"
#include "order/adapters/order_body.h"

void handle_get_order(void *context, struct http_request *request) {
    struct order_service *service = context;
    struct stored_order order;
    struct error err;
    bool found;
    enum status status = order_store_find(
        service->reader, http_request_parameter(request, "orderId"), &order, &found, &err);
    if (status != OK) {
        http_respond_problem(request, &http_problem_unavailable, err.text, NULL, 0, 1);
        return;
    }
    if (!found) {
        http_respond_problem(request, &http_problem_not_found, "no order has this orderId", NULL, 0,
                             0);
        return;
    }
    struct strbuf body;
    strbuf_init(&body);
    order_body_add(&order, &body);
    http_respond(request, &(struct http_response){.status = 200}, &body);
}

static bool add_order(void *context, const struct stored_order *order) {
    struct page *page = context;
    if (!page_add(page, order->seq))
        return false;
    order_body_add(order, &page->body);
    return true;
}

void handle_list_orders(void *context, struct http_request *request) {
    struct order_service *service = context;
    struct page page;
    struct error err;
    if (!page_begin(&page, request))
        return;
    if (order_store_list(service->reader, http_request_query(request, "customerId"), page.after,
                         page.limit + 1, add_order, &page, &err) == OK)
        page_respond(&page, request);
    else
        page_fail(&page, request, &err);
}

void handle_get_product(void *context, struct http_request *request) {
    struct order_service *service = context;
    const char *product_id = http_request_parameter(request, "productId");
    struct strbuf body;
    strbuf_init(&body);
    pthread_mutex_lock(&service->catalogue_lock);
    const struct product *product = catalogue_find(&service->catalogue, product_id);
    if (product)
        product_body_add(product, &body);
    pthread_mutex_unlock(&service->catalogue_lock);
    if (product)
        http_respond(request, &(struct http_response){.status = 200}, &body);
    else
        http_respond_problem(request, &http_problem_not_found, "no product has this productId",
                             NULL, 0, 0);
}

/* The catalogue is in memory: a product's row is its place, from 1. */
void handle_list_products(void *context, struct http_request *request) {
    struct order_service *service = context;
    const struct product *product;
    struct page page;
    if (!page_begin(&page, request))
        return;
    size_t place = (size_t)page.after;
    pthread_mutex_lock(&service->catalogue_lock);
    while ((product = catalogue_next(&service->catalogue, &place)) &&
           page_add(&page, (int64_t)place))
        product_body_add(product, &page.body);
    pthread_mutex_unlock(&service->catalogue_lock);
    page_respond(&page, request);
}
