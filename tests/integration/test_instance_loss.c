/* One of two instances of a service dies under load, or is taken for dead: nothing
 * is lost, and what is handled twice is counted. */
#include "support/instances.h"
#include "support/wait.h"

#include <signal.h>
#include <string.h>

enum { TWICE_MAX = 2 * 512 }; /* batches that a dead one may not have told Kafka */

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static int open_shop(void **state) {
    *state = shop_open_with(EVERY_SERVICE);
    return 0;
}

static void judge_a_loss(struct shop *shop, struct load *load, const char *what) {
    struct audit_report report = audit_both(shop, load);
    int n_twice = count_handled_twice(&report);
    print_message("%s under load: of %zu orders, %d events were handled twice\n", what,
                  load_accepted(load).n, n_twice);
    assert_true(n_twice <= TWICE_MAX || !broker_is_apache());
}

/* Two of the notification-service and two of the logging-service. Returns the
 * second notification-service. */
static struct process *share_the_work(struct shop *shop) {
    struct process *second = start_second(shop, NOTIFICATION);
    struct process *logger = start_second(shop, LOGGING);
    assert_within(MOVE_TIMEOUT_MS,
                  are_shared(shop_process(shop, NOTIFICATION), second, NOTIFICATION_PARTITIONS));
    assert_soon(n_partitions(logger) > 0);
    return second;
}

static void killed_instance__loses_nothing_under_load(void **state) {
    struct shop *shop = *state;
    struct process *second = share_the_work(shop);
    struct load *load = start_mixed_load(shop);

    shop_kill(shop, NOTIFICATION);
    assert_within(MOVE_TIMEOUT_MS, n_partitions(second) == NOTIFICATION_PARTITIONS);
    let_order(load);
    shop_start(shop, NOTIFICATION);
    shop_wait_ready(shop, NOTIFICATION);
    load_end(load, LOAD_STOP);

    judge_a_loss(shop, load, "killed");
}

static void paused_instance__loses_nothing_when_kafka_takes_it_for_dead(void **state) {
    struct shop *shop = *state;
    struct process *first = shop_process(shop, NOTIFICATION);
    struct process *second = share_the_work(shop);
    struct load *load = start_mixed_load(shop);

    process_signal(first, SIGSTOP);
    assert_within(MOVE_TIMEOUT_MS, n_partitions(second) == NOTIFICATION_PARTITIONS);
    let_order(load);
    process_signal(first, SIGCONT);
    assert_within(MOVE_TIMEOUT_MS, are_shared(first, second, NOTIFICATION_PARTITIONS));
    let_order(load);
    load_end(load, LOAD_STOP);

    judge_a_loss(shop, load, "paused");
}

#define test_in_shop(test) cmocka_unit_test_setup_teardown(test, open_shop, close_shop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test_in_shop(killed_instance__loses_nothing_under_load),
        test_in_shop(paused_instance__loses_nothing_when_kafka_takes_it_for_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
