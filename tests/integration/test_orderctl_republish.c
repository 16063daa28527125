/* orderctl republish: what it brings back, what it leaves out, and what it says. */
#include "support/auditor.h"
#include "support/database.h"
#include "support/kafka_client.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <string.h>

enum { N_ORDERS = 10, EXIT_USAGE = 2 };

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static int open_shop_that_loses_kafka(void **state) {
    struct shop *shop = shop_open(BROKER_GOES_AWAY);
    *state = shop;
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    return 0;
}

/* Runs `orderctl republish` to its end; returns what it printed on stdout. */
static const char *republish(struct shop *shop, const char *const arguments[]) {
    struct process *process;
    if (shop_orderctl(shop, arguments, &process) != 0)
        fail_msg("%s%s", process_stdout(process), process_stderr(process));
    return process_stdout(process);
}

static size_t count_in(struct shop *shop, enum shop_topic topic) {
    return kafka_count(broker_address(shop_broker(shop)), shop_topic(shop, topic));
}

/* The order-service, which could publish them itself, is not there. */
static void republish__brings_orders_back_when_kafka_lost_its_disk(void **state) {
    struct shop *shop = *state;
    order_many(shop, "APPLIED", N_ORDERS);
    wait_for_effects(shop, EVERY_SERVICE, N_ORDERS);
    shop_stop(shop, INVENTORY | NOTIFICATION);
    order_many(shop, "UNREAD", N_ORDERS);
    assert_soon(count_in(shop, NEW_ORDER) == 2 * N_ORDERS);
    shop_stop(shop, ORDER | LOGGING);
    broker_replace(shop_broker(shop));
    shop_start(shop, INVENTORY | NOTIFICATION | LOGGING);
    shop_wait_ready(shop, INVENTORY | NOTIFICATION | LOGGING);

    const char *said = republish(
        shop, (const char *const[]){"republish", "--since", "1h", "--service", "order", NULL});

    assert_non_null(strstr(said, "40 events were published once more"));
    assert_non_null(strstr(said, "orderctl audit"));
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    assert_int_equal(audit_shop(shop), 2 * N_ORDERS);
}

static int open_shop(void **state) {
    *state = shop_open_with(EVERY_SERVICE);
    return 0;
}

static void assert_same_bytes(const struct bytes *left, const struct bytes *right) {
    assert_int_equal(left->len, right->len);
    assert_memory_equal(left->data, right->data, left->len);
}

/* While the services run. */
static void republish__sends_the_same_bytes_key_and_headers(void **state) {
    struct shop *shop = *state;
    const char *brokers = broker_address(shop_broker(shop));
    order_many(shop, "SAME", 1);
    wait_for_effects(shop, EVERY_SERVICE, 1);

    republish(shop, (const char *const[]){"republish", "--since", "1h", NULL});

    struct kafka_records records = kafka_read(brokers, shop_topic(shop, NEW_ORDER));
    assert_int_equal(records.n, 2);
    const struct record *first = &records.items[0], *second = &records.items[1];
    assert_int_equal(first->partition, second->partition);
    assert_same_bytes(&first->key, &second->key);
    assert_same_bytes(&first->value, &second->value);
    assert_int_equal(first->n_headers, second->n_headers);
    for (size_t i = 0; i < first->n_headers; i++) {
        assert_string_equal(first->headers[i].name, second->headers[i].name);
        assert_same_bytes(&first->headers[i].value, &second->headers[i].value);
    }
    order_many(shop, "BEHIND", 1);
    assert_int_equal(audit_shop(shop), 2);
}

static int open_order_service(void **state) {
    *state = shop_open_with(ORDER);
    return 0;
}

static void republish__sends_only_what_it_is_asked_for(void **state) {
    struct shop *shop = *state;
    const char *orders = shop_topic(shop, NEW_ORDER);
    order_many(shop, "CHOSEN", N_ORDERS);
    assert_soon(has_published_all(shop, ORDER));
    size_t n_actions = count_in(shop, NEW_LOGGING_ACTION);

    const char *said = republish(
        shop, (const char *const[]){"republish", "--since", "1h", "--topic", orders, NULL});

    assert_non_null(strstr(said, "10 events were published once more"));
    assert_int_equal(count_in(shop, NEW_ORDER), 2 * N_ORDERS);
    assert_int_equal(count_in(shop, NEW_LOGGING_ACTION), n_actions);
}

