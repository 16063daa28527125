#include "order/adapters/order_body.h"

#include "base/clock.h"
#include "event/codec.h"
#include "event/json.h"

void order_body_add(const struct stored_order *order, struct strbuf *out) {
    char accepted_at[CLOCK_RFC3339_SIZE], published_at[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(order->accepted_ms, accepted_at);
    clock_format_rfc3339(order->published_ms, published_at);
    order_encode(&order->order, out);
    out->len--; /* further members take the place of the closing brace */
    strbuf_printf(out, ",\"eventId\":\"%s\",\"acceptedAt\":\"%s\"", order->event_id, accepted_at);
    if (order->published_ms > 0)
        strbuf_printf(out, ",\"publishedAt\":\"%s\"", published_at);
    strbuf_add_char(out, '}');
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
