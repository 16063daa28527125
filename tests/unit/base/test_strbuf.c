#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void strbuf_init__is_an_empty_string(void **state) {
    (void)state;
    struct strbuf buf;
    strbuf_init(&buf);
    assert_string_equal(buf.data, "");
    assert_int_equal(buf.len, 0);
    strbuf_reset(&buf);
    strbuf_release(&buf);
}

static void strbuf_add__appends_and_terminates_when_bytes_hold_nul(void **state) {
    (void)state;
    struct strbuf buf;
    strbuf_init(&buf);
    strbuf_add(&buf, "a\0b", 3);
    strbuf_add(&buf, NULL, 0);
    strbuf_add_char(&buf, 'c');
    assert_int_equal(buf.len, 4);
    assert_memory_equal(buf.data, "a\0bc", 5);
    strbuf_release(&buf);
}

static void strbuf_add__keeps_what_was_there_when_it_grows(void **state) {
    (void)state;
    struct strbuf buf;
    strbuf_init(&buf);
    for (int i = 0; i < 10000; i++)
        strbuf_add_str(&buf, "0123456789");
    assert_int_equal(buf.len, 100000);
    assert_int_equal(strlen(buf.data), 100000);
    for (size_t i = 0; i < buf.len; i++)
        assert_int_equal(buf.data[i], '0' + (int)(i % 10));
    strbuf_release(&buf);
}

static void strbuf_reserve__leaves_nothing_to_allocate(void **state) {
    (void)state;
    struct strbuf buf;
    strbuf_init(&buf);
    strbuf_reserve(&buf, 0);
    assert_string_equal(buf.data, "");
    strbuf_add_str(&buf, "0123456789");
    strbuf_reserve(&buf, 1000);
    size_t size = buf.size;
    for (int i = 0; i < 100; i++)
        strbuf_add_str(&buf, "0123456789");
    assert_int_equal(buf.size, size);
    assert_int_equal(strlen(buf.data), 1010);
    strbuf_release(&buf);
}

static void strbuf_add__fills_buffer_to_its_last_byte(void **state) {
    (void)state;
    struct strbuf buf;
    for (size_t n = 0; n < 600; n++) {
        strbuf_init(&buf);
        for (size_t i = 0; i < n; i++)
            strbuf_add_char(&buf, 'x');
        assert_true(buf.len < buf.size || n == 0);
        assert_int_equal(strlen(buf.data), n);
        strbuf_release(&buf);
    }
}

static void strbuf_printf__appends_texts_of_any_length(void **state) {
    (void)state;
    struct strbuf buf;
    strbuf_init(&buf);
    strbuf_printf(&buf, "%s=%d;", "a", 1);
    strbuf_add_int(&buf, -9223372036854775807LL - 1);
    assert_string_equal(buf.data, "a=1;-9223372036854775808");
    strbuf_reset(&buf);
    strbuf_printf(&buf, "%0500d", 7);
    assert_int_equal(strlen(buf.data), 500);
    assert_int_equal(buf.data[499], '7');
    strbuf_release(&buf);
}

static void strbuf_reset__keeps_the_memory(void **state) {
    (void)state;
    struct strbuf buf;
    strbuf_init(&buf);
    strbuf_add_str(&buf, "something");
    const char *data = buf.data;
    strbuf_reset(&buf);
    assert_string_equal(buf.data, "");
    strbuf_add_str(&buf, "other");
    assert_ptr_equal(buf.data, data);
    strbuf_release(&buf);
    assert_string_equal(buf.data, "");
}

static void strbuf_detach__hands_over_the_bytes(void **state) {
    (void)state;
    struct strbuf buf;
    size_t len;
    strbuf_init(&buf);
    strbuf_add_str(&buf, "mine");
    char *text = strbuf_detach(&buf, &len);
    assert_string_equal(text, "mine");
    assert_int_equal(len, 4);
    assert_string_equal(buf.data, "");
    free(text);

    text = strbuf_detach(&buf, &len);
    assert_string_equal(text, "");
    assert_int_equal(len, 0);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strbuf_init__is_an_empty_string),
        cmocka_unit_test(strbuf_add__appends_and_terminates_when_bytes_hold_nul),
        cmocka_unit_test(strbuf_add__keeps_what_was_there_when_it_grows),
        cmocka_unit_test(strbuf_reserve__leaves_nothing_to_allocate),
        cmocka_unit_test(strbuf_add__fills_buffer_to_its_last_byte),
        cmocka_unit_test(strbuf_printf__appends_texts_of_any_length),
        cmocka_unit_test(strbuf_reset__keeps_the_memory),
        cmocka_unit_test(strbuf_detach__hands_over_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
