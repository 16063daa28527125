#include "notification/domain/notice.h"

#include <stdio.h>
#include <string.h>

struct notice notice_of(const struct event *event) {
    struct notice notice = {.kind = NOTICE_ORDER};
    if (event->type == EVENT_NEW_ORDER) {
        strcpy(notice.order_id, event->order.order_id);
        strcpy(notice.customer_id, event->order.customer_id);
    } else {
        notice.kind = NOTICE_REFILL;
        strcpy(notice.product_id, event->inventory_empty.product_id);
        if (strcmp(event->envelope.correlation, notice.product_id) != 0)
            strcpy(notice.order_id, event->envelope.correlation);
    }
    return notice;
}

const char *notice_kind_name(enum notice_kind kind) {
    return kind == NOTICE_ORDER ? "order" : "refill";
}

void notice_text(const struct notice *notice, char out[static NOTICE_TEXT_SIZE]) {
    if (notice->kind == NOTICE_ORDER)
        snprintf(out, NOTICE_TEXT_SIZE, "Congrats %s, your order %s has been approved!",
                 notice->customer_id, notice->order_id);
    else
        snprintf(out, NOTICE_TEXT_SIZE, "Product %s has to be REFILLED!", notice->product_id);
}
