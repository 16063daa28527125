#include "orderctl/plain_text.h"

#include "event/utf8.h"

#include <string.h>

enum { DUMP_WIDTH = 16 };

/* C0, DEL, and C1 as UTF-8 has it: any of them can move a terminal's cursor. */
static bool is_control(const unsigned char *character, size_t len) {
    return (len == 1 && (*character < 0x20 || *character == 0x7f)) ||
           (len == 2 && character[0] == 0xc2 && character[1] < 0xa0);
}

bool plain_text_is(struct bytes bytes) {
    const unsigned char *text = bytes.data;
    for (size_t at = 0, n; at < bytes.len; at += n) {
        n = utf8_sequence(text + at, bytes.len - at);
        if (n == 0 || (is_control(text + at, n) && !strchr("\t\r\n", text[at])))
            return false;
    }
    return true;
}

void plain_text_add(struct strbuf *out, struct bytes bytes) {
    const unsigned char *text = bytes.data;
    if (!text) {
        strbuf_add_char(out, '-');
        return;
    }
    for (size_t at = 0, n; at < bytes.len; at += n) {
        n = utf8_sequence(text + at, bytes.len - at);
        if (n > 0 && !is_control(text + at, n)) {
            strbuf_add(out, text + at, n);
            continue;
        }
        n = n > 0 ? n : 1;
        for (size_t i = 0; i < n; i++)
            strbuf_printf(out, "\\x%02x", text[at + i]);
    }
}

void plain_text_add_dump(struct strbuf *out, struct bytes bytes) {
    const unsigned char *data = bytes.data;
    for (size_t at = 0; at < bytes.len; at += DUMP_WIDTH) {
        strbuf_printf(out, "%08zx ", at);
        for (size_t i = at; i < at + DUMP_WIDTH; i++) {
            if (i < bytes.len)
                strbuf_printf(out, " %02x", data[i]);
            else
                strbuf_add_str(out, "   ");
        }
        strbuf_add_str(out, "  ");
        for (size_t i = at; i < at + DUMP_WIDTH && i < bytes.len; i++)
            strbuf_add_char(out, data[i] >= 0x20 && data[i] < 0x7f ? (char)data[i] : '.');
        strbuf_add_char(out, '\n');
    }
}
