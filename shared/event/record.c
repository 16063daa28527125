#include "event/record.h"

#include <string.h>

struct record_walk record_walk(const struct record *record) {
    return (struct record_walk){.record = record, .packed = record->earlier_headers};
}

/* Takes the first header off `packed`; false when there is none, or it is not
 * whole. */
static bool take_packed(struct bytes *packed, struct record_header *out) {
    const char *name = packed->data;
    size_t name_len = packed->len > 0 ? strnlen(name, packed->len) : 0;
    int32_t len;
    size_t head_len = name_len + 1 + sizeof len;
    if (head_len > packed->len)
        return false;
    memcpy(&len, name + name_len + 1, sizeof len);
    size_t value_len = len > 0 ? (size_t)len : 0;
    if (value_len > packed->len - head_len)
        return false;
    const char *value = name + head_len;
    *out = (struct record_header){name, {len >= 0 ? value : NULL, value_len}};
    *packed = (struct bytes){value + value_len, packed->len - head_len - value_len};
    return true;
}

bool record_walk_next(struct record_walk *walk, struct record_header *out) {
    if (take_packed(&walk->packed, out))
        return true;
    if (walk->next == walk->record->n_headers)
        return false;
    *out = walk->record->headers[walk->next++];
    return true;
}

void record_pack_header(const struct record_header *header, struct strbuf *out) {
    int32_t len = header->value.data ? (int32_t)header->value.len : -1;
    strbuf_add(out, header->name, strlen(header->name) + 1);
    strbuf_add(out, &len, sizeof len);
    if (len > 0)
        strbuf_add(out, header->value.data, header->value.len);
}

void record_pack_headers(const struct record *record, struct strbuf *out) {
    struct record_walk walk = record_walk(record);
    struct record_header header;
    while (record_walk_next(&walk, &header))
        record_pack_header(&header, out);
}

enum status record_unpack_headers(struct bytes packed, struct record *record, struct error *err) {
    struct record_header header;
    struct bytes left = packed;
    size_t n = 0;
    while (take_packed(&left, &header))
        n++;
    if (left.len > 0)
        return error_set(err, ERR_BUG, "packed headers are damaged");

    size_t n_earlier = n > RECORD_HEADERS_MAX ? n - RECORD_HEADERS_MAX : 0;
    left = packed;
    for (size_t i = 0; i < n_earlier; i++)
        take_packed(&left, &header);
    record->earlier_headers =
        (struct bytes){n_earlier > 0 ? packed.data : NULL, packed.len - left.len};
    record->n_headers = 0;
    while (take_packed(&left, &header))
        record->headers[record->n_headers++] = header;
    return OK;
}
