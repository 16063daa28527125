#include "event/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Parses a copy of exactly its size, so that a sanitizer sees a read past it. */
static enum status parse_bytes(const char *text, size_t len, struct cJSON **out,
                               struct json_fault *fault) {
    char *copy = malloc(len > 0 ? len : 1);
    memcpy(copy, text, len);
    enum status status = json_parse(copy, len, out, fault);
    free(copy);
    return status;
}

static void assert_accepted(const char *text, size_t len) {
    struct cJSON *tree = NULL;
    struct json_fault fault;
    if (parse_bytes(text, len, &tree, &fault) != OK)
        fail_msg("refused: %.*s: %s", (int)len, text, fault.detail);
    cJSON_Delete(tree);
}

static void assert_refused(const char *text, size_t len, const char *pointer, const char *detail) {
    struct cJSON *tree = NULL;
    struct json_fault fault;
    if (parse_bytes(text, len, &tree, &fault) == OK)
        fail_msg("accepted: %.*s", (int)len, text);
    assert_null(tree);
    assert_string_equal(fault.pointer, pointer);
    if (!strstr(fault.detail, detail))
        fail_msg("%.*s: \"%s\" does not say \"%s\"", (int)len, text, fault.detail, detail);
}

static void json_parse__accepts_each_form_when_it_is_strict_json(void **state) {
    (void)state;
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-1.5e+3",
        "1E-400",
        "1e308",
        "\"\"",
        "[]",
        "{}",
        " \t\r\n[ 1 , [ ] , { } ]\n",
        "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\uABcd\\ud83d\\ude00\"",
        "{\"\":0,\" \":1}",
        "\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\"",
        "\"\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
        "{\"quantity\":1,\"Quantity\":2}",
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_accepted(texts[i], strlen(texts[i]));
}

