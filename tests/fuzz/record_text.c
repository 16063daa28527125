#include "fuzz/record_text.h"

#include <string.h>

enum { LINE_END_IN_VALUE = 0x1e };

static struct bytes read_value(char *from, const char *to) {
    size_t len = (size_t)(to - from);
    for (char *at = from; (at = memchr(at, LINE_END_IN_VALUE, (size_t)(to - at)));)
        *at = '\n';
    return (struct bytes){from, len};
}

void record_text_read(char *text, size_t len, size_t n_max, struct record *record) {
    char *end = text + len;
    while (text < end && record->n_headers < n_max) {
        char *line_end = memchr(text, '\n', (size_t)(end - text));
        if (!line_end)
            line_end = end;
        char *colon = memchr(text, ':', (size_t)(line_end - text));
        struct record_header *header = &record->headers[record->n_headers++];
        *header = (struct record_header){.name = text};
        if (colon)
            header->value = read_value(colon + 1, line_end);
        *(colon ? colon : line_end) = '\0';
        text = line_end + 1;
    }
}
