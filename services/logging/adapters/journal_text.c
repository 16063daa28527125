#include "logging/adapters/journal_text.h"

#include "base/clock.h"
#include "event/json.h"

void journal_body_add(const struct journal_row *row, struct strbuf *out) {
    char time[CLOCK_RFC3339_SIZE];
    strbuf_add_str(out, "{\"serviceName\":");
    json_add_string(out, row->entry.service_name);
    strbuf_add_str(out, ",\"action\":");
    json_add_string(out, row->entry.action);
    if (*row->entry.order_id) {
        strbuf_add_str(out, ",\"orderId\":");
        json_add_string(out, row->entry.order_id);
    }
    strbuf_add_str(out, ",\"eventId\":");
    json_add_string(out, row->event_id);
    if (row->happened_ms > 0) {
        clock_format_rfc3339(row->happened_ms, time);
        strbuf_printf(out, ",\"happenedAt\":\"%s\"", time);
    }
    clock_format_rfc3339(row->logged_ms, time);
    strbuf_printf(out, ",\"loggedAt\":\"%s\"}", time);
}

void journal_print(const struct journal_row *row, enum output_format format, struct strbuf *out) {
    if (format == OUTPUT_JSON) {
        journal_body_add(row, out);
        strbuf_add_char(out, '\n');
        return;
    }
    char text[ENTRY_TEXT_SIZE];
    strbuf_add(out, text, entry_text(&row->entry, text));
}
