/* Two processes of a service with one database: the second is refused, or
 * waits and takes over. */
#include "base/clock.h"
#include "support/auditor.h"
#include "support/free_port.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <signal.h>
#include <string.h>

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static int open_shop(void **state) {
    *state = shop_open_with(EVERY_SERVICE);
    return 0;
}

static bool is_ready(const char *url) {
    return http_get(url).status == 200;
}

static struct process *start_standby(struct shop *shop, enum shop_service service) {
    shop_set(shop, "STANDBY=yes");
    struct process *standby = shop_start_another(shop, service);
    assert_soon(strstr(process_stderr(standby), "standing by"));
    return standby;
}

static void start__names_the_process_that_has_the_data(void **state) {
    struct shop *shop = *state;
    struct process *process;

    assert_int_equal(shop_run(shop, ORDER, NULL, &process), 1);

    const char *pid = scratch_printf("pid %d", (int)process_pid(shop_process(shop, ORDER)));
    assert_non_null(strstr(process_stderr(process), pid));
    assert_non_null(strstr(process_stderr(process), "STANDBY=yes"));
    assert_int_equal(checkout(shop, golden_order("ORDER-1")).status, 201);
}

static void
standby__takes_over_each_accepted_order_and_the_port_when_first_is_killed(void **state) {
    struct shop *shop = *state;
    const char *ready = shop_url(shop, ORDER, "/readyz");
    shop_set_for(shop, ORDER, scratch_printf("HTTP_PORT=%d", shop_port(shop, ORDER)));
    struct process *standby = start_standby(shop, ORDER);
    struct load *load = load_start(shop, "LOAD", 4, 5000);
    assert_soon(load_n_accepted(load) > 50);

    int64_t killed_at_ms = clock_monotonic_ms();
    shop_kill(shop, ORDER);
    assert_soon(is_ready(ready));
    print_message("the standby was ready after %lld ms\n",
                  (long long)(clock_monotonic_ms() - killed_at_ms));

    load_end(load, LOAD_STOP);
    struct load_ids accepted = load_accepted(load), unanswered = load_unanswered(load);
    for (size_t i = 0; i < accepted.n; i++)
        look_at(shop, ORDER, scratch_printf("/orders/%s", accepted.items[i]));
    for (size_t i = 0; i < unanswered.n; i++) {
        int status = checkout(shop, load_order(unanswered.items[i])).status;
        assert_true(status == 201 || status == 200);
    }
    int n_orders = (int)(accepted.n + unanswered.n);
    wait_for_effects(shop, INVENTORY, n_orders);
    process_signal(standby, SIGTERM);
    assert_int_equal(process_wait(standby, WAIT_TIMEOUT_MS), 0);
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    assert_int_equal(audit_shop(shop), n_orders);
}

/* Until it has its part of the topic again: the port is free at once, but Kafka
 * waits for the dead member until its session is over. */
static void standby__applies_each_order_once_when_a_consumer_is_killed(void **state) {
    struct shop *shop = *state;
    enum { N_CUSTOMERS = 4, TAKE_OVER_TIMEOUT_MS = 60000 };
    const char *ready = shop_url(shop, INVENTORY, "/readyz");
    shop_set_for(shop, INVENTORY, scratch_printf("HTTP_PORT=%d", shop_port(shop, INVENTORY)));
    struct process *standby = start_standby(shop, INVENTORY);
    const struct load_config config = {
        .prefix = "LOAD", .n_customers = N_CUSTOMERS, .n_orders_each = 20000, .pause_ms = 5};
    struct load *load = load_start_with(shop, &config);
    assert_soon(load_n_accepted(load) > 50);

    int64_t killed_at_ms = clock_monotonic_ms();
    shop_kill(shop, INVENTORY);
    assert_within(TAKE_OVER_TIMEOUT_MS, is_ready(ready));
    print_message("the standby had the partitions after %lld ms\n",
                  (long long)(clock_monotonic_ms() - killed_at_ms));

    load_end(load, LOAD_STOP);
    struct load_ids accepted = load_accepted(load);
    int n_orders = (int)accepted.n;
    assert_int_equal(load_unanswered(load).n + load_refused(load).n, 0);
    process_signal(standby, SIGTERM);
    assert_int_equal(process_wait(standby, WAIT_TIMEOUT_MS), 0);
    shop_start(shop, INVENTORY);
    shop_wait_ready(shop, INVENTORY);
    assert_int_equal(audit_shop(shop), n_orders);
}

static void standby__takes_over_when_first_stops(void **state) {
    struct shop *shop = *state;
    const char *ready = shop_url(shop, ORDER, "/readyz");
    shop_set_for(shop, ORDER, scratch_printf("HTTP_PORT=%d", shop_port(shop, ORDER)));
    start_standby(shop, ORDER);

    shop_stop(shop, ORDER);

    assert_soon(is_ready(ready));
}

static void standby__exits_with_success_when_it_is_told_to_stop(void **state) {
    struct shop *shop = *state;
    struct process *standby = start_standby(shop, ORDER);

    process_signal(standby, SIGTERM);

    assert_int_equal(process_wait(standby, WAIT_TIMEOUT_MS), 0);
    assert_int_equal(checkout(shop, golden_order("ORDER-1")).status, 201);
}

/* In a container, the standby has a port of its own. */
static void healthcheck__succeeds_while_a_standby_waits(void **state) {
    struct shop *shop = *state;
    shop_set_for(shop, ORDER, scratch_printf("HTTP_PORT=%d", free_port()));

    assert_int_equal(shop_run(shop, ORDER, "--healthcheck", NULL), 1);
    start_standby(shop, ORDER);
    assert_int_equal(shop_run(shop, ORDER, "--healthcheck", NULL), 0);
    shop_set(shop, "STANDBY=no");
    assert_int_equal(shop_run(shop, ORDER, "--healthcheck", NULL), 1);
}

#define test_in_shop(test) cmocka_unit_test_setup_teardown(test, open_shop, close_shop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test_in_shop(start__names_the_process_that_has_the_data),
        test_in_shop(standby__takes_over_each_accepted_order_and_the_port_when_first_is_killed),
        test_in_shop(standby__applies_each_order_once_when_a_consumer_is_killed),
        test_in_shop(standby__takes_over_when_first_stops),
        test_in_shop(healthcheck__succeeds_while_a_standby_waits),
        test_in_shop(standby__exits_with_success_when_it_is_told_to_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
