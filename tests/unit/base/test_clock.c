#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void clock_format_rfc3339__writes_utc_with_milliseconds(void **state) {
    (void)state;
    char text[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(1795238340123, text);
    assert_string_equal(text, "2026-11-21T05:19:00.123Z");
    clock_format_rfc3339(1709164800007, text);
    assert_string_equal(text, "2024-02-29T00:00:00.007Z");
}

static void clock_format_rfc3339__takes_the_nearest_time_when_it_has_no_form(void **state) {
    (void)state;
    char text[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(-1, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    clock_format_rfc3339(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static void clock_now_ms__counts_milliseconds_of_this_century(void **state) {
    (void)state;
    assert_in_range(clock_now_ms(), 1700000000000, 4102444800000);
}

static void clock_monotonic_ms__never_goes_back(void **state) {
    (void)state;
    int64_t last_ms = clock_monotonic_ms();
    for (int i = 0; i < 10000; i++) {
        int64_t now_ms = clock_monotonic_ms();
        assert_true(now_ms >= last_ms);
        last_ms = now_ms;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_format_rfc3339__writes_utc_with_milliseconds),
        cmocka_unit_test(clock_format_rfc3339__takes_the_nearest_time_when_it_has_no_form),
        cmocka_unit_test(clock_now_ms__counts_milliseconds_of_this_century),
        cmocka_unit_test(clock_monotonic_ms__never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
