#include "event/rfc3339.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void rfc3339_parse__reads_any_offset_and_fraction(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t time_ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T05:19:00.123Z", 1795238340123},
        {"2026-11-21t05:19:00.123z", 1795238340123},
        {"2026-11-21 05:19:00.123Z", 1795238340123},
        {"2026-11-21T07:19:00.123456789+02:00", 1795238340123},
        {"2026-11-20T23:49:00.1-05:30", 1795238340100},
        {"2026-11-21T05:19:00.999999Z", 1795238340999},
        {"2026-11-21T05:19:00-00:00", 1795238340000},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"1969-12-31T23:59:59.5Z", -500},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t time_ms = 1;
        if (!rfc3339_parse(cases[i].text, strlen(cases[i].text), &time_ms))
            fail_msg("refused: %s", cases[i].text);
        assert_int_equal(time_ms, cases[i].time_ms);
    }
}

static void rfc3339_parse__refuses_what_is_no_time(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "2026",
        "2026-11-21",
        "2026-11-21T05:19:00",
        "2026-11-21T05:19Z",
        "2026-11-21T05:19:00.Z",
        "2026-11-21T05:19:00,5Z",
        "2026-11-21T05:19:00+02",
        "2026-11-21T05:19:00+0200",
        "2026-11-21T05:19:00+24:00",
        "2026-11-21T05:19:00Z ",
        " 2026-11-21T05:19:00Z",
        "2026-13-21T05:19:00Z",
        "2026-00-21T05:19:00Z",
        "2026-11-31T05:19:00Z",
        "2026-11-00T05:19:00Z",
        "2025-02-29T05:19:00Z",
        "1900-02-29T05:19:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T05:60:00Z",
        "2026-11-21T05:19:61Z",
        "20261121T051900Z",
        "26-11-21T05:19:00Z",
        "2026-1-21T05:19:00Z",
        "+2026-11-21T05:19:00Z",
        "2026-11-21T05:19:00ZZ",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t time_ms = 1;
        if (rfc3339_parse(texts[i], strlen(texts[i]), &time_ms))
            fail_msg("accepted: %s", texts[i]);
        assert_int_equal(time_ms, 1);
    }
}

static void rfc3339_parse__reads_no_further_than_its_length(void **state) {
    (void)state;
    int64_t time_ms = 1;
    assert_true(rfc3339_parse("2026-11-21T05:19:00Z+02:00", 20, &time_ms));
    assert_int_equal(time_ms, 1795238340000);
    assert_false(rfc3339_parse("2026-11-21T05:19:00Z", 19, &time_ms));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3339_parse__reads_any_offset_and_fraction),
        cmocka_unit_test(rfc3339_parse__refuses_what_is_no_time),
        cmocka_unit_test(rfc3339_parse__reads_no_further_than_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
