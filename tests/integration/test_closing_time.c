/*
 * Services that are stopped under load, one after the other: nothing is lost,
 * nothing happens twice, and a client sees no error that one retry does not
 * mend. There is one order-service; while it restarts, its port refuses
 * connections, and one that was being set up is reset. So the client's retry
 * is: when a request got no answer, wait until /readyz answers 200, and send
 * the same order once more.
 */
#include "support/auditor.h"
#include "support/free_port.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/wait.h"

enum { STOP_TIMEOUT_MS = 5000 };

static int open_shop(void **state) {
    struct shop *shop = shop_open(BROKER_STEADY);
    *state = shop;
    shop_set_for(shop, ORDER, scratch_printf("HTTP_PORT=%d", free_port()));
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static struct load *open_doors(struct shop *shop) {
    static const struct load_config customers = {
        .prefix = "CLOSING",
        .n_customers = 8,
        .n_orders_each = 20000,
        .is_mixed = true,
        .pause_ms = 20,
        .n_retries = 1,
        .patience_ms = 20000,
    };
    return load_start_with(shop, &customers);
}

/* Stops one service, which must exit with 0 in time, and starts it again.
 * Returns how long it took to exit, in milliseconds. */
static int restart(struct shop *shop, enum shop_service service) {
    int64_t before_ms = clock_monotonic_ms();
    shop_stop(shop, service);
    int took_ms = (int)(clock_monotonic_ms() - before_ms);
    print_message("the %s-service stopped within %d ms\n", shop_service_name(service), took_ms);
    assert_in_range(took_ms, 0, STOP_TIMEOUT_MS);
    shop_start(shop, service);
    shop_wait_ready(shop, service);
    return took_ms;
}

static void wait_for_orders(const struct load *load, int n_more) {
    int before = load_n_accepted(load);
    assert_soon(load_n_accepted(load) >= before + n_more);
}

static void close_doors(struct shop *shop, struct load *load) {
    load_end(load, LOAD_STOP);
    print_message("%zu orders, %d of them sent again\n", load_confirmed(load).n,
                  load_n_retried(load));
    assert_int_equal(load_unanswered(load).n, 0);
    assert_int_equal(load_refused(load).n, 0);
    struct load_ids told = load_confirmed(load);
    struct audit_report report = audit_stopped_shop(shop, &told);
    audit_assert_holds(&report);
}

static void customers__need_one_retry_at_most_when_each_service_restarts_in_turn(void **state) {
    struct shop *shop = *state;
    struct load *load = open_doors(shop);
    int max_ms = 0;

    for (unsigned bit = ORDER; bit < EVERY_SERVICE; bit <<= 1) {
        wait_for_orders(load, 100);
        int took_ms = restart(shop, (enum shop_service)bit);
        max_ms = took_ms > max_ms ? took_ms : max_ms;
    }
    wait_for_orders(load, 100);

    close_doors(shop, load);
    print_message("the slowest service stopped within %d ms\n", max_ms);
}

static void customers__need_one_retry_at_most_when_the_order_service_restarts_often(void **state) {
    struct shop *shop = *state;
    struct load *load = open_doors(shop);

    for (int i = 0; i < 10; i++) {
        wait_for_orders(load, 50);
        restart(shop, ORDER);
    }

    close_doors(shop, load);
}

static void shop__loses_and_doubles_nothing_when_all_of_it_stops_under_load(void **state) {
    struct shop *shop = *state;
    struct load *load = open_doors(shop);
    wait_for_orders(load, 200);

    shop_stop(shop, EVERY_SERVICE);
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    wait_for_orders(load, 200);

    close_doors(shop, load);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            customers__need_one_retry_at_most_when_each_service_restarts_in_turn, open_shop,
            close_shop),
        cmocka_unit_test_setup_teardown(
            customers__need_one_retry_at_most_when_the_order_service_restarts_often, open_shop,
            close_shop),
        cmocka_unit_test_setup_teardown(
            shop__loses_and_doubles_nothing_when_all_of_it_stops_under_load, open_shop, close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
