#include "event/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"
#define ZERO_TRACE "00000000000000000000000000000000"
#define ZERO_SPAN "0000000000000000"

static void traceparent_parse__keeps_what_version_00_knows(void **state) {
    (void)state;
    static const struct {
        const char *text, *parsed;
    } cases[] = {
        {"00-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-01"},
        {"00-" TRACE "-" SPAN "-00", "00-" TRACE "-" SPAN "-00"},
        {"00-" TRACE "-" SPAN "-ff", "00-" TRACE "-" SPAN "-01"},
        {"00-" TRACE "-" SPAN "-02", "00-" TRACE "-" SPAN "-00"},
        {"01-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-01"},
        {"cc-" TRACE "-" SPAN "-01-what-comes-one-day", "00-" TRACE "-" SPAN "-01"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char parsed[TRACEPARENT_SIZE];
        assert_true(traceparent_parse(cases[i].text, strlen(cases[i].text), parsed));
        assert_string_equal(parsed, cases[i].parsed);
    }
}

static void traceparent_parse__refuses_what_is_malformed(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "00-" TRACE "-" SPAN,
        "00-" TRACE "-" SPAN "-0",
        "00-" TRACE "-" SPAN "-01-",
        "00-" TRACE "-" SPAN "-01-more",
        "01-" TRACE "-" SPAN "-01more",
        "ff-" TRACE "-" SPAN "-01",
        "0g-" TRACE "-" SPAN "-01",
        "00-" ZERO_TRACE "-" SPAN "-01",
        "00-" TRACE "-" ZERO_SPAN "-01",
        "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01",
        "00_" TRACE "-" SPAN "-01",
        "00-" TRACE "_" SPAN "-01",
        "00-" TRACE "-" SPAN "_01",
        "00-" SPAN "-" TRACE "-01",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char parsed[TRACEPARENT_SIZE] = "untouched";
        if (traceparent_parse(texts[i], strlen(texts[i]), parsed))
            fail_msg("accepted: %s", texts[i]);
        assert_string_equal(parsed, "untouched");
    }
}

static void traceparent_continue__changes_the_span_alone(void **state) {
    (void)state;
    char traceparent[TRACEPARENT_SIZE] = "00-" TRACE "-" SPAN "-00";
    char parsed[TRACEPARENT_SIZE];

    traceparent_continue(traceparent);

    assert_true(traceparent_parse(traceparent, strlen(traceparent), parsed));
    assert_memory_equal(traceparent, "00-" TRACE "-", 36);
    assert_memory_not_equal(traceparent + 36, SPAN, 16);
    assert_string_equal(traceparent + 52, "-00");
}

static void traceparent_start__makes_another_valid_one_each_time(void **state) {
    (void)state;
    char one[TRACEPARENT_SIZE], other[TRACEPARENT_SIZE], parsed[TRACEPARENT_SIZE];
    traceparent_start(one);
    traceparent_start(other);
    assert_true(traceparent_parse(one, strlen(one), parsed));
    assert_string_equal(parsed, one);
    assert_memory_not_equal(one + 3, other + 3, 32);
}

static void traceparent_derive__gives_each_event_a_valid_trace_of_its_own(void **state) {
    (void)state;
    static const char *const events[][2] = {{"", "c/t/0/1"}, {"", "c/t/0/2"}, {"/a", "1"},
                                            {"/b", "1"},     {"/a", "2"},     {"/", "a1"}};
    enum { N = sizeof events / sizeof *events };
    char derived[N][TRACEPARENT_SIZE], again[TRACEPARENT_SIZE], parsed[TRACEPARENT_SIZE];
    for (size_t i = 0; i < N; i++) {
        traceparent_derive(events[i][0], events[i][1], derived[i]);
        traceparent_derive(events[i][0], events[i][1], again);
        assert_string_equal(derived[i], again);
        assert_true(traceparent_parse(derived[i], strlen(derived[i]), parsed));
        assert_string_equal(derived[i], parsed);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(derived[i], derived[j], strlen("00-") + 32);
    }
}

static void tracestate_copy__takes_512_visible_characters_and_no_more(void **state) {
    (void)state;
    char text[TRACESTATE_SIZE], copy[TRACESTATE_SIZE] = "";
    memset(text, 'a', sizeof text);
    assert_false(tracestate_copy(text, TRACESTATE_SIZE, copy));
    assert_true(tracestate_copy(text, TRACESTATE_SIZE - 1, copy));
    assert_int_equal(strlen(copy), TRACESTATE_SIZE - 1);
    assert_true(tracestate_copy("vendor=a b,other=~", 18, copy));
    assert_string_equal(copy, "vendor=a b,other=~");
    assert_false(tracestate_copy("", 0, copy));
    assert_false(tracestate_copy("a=\n", 3, copy));
    assert_false(tracestate_copy("a=\xc3\xbc", 4, copy));
    assert_string_equal(copy, "vendor=a b,other=~");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traceparent_parse__keeps_what_version_00_knows),
        cmocka_unit_test(traceparent_parse__refuses_what_is_malformed),
        cmocka_unit_test(traceparent_continue__changes_the_span_alone),
        cmocka_unit_test(traceparent_start__makes_another_valid_one_each_time),
        cmocka_unit_test(traceparent_derive__gives_each_event_a_valid_trace_of_its_own),
        cmocka_unit_test(tracestate_copy__takes_512_visible_characters_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
