#include "order/adapters/order_body.h"

#include "base/clock.h"
#include "event/codec.h"
#include "event/json.h"

static void add_time(struct strbuf *out, const char *member, int64_t time_ms) {
    char time[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(time_ms, time);
    strbuf_add_str(out, member);
    strbuf_add_str(out, time);
    strbuf_add_char(out, '"');
}

void order_body_finish(const struct stored_order *order, struct strbuf *out) {
    out->len--; /* further members take the place of the closing brace */
    strbuf_add_str(out, ",\"eventId\":\"");
    strbuf_add_str(out, order->event_id);
    add_time(out, "\",\"acceptedAt\":\"", order->accepted_ms);
    if (order->published_ms > 0)
        add_time(out, ",\"publishedAt\":\"", order->published_ms);
    strbuf_add_char(out, '}');
}

void order_body_add(const struct stored_order *order, struct strbuf *out) {
    order_encode(&order->order, out);
    order_body_finish(order, out);
}

void product_body_add(const struct product *product, struct strbuf *out) {
    strbuf_add_str(out, "{\"productId\":");
    json_add_string(out, product->product_id);
    strbuf_add_str(out, ",\"name\":");
    json_add_string(out, product->name);
    strbuf_add_str(out, ",\"price\":");
    json_add_cents(out, product->price_cents);
    strbuf_add_char(out, '}');
}
