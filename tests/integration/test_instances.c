/* Several instances of a service, each with a database of its own, share the
 * partitions of their group: what moves when one comes, stops or dies. */
#include "support/database.h"
#include "support/instances.h"
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { N_CUSTOMERS = 8 }; /* enough that each partition has some of their orders */

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static int open_shop(void **state) {
    *state = shop_open_with(EVERY_SERVICE);
    return 0;
}

static int open_small_shop(void **state) {
    *state = shop_open_with(ORDER | NOTIFICATION);
    return 0;
}

/* --- what they did --- */

static void order_as(struct shop *shop, int customer, const char *prefix) {
    const char *body =
        scratch_printf("{\"orderId\":\"%s-%d\",\"customerId\":\"CUSTOMER-%d\",\"products\":["
                       "{\"productId\":\"PRODUCT-123\",\"quantity\":1}]}",
                       prefix, customer, customer);
    assert_int_equal(checkout(shop, body).status, 201);
}

/* By each customer one. */
static void order_each(struct shop *shop, const char *prefix) {
    for (int i = 0; i < N_CUSTOMERS; i++)
        order_as(shop, i, prefix);
}

static const char *const count_notices = "SELECT count(*) FROM notifications";

static int first_notices(struct shop *shop) {
    return (int)database_number(shop, NOTIFICATION, count_notices);
}

static int second_notices(struct shop *shop) {
    const char *path = scratch_printf("%s/notification.db", second_folder(shop));
    return (int)database_number_in(path, count_notices);
}

/* --- one comes, one stops --- */

static void instances__share_the_work_and_hand_it_over_under_load(void **state) {
    struct shop *shop = *state;
    struct load *load = start_mixed_load(shop);

    struct process *notifier = start_second(shop, NOTIFICATION);
    struct process *logger = start_second(shop, LOGGING);
    assert_within(MOVE_TIMEOUT_MS,
                  are_shared(shop_process(shop, NOTIFICATION), notifier, NOTIFICATION_PARTITIONS));
    assert_within(MOVE_TIMEOUT_MS,
                  are_shared(shop_process(shop, LOGGING), logger, LOGGING_PARTITIONS));
    assert_soon(strstr(process_stdout(notifier), "Congrats"));
    assert_soon(strstr(process_stdout(logger), "serviceName"));
    let_order(load);
    shop_stop(shop, NOTIFICATION | LOGGING);
    assert_within(MOVE_TIMEOUT_MS, n_partitions(notifier) == NOTIFICATION_PARTITIONS &&
                                       n_partitions(logger) == LOGGING_PARTITIONS);
    let_order(load);
    shop_start(shop, NOTIFICATION | LOGGING);
    assert_within(MOVE_TIMEOUT_MS,
                  are_shared(shop_process(shop, NOTIFICATION), notifier, NOTIFICATION_PARTITIONS));
    assert_within(MOVE_TIMEOUT_MS,
                  are_shared(shop_process(shop, LOGGING), logger, LOGGING_PARTITIONS));
    let_order(load);
    load_end(load, LOAD_STOP);

    struct audit_report report = audit_both(shop, load);
    int n_twice = count_handled_twice(&report);
    const char *reason = warning_of_repetition(shop);
    if (!broker_is_apache())
        reason = "the embedded broker takes no commit while a group rebalances";
    if (n_twice > 0 && !reason)
        audit_assert_holds(&report);
    print_message("%d events were handled twice%s%s\n", n_twice, n_twice > 0 ? ": " : "",
                  n_twice > 0 ? reason : "");
}

static void instance__goes_on_where_the_other_ended_when_partitions_come_back(void **state) {
    struct shop *shop = *state;
    order_each(shop, "FIRST");
    assert_soon(first_notices(shop) == N_CUSTOMERS);

    struct process *second = start_second(shop, NOTIFICATION);
    assert_soon(n_partitions(second) > 0);
    shop_stop(shop, NOTIFICATION);
    assert_within(MOVE_TIMEOUT_MS, n_partitions(second) == NOTIFICATION_PARTITIONS);
    order_each(shop, "SECOND");
    assert_soon(second_notices(shop) >= N_CUSTOMERS);
    shop_start(shop, NOTIFICATION);
    shop_wait_ready(shop, NOTIFICATION);
    stop_second(second);
    assert_within(MOVE_TIMEOUT_MS,
                  n_partitions(shop_process(shop, NOTIFICATION)) == NOTIFICATION_PARTITIONS);
    order_each(shop, "THIRD");
    assert_soon(first_notices(shop) >= 2 * N_CUSTOMERS);

    shop_stop(shop, NOTIFICATION);
    assert_int_equal(first_notices(shop), 2 * N_CUSTOMERS);
    assert_int_equal(second_notices(shop), N_CUSTOMERS);
}

/* --- what Kafka was not told --- */

static void refuse_commits(struct shop *shop, int n) {
    for (int i = 0; i < n; i++)
        broker_fail_request(shop_broker(shop), REQUEST_OFFSET_COMMIT,
                            RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, 0);
}

