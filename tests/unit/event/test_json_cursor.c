#include "event/json_check.h"
#include "event/json_cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A copy of exactly its size, so that a sanitizer sees a read past it; the test frees it. */
static char *copy_checked(const char *text) {
    size_t len = strlen(text);
    char *copy = malloc(len);
    struct json_fault fault;
    memcpy(copy, text, len);
    if (!json_check(copy, len, &fault))
        fail_msg("not JSON: %s: %s", text, fault.detail);
    return copy;
}

static void json_kind__tells_what_each_value_is(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum json_kind kind;
    } cases[] = {
        {"{}", JSON_OBJECT}, {" \n[1]", JSON_ARRAY}, {"\"a\"", JSON_STRING}, {"-0.5", JSON_NUMBER},
        {"7", JSON_NUMBER},  {"true", JSON_WORD},    {"false", JSON_WORD},   {"null", JSON_WORD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_cursor cursor = json_cursor(cases[i].text, strlen(cases[i].text));
        assert_int_equal(json_kind(&cursor), cases[i].kind);
    }
}

static void json_enter__comes_to_each_value_in_order(void **state) {
    (void)state;
    static const char source[] = " { \"a\" : 1 ,\"b\":[ ] , \"c\":{},\"d\":[2 , 30]} ";
    char *text = copy_checked(source);
    struct json_cursor cursor = json_cursor(text, strlen(source));
    char names[8] = "";
    double sum = 0, number;
    for (bool more = json_enter(&cursor); more; more = json_next(&cursor)) {
        char name[2];
        assert_true(json_take_name(&cursor, name, sizeof name));
        strcat(names, name);
        if (json_kind(&cursor) == JSON_NUMBER) {
            assert_true(json_take_number(&cursor, &number));
            sum += number;
        } else {
            for (bool inner = json_enter(&cursor); inner; inner = json_next(&cursor)) {
                assert_true(json_take_number(&cursor, &number));
                sum += number;
            }
        }
    }
    assert_string_equal(names, "abcd");
    assert_true(sum == 33);
    free(text);
}

static void json_take_string__gives_the_characters_that_are_meant(void **state) {
    (void)state;
    static const char text[] = "[\"a\\u0042\\n\\\"\\\\\\/\\ud83d\\ude00\xc3\xa9z\", \"\"]";
    struct json_cursor cursor = json_cursor(text, strlen(text));
    char out[32];
    assert_true(json_enter(&cursor));
    assert_true(json_take_string(&cursor, out, sizeof out));
    assert_string_equal(out, "aB\n\"\\/\xf0\x9f\x98\x80\xc3\xa9z");
    assert_true(json_next(&cursor));
    assert_true(json_take_string(&cursor, out, sizeof out));
    assert_string_equal(out, "");
    assert_false(json_next(&cursor));
}

static void json_take_string__says_so_when_it_does_not_fit(void **state) {
    (void)state;
    static const char *const texts[] = {"[\"abcd\",1]", "[\"abc\\u0064\",1]", "[\"ab\xc3\xa9\",1]",
                                        "[[\"a\"],1]", "[12,1]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct json_cursor cursor = json_cursor(texts[i], strlen(texts[i]));
        char out[4];
        double number = 0;
        assert_true(json_enter(&cursor));
        assert_false(json_take_string(&cursor, out, sizeof out));
        assert_true(json_next(&cursor)); /* it was passed over all the same */
        assert_true(json_take_number(&cursor, &number));
        assert_true(number == 1);
    }
}

static void json_take_number__reads_each_form(void **state) {
    (void)state;
    static const char text[] = "[-0.25,1e2,180.0 ,233,\"5\",null]";
    static const double numbers[] = {-0.25, 100, 180, 233};
    struct json_cursor cursor = json_cursor(text, strlen(text));
    double number = 0;
    bool more = json_enter(&cursor);
    for (size_t i = 0; i < 4; i++, more = json_next(&cursor)) {
        assert_true(more && json_take_number(&cursor, &number));
        assert_true(number == numbers[i]);
    }
    assert_false(json_take_number(&cursor, &number)); /* a string */
    assert_true(json_next(&cursor));
    assert_false(json_take_number(&cursor, &number)); /* a word */
    assert_false(json_next(&cursor));
}

static void json_skip__passes_over_the_whole_value(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{}",   "[]",   "{\"a\":[1,{\"]}\":\"\\\"}]\"}],\"b\":\"\\\\\"}", "\"\\\\\\\"\"", "-1.5e+3",
        "true", "null",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *text = copy_checked(texts[i]);
        struct json_cursor cursor = json_cursor(text, strlen(texts[i]));
        json_skip(&cursor);
        assert_ptr_equal(cursor.at, text + strlen(texts[i]));
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_kind__tells_what_each_value_is),
        cmocka_unit_test(json_enter__comes_to_each_value_in_order),
        cmocka_unit_test(json_take_string__gives_the_characters_that_are_meant),
        cmocka_unit_test(json_take_string__says_so_when_it_does_not_fit),
        cmocka_unit_test(json_take_number__reads_each_form),
        cmocka_unit_test(json_skip__passes_over_the_whole_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
