#include "notification/adapters/notice_text.h"

#include "base/clock.h"
#include "event/json.h"

static void add_member(struct strbuf *out, const char *name, const char *value) {
    if (!*value)
        return;
    strbuf_printf(out, ",\"%s\":", name);
    json_add_string(out, value);
}

void notice_body_add(const struct stored_notice *notice, struct strbuf *out) {
    char text[NOTICE_TEXT_SIZE], sent_at[CLOCK_RFC3339_SIZE];
    notice_text(&notice->notice, text);
    clock_format_rfc3339(notice->sent_ms, sent_at);
    strbuf_printf(out, "{\"kind\":\"%s\"", notice_kind_name(notice->notice.kind));
    add_member(out, "text", text);
    add_member(out, "orderId", notice->notice.order_id);
    add_member(out, "customerId", notice->notice.customer_id);
    add_member(out, "productId", notice->notice.product_id);
    add_member(out, "eventId", notice->event_id);
    add_member(out, "sentAt", sent_at);
    strbuf_add_char(out, '}');
}

void notice_print(const struct stored_notice *notice, enum output_format format,
                  struct strbuf *out) {
    if (format == OUTPUT_JSON) {
        notice_body_add(notice, out);
        strbuf_add_char(out, '\n');
        return;
    }
    char text[NOTICE_TEXT_SIZE];
    notice_text(&notice->notice, text);
    strbuf_printf(out, "\n### Notification Service ###\n%s\n", text);
}
