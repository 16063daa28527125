#include "http/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static enum status parse(struct target *target, const char *text) {
    struct error err;
    return target_parse(target, text, strlen(text), &err);
}

static void target_parse__splits_path_when_it_has_segments(void **state) {
    (void)state;
    struct target target;
    target_init(&target);

    enum status status = parse(&target, "/orders/ORDER-1");

    assert_int_equal(status, OK);
    assert_string_equal(target.path, "/orders/ORDER-1");
    assert_int_equal(target.n_segments, 2);
    assert_string_equal(target.segments[0], "orders");
    assert_string_equal(target.segments[1], "ORDER-1");
    target_release(&target);
}

static void target_parse__gives_one_empty_segment_when_path_is_root(void **state) {
    (void)state;
    struct target target;
    target_init(&target);

    enum status status = parse(&target, "/");

    assert_int_equal(status, OK);
    assert_int_equal(target.n_segments, 1);
    assert_string_equal(target.segments[0], "");
    target_release(&target);
}

static void target_parse__keeps_escaped_slash_in_its_segment(void **state) {
    (void)state;
    struct target target;
    target_init(&target);

    enum status status = parse(&target, "/orders/A%2fB%2FC/x");

    assert_int_equal(status, OK);
    assert_string_equal(target.path, "/orders/A%2fB%2FC/x");
    assert_int_equal(target.n_segments, 3);
    assert_string_equal(target.segments[1], "A/B/C");
    target_release(&target);
}

static void target_parse__keeps_escaped_separators_in_their_value(void **state) {
    (void)state;
    struct target target;
    target_init(&target);

    enum status status = parse(&target, "/o?a=1%262%3D3&b=x+y%2Bz&&flag&a=second");

    assert_int_equal(status, OK);
    assert_string_equal(target.path, "/o");
    assert_int_equal(target.n_fields, 4);
    assert_string_equal(target_query(&target, "a"), "1&2=3");
    assert_string_equal(target_query(&target, "b"), "x y+z");
    assert_string_equal(target_query(&target, "flag"), "");
    assert_null(target_query(&target, "A"));
    target_release(&target);
}

static void target_parse__takes_utf8_when_it_is_escaped(void **state) {
    (void)state;
    struct target target;
    target_init(&target);

    enum status status = parse(&target, "/caf%C3%A9");

    assert_int_equal(status, OK);
    assert_string_equal(target.segments[0], "caf\xc3\xa9");
    target_release(&target);
}

static void target_parse__refuses_what_is_malformed(void **state) {
    (void)state;
    static const char *const malformed[] = {
        "",
        "orders",
        "*",
        "http://localhost/",
        "/%",
        "/%4",
        "/%zz",
        "/%00",
        "/a%00b",
        "/o?a=%",
        "/o?%0g=1",
        "/o?a=%00",
        "/%ff",
        "/%C3",
        "/a b",
        "/a\tb",
        "/caf\xc3\xa9",
        "/\x7f",
        "/o?a=%ED%A0%80",
    };
    struct target target;
    target_init(&target);
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        enum status status = parse(&target, malformed[i]);

        if (status != ERR_INVALID)
            fail_msg("accepted: %s", malformed[i]);
    }
    target_release(&target);
}

static void target_parse__keeps_path_when_an_escape_in_it_is_wrong(void **state) {
    (void)state;
    struct target target;
    target_init(&target);

    enum status status = parse(&target, "/orders/%zz?a=b");

    assert_int_equal(status, ERR_INVALID);
    assert_string_equal(target.path, "/orders/%zz");
    target_release(&target);
}

static void target_parse__says_so_when_path_has_too_many_segments(void **state) {
    (void)state;
    struct target target;
    target_init(&target);

    enum status status = parse(&target, "/1/2/3/4/5/6/7/8/9/10?a=b");

    assert_int_equal(status, OK);
    assert_int_equal(target.n_segments, TARGET_SEGMENTS_MAX + 1);
    assert_string_equal(target_query(&target, "a"), "b");
    target_release(&target);
}

static void target_parse__refuses_query_when_it_has_too_many_fields(void **state) {
    (void)state;
    struct target target;
    target_init(&target);
    char text[256] = "/o?";
    for (int i = 0; i <= TARGET_FIELDS_MAX; i++)
        strcat(text, "a=1&");

    enum status status = parse(&target, text);

    assert_int_equal(status, ERR_INVALID);
    target_release(&target);
}

static void target_parse__forgets_what_was_parsed_before(void **state) {
    (void)state;
    struct target target;
    target_init(&target);
    parse(&target, "/a/b/c?d=e");

    enum status status = parse(&target, "/x");

    assert_int_equal(status, OK);
    assert_int_equal(target.n_segments, 1);
    assert_int_equal(target.n_fields, 0);
    target_release(&target);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(target_parse__splits_path_when_it_has_segments),
        cmocka_unit_test(target_parse__gives_one_empty_segment_when_path_is_root),
        cmocka_unit_test(target_parse__keeps_escaped_slash_in_its_segment),
        cmocka_unit_test(target_parse__keeps_escaped_separators_in_their_value),
        cmocka_unit_test(target_parse__takes_utf8_when_it_is_escaped),
        cmocka_unit_test(target_parse__refuses_what_is_malformed),
        cmocka_unit_test(target_parse__keeps_path_when_an_escape_in_it_is_wrong),
        cmocka_unit_test(target_parse__says_so_when_path_has_too_many_segments),
        cmocka_unit_test(target_parse__refuses_query_when_it_has_too_many_fields),
        cmocka_unit_test(target_parse__forgets_what_was_parsed_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
