/* Services that are stopped and started again. */
#include "support/auditor.h"
#include "support/database.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static int open_shop(void **state) {
    *state = shop_open_with(EVERY_SERVICE);
    return 0;
}

static void shop__goes_on_where_it_was_when_every_service_is_restarted(void **state) {
    struct shop *shop = *state;
    order_many(shop, "BEFORE", 10);
    wait_for_effects(shop, EVERY_SERVICE, 10);

    shop_stop(shop, EVERY_SERVICE);
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    order_many(shop, "AFTER", 10);

    assert_int_equal(audit_shop(shop), 20);
    assert_int_equal(occurrences(shop_output(shop, NOTIFICATION), "your order BEFORE-3 has"), 1);
    assert_int_equal(occurrences(shop_output(shop, NOTIFICATION), "your order AFTER-3 has"), 1);
}

static int open_order_service(void **state) {
    *state = shop_open_with(ORDER);
    return 0;
}

static int n_stored(struct shop *shop, const char *order_id) {
    return (int)database_number(
        shop, ORDER, scratch_printf("SELECT count(*) FROM orders WHERE order_id = '%s'", order_id));
}

static void stop__answers_every_accepted_order_when_it_comes_under_load(void **state) {
    struct shop *shop = *state;
    struct load *load = load_start(shop, "LOAD", 8, 5000);
    assert_soon(load_n_accepted(load) > 50);

    shop_stop(shop, ORDER);

    load_end(load, LOAD_STOP);
    struct load_ids accepted = load_accepted(load), unanswered = load_unanswered(load);
    assert_int_equal(database_number(shop, ORDER, "SELECT count(*) FROM orders"), accepted.n);
    for (size_t i = 0; i < accepted.n; i++)
        assert_int_equal(n_stored(shop, accepted.items[i]), 1);
    for (size_t i = 0; i < unanswered.n; i++)
        assert_int_equal(n_stored(shop, unanswered.items[i]), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shop__goes_on_where_it_was_when_every_service_is_restarted,
                                        open_shop, close_shop),
        cmocka_unit_test_setup_teardown(stop__answers_every_accepted_order_when_it_comes_under_load,
                                        open_order_service, close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
