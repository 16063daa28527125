/* kill -9 under load: nothing that was accepted is lost, and nothing is applied twice. */
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

static int open_orders(void **state) {
    *state = shop_open_with(ORDER);
    return 0;
}

static void consumers__apply_each_order_once_when_they_are_killed_under_load(void **state) {
    struct shop *shop = *state;
    const unsigned consumers = INVENTORY | NOTIFICATION | LOGGING;
    enum { N_CUSTOMERS = 4, N_EACH = 75, N_ROUNDS = 2 };

    for (int round = 0; round < N_ROUNDS; round++) {
        struct load *load =
            load_start(shop, scratch_printf("ROUND-%d", round), N_CUSTOMERS, N_EACH);
        assert_soon(load_n_accepted(load) > 20);
        shop_kill(shop, INVENTORY);
        shop_kill(shop, NOTIFICATION);
        shop_kill(shop, LOGGING);
        load_end(load, LOAD_FINISH);
        assert_int_equal(load_accepted(load).n, N_CUSTOMERS * N_EACH);
        shop_start(shop, consumers);
        shop_wait_ready(shop, consumers);
    }

    assert_int_equal(audit_shop(shop), N_ROUNDS * N_CUSTOMERS * N_EACH);
}

/* As a client should: what was not answered is sent again with its orderId.
 * Returns how many had been stored before. */
static int send_again(struct shop *shop, struct load_ids unanswered) {
    int n_stored = 0;
    for (size_t i = 0; i < unanswered.n; i++) {
        int status = checkout(shop, load_order(unanswered.items[i])).status;
        assert_true(status == 201 || status == 200);
        n_stored += status == 200;
    }
    return n_stored;
}

static void order_service__keeps_each_accepted_order_when_it_is_killed_under_load(void **state) {
    struct shop *shop = *state;
    enum { N_ROUNDS = 3 };
    int n_orders = 0;

    for (int round = 0; round < N_ROUNDS; round++) {
        struct load *load = load_start(shop, scratch_printf("ROUND-%d", round), 4, 5000);
        assert_soon(load_n_accepted(load) > 50);
        shop_kill(shop, ORDER);
        load_end(load, LOAD_STOP);
        struct load_ids accepted = load_accepted(load), unanswered = load_unanswered(load);
        assert_int_equal(load_refused(load).n, 0);

        shop_start(shop, ORDER);
        shop_wait_ready(shop, ORDER);
        for (size_t i = 0; i < accepted.n; i++)
            look_at(shop, ORDER, scratch_printf("/orders/%s", accepted.items[i]));
        send_again(shop, unanswered);
        n_orders += (int)(accepted.n + unanswered.n);
    }

    assert_int_equal(audit_shop(shop), n_orders);
}

enum { N_MIXED_CUSTOMERS = 7 }; /* of a mixed load */

static int count_listed(struct shop *shop) {
    int n = 0;
    for (int i = 0; i < N_MIXED_CUSTOMERS; i++)
        n += count_of(shop, ORDER, scratch_printf("/orders?customerId=CUSTOMER-%d&limit=100", i));
    return n;
}

/* Enough of them that the table of customers has begun to follow the orders. */
static void order_service__lists_each_accepted_order_when_it_is_killed_under_load(void **state) {
    struct shop *shop = *state;
    enum { N_ROUNDS = 3, N_IN_A_ROUND = 3000 };
    int n_accepted = 0;

    for (int round = 0; round < N_ROUNDS; round++) {
        const struct load_config config = {.prefix = scratch_printf("ROUND-%d", round),
                                           .n_customers = 16,
                                           .n_orders_each = 5000,
                                           .is_mixed = true};
        struct load *load = load_start_with(shop, &config);
        assert_soon(load_n_accepted(load) > N_IN_A_ROUND);
        shop_kill(shop, ORDER);
        load_end(load, LOAD_STOP);
        n_accepted += (int)load_accepted(load).n;

        shop_start(shop, ORDER);
        shop_wait_ready(shop, ORDER);
        int n_stored = (int)database_number(shop, ORDER, "SELECT count(*) FROM orders");
        assert_true(n_stored >= n_accepted);
        assert_int_equal(count_listed(shop), n_stored);
    }
    assert_true(database_number(shop, ORDER, "SELECT count(*) FROM customer_orders") > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            consumers__apply_each_order_once_when_they_are_killed_under_load, open_shop,
            close_shop),
        cmocka_unit_test_setup_teardown(
            order_service__keeps_each_accepted_order_when_it_is_killed_under_load, open_shop,
            close_shop),
        cmocka_unit_test_setup_teardown(
            order_service__lists_each_accepted_order_when_it_is_killed_under_load, open_orders,
            close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
