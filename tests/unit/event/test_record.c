#include "event/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_MANY = 200 };

/* Packs the headers "0" to "N_MANY - 1", each with its name as value. */
static struct bytes pack_many(struct strbuf *packed) {
    strbuf_init(packed);
    for (int i = 0; i < N_MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        record_pack_header(&(struct record_header){name, {name, strlen(name)}}, packed);
    }
    return (struct bytes){packed->data, packed->len};
}

static void record_unpack_headers__keeps_all_in_their_order_when_they_are_many(void **state) {
    struct strbuf packed, again;
    struct record record = {.topic = "orders"};
    (void)state;
    struct bytes many = pack_many(&packed);

    assert_int_equal(record_unpack_headers(many, &record, NULL), OK);

    struct record_walk walk = record_walk(&record);
    struct record_header header;
    int n = 0;
    for (; record_walk_next(&walk, &header); n++) {
        assert_int_equal(atoi(header.name), n);
        assert_memory_equal(header.value.data, header.name, header.value.len);
    }
    assert_int_equal(n, N_MANY);
    assert_int_equal(record.n_headers, RECORD_HEADERS_MAX);
    strbuf_init(&again);
    record_pack_headers(&record, &again);
    assert_int_equal(again.len, packed.len);
    assert_memory_equal(again.data, packed.data, packed.len);
    strbuf_release(&again);
    strbuf_release(&packed);
}

static void record_unpack_headers__is_a_bug_when_they_end_early(void **state) {
    struct strbuf packed;
    struct record record = {.topic = "orders"};
    (void)state;
    strbuf_init(&packed);
    record_pack_header(&(struct record_header){"name", {"value", 5}}, &packed);

    for (size_t len = 1; len < packed.len; len++)
        assert_int_equal(record_unpack_headers((struct bytes){packed.data, len}, &record, NULL),
                         ERR_BUG);
    assert_int_equal(record_unpack_headers((struct bytes){NULL, 0}, &record, NULL), OK);
    assert_int_equal(record.n_headers, 0);
    strbuf_release(&packed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_unpack_headers__keeps_all_in_their_order_when_they_are_many),
        cmocka_unit_test(record_unpack_headers__is_a_bug_when_they_end_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
