#include "inventory/handlers.h"

#include <string.h>

/* Tells the shop that a product ran low. */
static enum status announce_empty(struct inventory_service *service, const char *product_id,
                                  const struct envelope *cause, struct error *err) {
    struct outbox *outbox = service->context->outbox;
    struct event event; /* not cleared: it is large, as an order may be */
    event.type = EVENT_INVENTORY_EMPTY;
    strcpy(event.inventory_empty.product_id, product_id);
    enum status status = outbox_append(outbox, &event, cause, err);
    if (status == OK)
        status = outbox_append_action(outbox, "inventory-empty", &event.envelope, err);
    return status;
}

static enum status sell_line(struct inventory_service *service, const struct event *event,
                             size_t line, struct error *err) {
    const struct order_line *sold = &event->order.lines[line];
    int64_t stock;
    enum status status =
        stock_store_hold(service->stock, sold->product_id, STOCK_FULL, &stock, err);
    if (status != OK)
        return status;

    struct stock_change change = stock_sell(stock, sold->quantity);
    struct ledger_entry entry = {.line = (int64_t)line};
    strcpy(entry.product_id, sold->product_id);
    strcpy(entry.event_id, event->envelope.id);
    strcpy(entry.order_id, event->order.order_id);
    for (size_t i = 0; status == OK && i < change.n_movements; i++) {
        entry.movement = change.movements[i];
        status = stock_store_move(service->stock, &entry, err);
    }
    if (status == OK)
        status = outbox_append_action(service->context->outbox, "inventory-updated",
                                      &event->envelope, err);
    if (status == OK && change.n_movements == 2)
        status = announce_empty(service, sold->product_id, &event->envelope, err);
    return status;
}

enum status handle_new_order(void *context, const struct event *event, struct error *err) {
    struct inventory_service *service = context;
    enum status status = OK;
    for (size_t line = 0; status == OK && line < event->order.n_lines; line++)
        status = sell_line(service, event, line, err);
    return status;
}

void begin_batch(void *context) {
    struct inventory_service *service = context;
    stock_store_begin(service->stock);
}

enum status end_batch(void *context, struct error *err) {
    struct inventory_service *service = context;
    return stock_store_end(service->stock, err);
}