static void json_parse__names_place_and_reason_when_text_is_not_strict_json(void **state) {
    (void)state;
    static const struct {
        const char *text, *pointer, *detail;
    } cases[] = {
        {"", "", "a value is expected, but the text ends"},
        {" ", "", "a value is expected, but the text ends"},
        {"\xef\xbb\xbfnull", "", "byte order mark"},
        {"nul", "", "a value is expected"},
        {"True", "", "a value is expected"},
        {"null null", "", "nothing is expected"},
        {"-", "", "a digit is expected, but the text ends"},
        {"01", "", "leading zeros"},
        {"-01", "", "leading zeros"},
        {"1.", "", "a digit is expected"},
        {".5", "", "a value is expected"},
        {"+1", "", "a value is expected"},
        {"1e", "", "a digit is expected"},
        {"1e+", "", "a digit is expected"},
        {"1e400", "", "out of range"},
        {"-1e400", "", "out of range"},
        {"[1,]", "/1", "a value is expected"},
        {"[1 2]", "/0", "',' or ']' is expected"},
        {"[1", "/0", "',' or ']' is expected, but the text ends"},
        {"{\"a\" 1}", "/a", "':' is expected"},
        {"{\"a\":1 \"b\":2}", "/a", "',' or '}' is expected"},
        {"{a:1}", "", "a member's name in quotes"},
        {"{\"a\":1,}", "", "a member's name in quotes"},
        {"{\"a\":", "/a", "a value is expected, but the text ends"},
        {"\"a", "", "a closing quote is expected, but the text ends"},
        {"\"\\", "", "after a backslash, but the text ends"},
        {"\"\\a\"", "", "after a backslash"},
        {"\"\\u12g4\"", "", "four hexadecimal digits"},
        {"\"\\u12", "", "four hexadecimal digits"},
        {"\"\\u0000\"", "", "NUL"},
        {"\"\\ud800\"", "", "a high surrogate"},
        {"\"\\ud800\\n\"", "", "a high surrogate"},
        {"\"\\ud800\\ud800\"", "", "a high surrogate"},
        {"\"\\ud800\\u", "", "a high surrogate"},
        {"\"\\udc00\"", "", "a low surrogate"},
        {"\"\n\"", "", "control character"},
        {"\"\x1f\"", "", "control character"},
        {"\"\x80\"", "", "not UTF-8"},
        {"\"\xc1\xbf\"", "", "not UTF-8"},
        {"\"\xe0\x9f\xbf\"", "", "not UTF-8"},
        {"\"\xed\xa0\x80\"", "", "not UTF-8"},
        {"\"\xf0\x8f\xbf\xbf\"", "", "not UTF-8"},
        {"\"\xf4\x90\x80\x80\"", "", "not UTF-8"},
        {"\"\xf5\x80\x80\x80\"", "", "not UTF-8"},
        {"\"\xe2\x82\"", "", "not UTF-8"},
        {"\"\xe2\x82", "", "not UTF-8"},
        {"{\"a\":[0,{\"b\":nil}]}", "/a/1/b", "a value is expected"},
        {"{\"a/b\":{\"m~n\":x}}", "/a~1b/m~0n", "a value is expected"},
        {"{\"\\u00fc\\ud83d\\ude00\":x}", "/\xc3\xbc\xf0\x9f\x98\x80", "a value is expected"},
        {"{\"a\":{\"line\\nfeed\":x}}", "/a", "a value is expected"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_refused(cases[i].text, strlen(cases[i].text), cases[i].pointer, cases[i].detail);
    assert_refused("\"\0\"", 3, "", "control character");
    assert_refused("\"\\\0\"", 4, "", "after a backslash");
    assert_refused("null\0", 5, "", "nothing is expected");
    assert_refused("null\xef\xbb\xbf", 7, "", "nothing is expected");
}

static void json_parse__refuses_a_member_when_its_name_was_given(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"name\":1,\"other\":2,\"name\":3}",
        "{\"name\":1,\"n\\u0061me\":3}",
        "{\"n\\u0061me\":{},\"name\":3}",
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_refused(texts[i], strlen(texts[i]), "/name", "given twice");
    const char *line = "{\"\\b\\f\\n\\r\\t\\/\\\"\\\\\":1,\"\\u0008\\u000c\\u000a\\u000d\\u0009/"
                       "\\u0022\\u005C\":2}";
    assert_refused(line, strlen(line), "", "given twice");
    const char *emoji = "{\"\\uD83D\\uDE00\":1,\"\xf0\x9f\x98\x80\":2}";
    assert_refused(emoji, strlen(emoji), "/\xf0\x9f\x98\x80", "given twice");
    const char *umlaut = "{\"a\":[],\"\xc3\xbc\":1,\"\\u00fc\":2}";
    assert_refused(umlaut, strlen(umlaut), "/\xc3\xbc", "given twice");
}

static void json_parse__gives_line_and_column_when_it_refuses(void **state) {
    (void)state;
    struct cJSON *tree = NULL;
    struct json_fault fault;
    const char *text = "{\n  \"a\": 1,\n  \"b\": x\n}";

    assert_int_equal(json_parse(text, strlen(text), &tree, &fault), ERR_INVALID);

    assert_int_equal(fault.line, 3);
    assert_int_equal(fault.column, 8);
    assert_string_equal(fault.pointer, "/b");
}

static void json_parse__stops_at_its_bounds(void **state) {
    (void)state;
    char deep[2 * (JSON_DEPTH_MAX + 1) + 1];
    memset(deep, '[', JSON_DEPTH_MAX + 1);
    memset(deep + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    assert_accepted(deep + 1, 2 * JSON_DEPTH_MAX);
    assert_refused(deep, 2 * (JSON_DEPTH_MAX + 1), "/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0",
                   "nested too deeply");

    char number[JSON_NUMBER_MAX + 2];
    memset(number, '1', sizeof number);
    assert_accepted(number, JSON_NUMBER_MAX);
    assert_refused(number, JSON_NUMBER_MAX + 1, "", "too many characters");

    struct strbuf members;
    strbuf_init(&members);
    for (int i = 0; i < JSON_MEMBERS_MAX; i++)
        strbuf_printf(&members, "%s\"m%d\":{\"m0\":0}", i == 0 ? "{" : ",", i);
    size_t len = members.len;
    strbuf_add_char(&members, '}');
    assert_accepted(members.data, members.len);
    members.len = len;
    strbuf_add_str(&members, ",\"more\":0}");
    assert_refused(members.data, members.len, "/more", "too many members");
    strbuf_release(&members);
}

static void json_parse__ends_the_pointer_early_when_names_are_long(void **state) {
    (void)state;
    struct json_fault fault;
    size_t room = sizeof fault.pointer - sizeof "/a/" - strlen("/0");
    char name[sizeof fault.pointer];
    char text[256];
    char pointer[sizeof fault.pointer];

    memset(name, 'n', sizeof name);
    snprintf(text, sizeof text, "{\"a\":{\"%.*s\":[x]}}", (int)room, name);
    snprintf(pointer, sizeof pointer, "/a/%.*s/0", (int)room, name);
    assert_refused(text, strlen(text), pointer, "a value is expected");

    snprintf(text, sizeof text, "{\"a\":{\"%.*s\":[x]}}", (int)room + 1, name);
    snprintf(pointer, sizeof pointer, "/a/%.*s", (int)room + 1, name);
    assert_refused(text, strlen(text), pointer, "a value is expected");

    snprintf(text, sizeof text, "{\"a\":{\"%.*s\":[x]}}", (int)room + 3, name);
    assert_refused(text, strlen(text), "/a", "a value is expected");
}

static void json_parse__takes_null_when_there_are_no_bytes(void **state) {
    (void)state;
    struct cJSON *tree = NULL;
    struct json_fault fault;
    assert_int_equal(json_parse(NULL, 0, &tree, &fault), ERR_INVALID);
    assert_int_equal(fault.line, 1);
    assert_int_equal(fault.column, 1);
}

/* Whatever the checker lets through, cJSON must be able to read: json_parse()
 * would abort. */
static void json_parse__survives_when_bytes_of_a_document_change(void **state) {
    (void)state;
    static const char document[] =
        "{\"orderId\":\"O\\u00fc\\ud83d\\ude00\xf0\x9f\x98\x80\",\"n\":[-1.5e+3,0,true,null,{}]}";
    static const char alphabet[] = "\"\\{}[]:,.-+0e1u\xf0\x80\xc3 \n";
    unsigned seed = 20261121;
    print_message("seed %u\n", seed);
    int n_accepted = 0;
    for (int i = 0; i < 20000; i++) {
        char text[sizeof document];
        memcpy(text, document, sizeof document);
        size_t len = sizeof document - 1 - (size_t)rand_r(&seed) % 2;
        for (int n = rand_r(&seed) % 3; n >= 0; n--)
            text[(size_t)rand_r(&seed) % len] =
                alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
        struct cJSON *tree = NULL;
        struct json_fault fault;
        if (parse_bytes(text, len, &tree, &fault) == OK)
            n_accepted++;
        cJSON_Delete(tree);
    }
    assert_in_range(n_accepted, 100, 19900);
}

static void json_cents__is_exact_when_there_are_at_most_two_decimals(void **state) {
    (void)state;
    static const struct {
        double number;
        int64_t cents;
    } cases[] = {
        {0, 0},
        {-0.0, 0},
        {0.01, 1},
        {0.07, 7},
        {0.29, 29},
        {1.1, 110},
        {19.99, 1999},
        {80, 8000},
        {4.35, 435},
        {999999999.99, 99999999999},
        {1e9, 100000000000},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t cents = -1;
        assert_int_equal(json_cents(cases[i].number, 100000000000, &cents), OK);
        assert_int_equal(cents, cases[i].cents);
    }
}

static void json_cents__refuses_when_it_is_no_amount_or_too_much(void **state) {
    (void)state;
    const double numbers[] = {-0.01, -1e-300, 0.001,    0.005,     19.999, 1e-9,
                              1.01,  1e300,   INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        int64_t cents = -1;
        assert_int_equal(json_cents(numbers[i], 100, &cents), ERR_INVALID);
        assert_int_equal(cents, -1);
    }
}

static void json_cents__reads_what_was_written_when_any_amount_is_given(void **state) {
    (void)state;
    struct strbuf text;
    strbuf_init(&text);
    unsigned seed = 7;
    for (int i = 0; i < 20000; i++) {
        int64_t written = ((int64_t)rand_r(&seed) * rand_r(&seed)) % 10000000000001;
        if (i < 1000)
            written = i;
        strbuf_reset(&text);
        json_add_cents(&text, written);
        int64_t read = -1;
        assert_int_equal(json_cents(strtod(text.data, NULL), 10000000000000, &read), OK);
        assert_int_equal(read, written);
    }
    strbuf_release(&text);
}

static void json_add_cents__writes_no_needless_digits(void **state) {
    (void)state;
    struct strbuf text;
    strbuf_init(&text);
    const int64_t amounts[] = {0, 1, 10, 99, 100, 8000, 8050, 8005, 100000000000};
    for (size_t i = 0; i < COUNT(amounts); i++) {
        json_add_cents(&text, amounts[i]);
        strbuf_add_char(&text, ' ');
    }
    assert_string_equal(text.data, "0 0.01 0.1 0.99 1 80 80.5 80.05 1000000000 ");
    strbuf_release(&text);
}

static void json_add_string__escapes_what_json_demands_and_no_more(void **state) {
    (void)state;
    struct strbuf text;
    strbuf_init(&text);
    json_add_string(&text, "a\"b\\c/\b\f\n\r\t\x01\x1f\x7f \xc3\xbc\xf0\x9f\x98\x80");
    assert_string_equal(
        text.data, "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f \xc3\xbc\xf0\x9f\x98\x80\"");
    strbuf_release(&text);
}

static void json_add_bytes__replaces_what_is_no_character_within_its_length(void **state) {
    (void)state;
    struct strbuf text;
    strbuf_init(&text);
    json_add_bytes(&text, "a\0b\xff\xe2\x82z\xc3\xbc", 8);
    assert_string_equal(text.data,
                        "\"a\\u0000b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\"");
    strbuf_reset(&text);
    json_add_bytes(&text, NULL, 0);
    assert_string_equal(text.data, "\"\"");
    strbuf_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_parse__accepts_each_form_when_it_is_strict_json),
        cmocka_unit_test(json_parse__names_place_and_reason_when_text_is_not_strict_json),
        cmocka_unit_test(json_parse__refuses_a_member_when_its_name_was_given),
        cmocka_unit_test(json_parse__gives_line_and_column_when_it_refuses),
        cmocka_unit_test(json_parse__stops_at_its_bounds),
        cmocka_unit_test(json_parse__ends_the_pointer_early_when_names_are_long),
        cmocka_unit_test(json_parse__takes_null_when_there_are_no_bytes),
        cmocka_unit_test(json_parse__survives_when_bytes_of_a_document_change),
        cmocka_unit_test(json_cents__is_exact_when_there_are_at_most_two_decimals),
        cmocka_unit_test(json_cents__refuses_when_it_is_no_amount_or_too_much),
        cmocka_unit_test(json_cents__reads_what_was_written_when_any_amount_is_given),
        cmocka_unit_test(json_add_cents__writes_no_needless_digits),
        cmocka_unit_test(json_add_string__escapes_what_json_demands_and_no_more),
        cmocka_unit_test(json_add_bytes__replaces_what_is_no_character_within_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