/* Each is handled, and Kafka refuses to be told so. */
static void order_each_untold(struct shop *shop, const char *prefix) {
    for (int i = 0; i < N_CUSTOMERS; i++) {
        refuse_commits(shop, 1);
        order_as(shop, i, prefix);
        assert_soon(broker_faults_left(shop_broker(shop), REQUEST_OFFSET_COMMIT) == 0);
    }
}

static void instance__tells_kafka_what_it_has_done_when_it_stops(void **state) {
    struct shop *shop = *state;
    if (broker_is_apache())
        skip();
    order_each_untold(shop, "UNTOLD");

    shop_stop(shop, NOTIFICATION);
    struct process *second = start_second(shop, NOTIFICATION);
    assert_within(MOVE_TIMEOUT_MS, n_partitions(second) == NOTIFICATION_PARTITIONS);
    order_each(shop, "NEXT");

    assert_soon(second_notices(shop) >= N_CUSTOMERS);
    stop_second(second);
    assert_int_equal(first_notices(shop), N_CUSTOMERS);
    assert_int_equal(second_notices(shop), N_CUSTOMERS);
}

/* What the database alone knows comes first here: as if each commit had failed. */
static void instance__tells_kafka_what_it_has_done_before_another_takes_its_share(void **state) {
    struct shop *shop = *state;
    if (!broker_is_apache())
        skip(); /* it takes no commit while a group rebalances */
    order_each(shop, "UNTOLD");
    assert_soon(first_notices(shop) == N_CUSTOMERS);
    shop_stop(shop, NOTIFICATION);
    for (int partition = 0; partition < BROKER_PARTITIONS; partition++)
        kafka_set_offset(broker_address(shop_broker(shop)), shop_group(shop, NOTIFICATION),
                         shop_topic(shop, NEW_ORDER), partition, 0);
    shop_start(shop, NOTIFICATION);
    shop_wait_ready(shop, NOTIFICATION);

    struct process *second = start_second(shop, NOTIFICATION);
    assert_within(MOVE_TIMEOUT_MS,
                  are_shared(shop_process(shop, NOTIFICATION), second, NOTIFICATION_PARTITIONS));
    order_each(shop, "NEXT");

    assert_soon(first_notices(shop) + second_notices(shop) >= 2 * N_CUSTOMERS);
    stop_second(second);
    shop_stop(shop, NOTIFICATION);
    assert_int_equal(first_notices(shop) + second_notices(shop), 2 * N_CUSTOMERS);
}

/* --- one is killed --- */

static void killed_instance__costs_what_it_had_done_and_not_told_kafka(void **state) {
    struct shop *shop = *state;
    if (broker_is_apache())
        skip();
    order_each(shop, "TOLD");
    assert_soon(first_notices(shop) == N_CUSTOMERS);
    order_each_untold(shop, "UNTOLD");

    shop_kill(shop, NOTIFICATION);
    struct process *second = start_second(shop, NOTIFICATION);
    assert_within(MOVE_TIMEOUT_MS, n_partitions(second) == NOTIFICATION_PARTITIONS);
    order_each(shop, "NEXT");

    assert_soon(second_notices(shop) >= 2 * N_CUSTOMERS);
    stop_second(second);
    assert_int_equal(first_notices(shop), 2 * N_CUSTOMERS);
    assert_int_equal(second_notices(shop), 2 * N_CUSTOMERS);
}

/* --- one data folder for all --- */

static bool has_data_in(const struct process *process, const char *folder) {
    return strstr(process_stderr(process), scratch_printf("data in %s,", folder));
}

static void instance__takes_the_first_slot_that_is_free(void **state) {
    struct shop *shop = *state;
    shop_stop(shop, NOTIFICATION);
    shop_set_for(shop, NOTIFICATION, "DATA_SLOTS=2");
    shop_start(shop, NOTIFICATION);
    shop_wait_ready(shop, NOTIFICATION);
    struct process *third;

    struct process *second = shop_start_another(shop, NOTIFICATION);
    assert_soon(has_data_in(second, scratch_printf("%s/2", shop_folder(shop))));
    assert_int_equal(shop_run(shop, NOTIFICATION, NULL, &third), 1);
    assert_says(process_stderr(third), "all 2 slots are taken");

    assert_true(has_data_in(shop_process(shop, NOTIFICATION), shop_folder(shop)));
    shop_kill(shop, NOTIFICATION);
    shop_start(shop, NOTIFICATION);
    assert_soon(has_data_in(shop_process(shop, NOTIFICATION), shop_folder(shop)));
}

#define test_in(open, test) cmocka_unit_test_setup_teardown(test, open, close_shop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test_in(open_shop, instances__share_the_work_and_hand_it_over_under_load),
        test_in(open_small_shop, instance__goes_on_where_the_other_ended_when_partitions_come_back),
        test_in(open_small_shop,
                instance__tells_kafka_what_it_has_done_before_another_takes_its_share),
        test_in(open_small_shop, instance__tells_kafka_what_it_has_done_when_it_stops),
        test_in(open_small_shop, killed_instance__costs_what_it_had_done_and_not_told_kafka),
        test_in(open_small_shop, instance__takes_the_first_slot_that_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
