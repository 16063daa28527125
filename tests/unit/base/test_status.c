#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void error_set__formats_the_text_and_returns_the_status(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(error_set(&err, ERR_BUSY, "%d of %s", 3, "four"), ERR_BUSY);
    assert_string_equal(err.text, "3 of four");
}

static void error_wrap__puts_context_in_front(void **state) {
    (void)state;
    struct error err;
    error_set(&err, ERR_INVALID, "no such topic");
    assert_int_equal(error_wrap(&err, ERR_UNAVAILABLE, "subscribe to %s", "x"), ERR_UNAVAILABLE);
    assert_string_equal(err.text, "subscribe to x: no such topic");
}

static void error_wrap__cuts_the_text_when_it_is_too_long(void **state) {
    (void)state;
    struct error err;
    error_set(&err, ERR_INVALID, "%0600d", 0);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    error_wrap(&err, ERR_INVALID, "context");
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_memory_equal(err.text, "context: 000", 12);
    error_wrap(&err, ERR_INVALID, "%0600d", 1);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

static void error_set__needs_no_error_to_fill(void **state) {
    (void)state;
    assert_int_equal(error_set(NULL, ERR_BUG, "lost"), ERR_BUG);
    assert_int_equal(error_wrap(NULL, ERR_BUG, "lost"), ERR_BUG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_set__formats_the_text_and_returns_the_status),
        cmocka_unit_test(error_wrap__puts_context_in_front),
        cmocka_unit_test(error_wrap__cuts_the_text_when_it_is_too_long),
        cmocka_unit_test(error_set__needs_no_error_to_fill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