static void republish__only_counts_in_a_dry_run(void **state) {
    struct shop *shop = *state;
    order_many(shop, "DRY", N_ORDERS);
    assert_soon(has_published_all(shop, ORDER));
    shop_set(shop, "KAFKA_BROKERS=127.0.0.1:1");

    const char *said =
        republish(shop, (const char *const[]){"republish", "--since", "1h", "--dry-run",
                                              "--service", "order", NULL});

    assert_non_null(strstr(said, "20 events would be published once more"));
    assert_non_null(strstr(said, "nothing was sent"));
    assert_int_equal(count_in(shop, NEW_ORDER), N_ORDERS);
}

/* One row was sent long ago, one some hours ago, one was never sent. */
static void republish__leaves_out_what_is_old_forgotten_or_unsent(void **state) {
    struct shop *shop = *state;
    const char *topic = shop_topic(shop, NEW_ORDER);
    order_many(shop, "ROW", 4);
    assert_soon(has_published_all(shop, ORDER));
    shop_stop(shop, ORDER);
    database_change(
        shop, ORDER,
        "UPDATE outbox_state SET sent_upto = 6;"
        "UPDATE outbox SET created_ms = created_ms - 40*24*3600000 WHERE seq <= 2;"
        "UPDATE outbox SET created_ms = created_ms - 3*3600000 WHERE seq BETWEEN 3 AND 4");

    struct process *process;
    const char *const all[] = {"republish", "--since",   "60d",   "--topic",
                               topic,       "--service", "order", NULL};
    assert_int_equal(shop_orderctl(shop, all, &process), 0);
    const char *said = process_stdout(process);
    assert_non_null(strstr(said, "2 events were published"));
    assert_non_null(strstr(said, "1 more were never sent"));
    assert_non_null(strstr(said, "1 more are older than INBOX_RETENTION_HOURS=720"));
    assert_non_null(strstr(process_stderr(process), "OUTBOX_RETENTION_HOURS=168"));

    said = republish(shop, (const char *const[]){"republish", "--since", "2h", "--topic", topic,
                                                 "--service", "order", NULL});
    assert_non_null(strstr(said, "1 events were published"));
}

static void republish__refuses_arguments_that_are_wrong(void **state) {
    static const struct {
        const char *arguments[6];
        const char *complaint;
    } cases[] = {
        {{"republish"}, "--since TIME is missing"},
        {{"republish", "--since", "yesterday"}, "--since yesterday: must be a time such as"},
        {{"republish", "--since", "2x"}, "--since 2x: must be"},
        {{"republish", "--since", "h"}, "--since h: must be"},
        {{"republish", "--since", "99999999999h"}, "--since 99999999999h: must be"},
        {{"republish", "--since", "2999-01-01T00:00:00Z"}, "lies in the future"},
        {{"republish", "--since", "2h", "--service", "shop"}, "--service shop: must be"},
        {{"republish", "--since", "2h", "--topic", "other"},
         "--topic other: is none of the shop's"},
        {{"republish", "--since", "2h", "more"}, "unknown argument more"},
        {{"republish", "--nothing"}, "--nothing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct process *process;
        assert_int_equal(shop_orderctl(*state, cases[i].arguments, &process), EXIT_USAGE);
        assert_non_null(strstr(process_stderr(process), cases[i].complaint));
        assert_string_equal(process_stdout(process), "");
    }
}

static int open_empty_shop(void **state) {
    *state = shop_open(BROKER_STEADY);
    return 0;
}

static void republish__says_what_is_missing(void **state) {
    struct shop *shop = *state;
    struct process *process;
    const char *const all[] = {"republish", "--since", "2020-01-01T00:00:00Z", NULL};
    const char *const one[] = {"republish", "--since", "2h", "--service", "order", NULL};
    assert_int_equal(shop_orderctl(shop, all, &process), 1);
    assert_non_null(strstr(process_stderr(process), "has no database of a service"));
    assert_int_equal(shop_orderctl(shop, one, &process), 1);
    assert_non_null(strstr(process_stderr(process), "order.db: No such file"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(republish__brings_orders_back_when_kafka_lost_its_disk,
                                        open_shop_that_loses_kafka, close_shop),
        cmocka_unit_test_setup_teardown(republish__sends_the_same_bytes_key_and_headers, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(republish__sends_only_what_it_is_asked_for,
                                        open_order_service, close_shop),
        cmocka_unit_test_setup_teardown(republish__only_counts_in_a_dry_run, open_order_service,
                                        close_shop),
        cmocka_unit_test_setup_teardown(republish__leaves_out_what_is_old_forgotten_or_unsent,
                                        open_order_service, close_shop),
        cmocka_unit_test_setup_teardown(republish__refuses_arguments_that_are_wrong,
                                        open_empty_shop, close_shop),
        cmocka_unit_test_setup_teardown(republish__says_what_is_missing, open_empty_shop,
                                        close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
