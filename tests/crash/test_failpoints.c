/* FAILPOINT itself: a typing error in it must not make a test prove nothing. */
#include "crash/round.h"
#include "support/scratch.h"
#include "support/testing.h"

#include <string.h>

enum { EXIT_SETTINGS = 2 };

static int open_shop(void **state) {
    *state = shop_open(BROKER_STEADY);
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static void failpoint__is_no_setting_of_an_ordinary_program(void **state) {
    struct shop *shop = *state;
    shop_set(shop, "FAILPOINT=no.such-point");
    assert_int_equal(shop_run(shop, ORDER, "--check", NULL), 0);
}

static void failpoint__is_refused_by_name_when_it_is_unknown_or_has_no_count(void **state) {
    static const char *const wrong[] = {
        "no.such-point", "stop.", "stop.begun:",   "stop.begun:0",    "stop.begun:-1",
        "stop.begun:2x", ":1",    "stop.begun:1:", "stop.begun:1:2:3"};
    struct shop *shop = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct process *process;
        shop_set(shop, scratch_printf("FAILPOINT=%s", wrong[i]));
        assert_int_equal(shop_run(shop, ORDER, "--check", &process), EXIT_SETTINGS);
        assert_non_null(strstr(process_stderr(process), scratch_printf("FAILPOINT=%s:", wrong[i])));
    }
}

static void failpoint__is_accepted_when_its_name_is_in_the_table(void **state) {
    struct shop *shop = *state;
    for (int point = 0; point < N_FAILPOINTS; point++) {
        shop_set(shop, scratch_printf("FAILPOINT=%s:3:20", failpoint_name((enum failpoint)point)));
        assert_int_equal(shop_run(shop, ORDER, "--check", NULL), 0);
    }
}

static int use_failpoints(void **state) {
    (void)state;
    round_use_failpoints();
    return 0;
}

int main(void) {
    const struct CMUnitTest ordinary[] = {
        cmocka_unit_test_setup_teardown(failpoint__is_no_setting_of_an_ordinary_program, open_shop,
                                        close_shop),
    };
    const struct CMUnitTest armed[] = {
        cmocka_unit_test_setup_teardown(
            failpoint__is_refused_by_name_when_it_is_unknown_or_has_no_count, open_shop,
            close_shop),
        cmocka_unit_test_setup_teardown(failpoint__is_accepted_when_its_name_is_in_the_table,
                                        open_shop, close_shop),
    };
    return cmocka_run_group_tests(ordinary, NULL, NULL) +
           cmocka_run_group_tests(armed, use_failpoints, NULL);
}
