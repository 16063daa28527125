#include "notification/handlers.h"

#include "http/page.h"
#include "notification/adapters/notice_text.h"

static bool add_notice(void *context, const struct stored_notice *notice) {
    struct page *page = context;
    if (!page_add(page, notice->seq))
        return false;
    notice_body_add(notice, &page->body);
    return true;
}

void handle_list_notifications(void *context, struct http_request *request) {
    struct notification_service *service = context;
    struct page page;
    struct error err;
    if (!page_begin(&page, request))
        return;
    if (notice_store_list(service->reader, http_request_query(request, "orderId"),
                          http_request_query(request, "productId"), page.after, page.limit + 1,
                          add_notice, &page, &err) == OK)
        page_respond(&page, request);
    else
        page_fail(&page, request, &err);
}
