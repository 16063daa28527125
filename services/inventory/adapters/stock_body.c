#include "inventory/adapters/stock_body.h"

#include "base/clock.h"
#include "event/json.h"

void stock_body_add(const char *product_id, int64_t stock, struct strbuf *out) {
    strbuf_add_str(out, "{\"productId\":");
    json_add_string(out, product_id);
    strbuf_printf(out, ",\"stock\":%lld}", (long long)stock);
}

void movement_body_add(const struct ledger_entry *entry, struct strbuf *out) {
    char moved_at[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(entry->moved_ms, moved_at);
    strbuf_add_str(out, "{\"productId\":");
    json_add_string(out, entry->product_id);
    strbuf_printf(out, ",\"kind\":\"%s\",\"delta\":%lld,\"stock\":%lld,\"line\":%lld,\"eventId\":",
                  movement_kind_name(entry->movement.kind), (long long)entry->movement.delta,
                  (long long)entry->movement.stock, (long long)entry->line);
    json_add_string(out, entry->event_id);
    strbuf_add_str(out, ",\"orderId\":");
    json_add_string(out, entry->order_id);
    strbuf_printf(out, ",\"movedAt\":\"%s\"}", moved_at);
}
