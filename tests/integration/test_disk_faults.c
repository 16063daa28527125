/* The disk fails under a running service: it has no space, it cannot sync, it
 * cannot read, it tears a page. Nothing that was accepted is lost, nothing is
 * applied twice, and what the service says is true. */
#include "support/auditor.h"
#include "support/database.h"
#include "support/disk.h"
#include "support/json_path.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { N_CUSTOMERS = 4, MANY = 5000, KILLED = 128 + SIGKILL };

enum { N_EACH = 50, N_LOAD = N_CUSTOMERS * N_EACH, N_CONSUMERS = 3 };

static const struct consumer {
    enum shop_service service;
    const char *files; /* of its database */
    const char *rows;  /* what it has done, over HTTP */
} consumers[N_CONSUMERS] = {
    {INVENTORY, "inventory.db*", "/movements?"},
    {NOTIFICATION, "notification.db*", "/notifications?"},
    {LOGGING, "logging.db*", "/actions?"},
};

static struct disk *disk;

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static int open_shop(void **state) {
    struct shop *shop = shop_open(BROKER_STEADY);
    *state = shop;
    disk = disk_open(shop);
    shop_set(shop, "CATALOGUE_WRITES=true");
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    return 0;
}

static void fill(const char *files) {
    disk_break(disk, &(struct disk_fault){
                         .files = files,
                         .calls = DISK_WRITE,
                         .error = ENOSPC,
                         .n_times = DISK_ALWAYS,
                     });
}

static void fail_sync(const char *files, int n_times) {
    disk_break(disk, &(struct disk_fault){
                         .files = files, .calls = DISK_SYNC, .error = EIO, .n_times = n_times});
}

static void tear(const char *files, int n_before) {
    disk_break(disk, &(struct disk_fault){
                         .files = files,
                         .calls = DISK_WRITE,
                         .error = DISK_TEARS,
                         .n_before = n_before,
                         .n_times = 1,
                     });
}

/* The sum over its partitions. */
static int lag_of(struct shop *shop, enum shop_service service) {
    int lag = 0;
    const char *line = http_get(shop_url(shop, service, "/metrics")).body;
    while ((line = strstr(line, "\nkafka_consumergroup_lag{"))) {
        line = strstr(line, "\"} ");
        assert_non_null(line);
        lag += atoi(line + strlen("\"} "));
    }
    return lag;
}

static void assert_refused(const struct http_answer *answer, const char *code) {
    assert_int_equal(answer->status, 503);
    assert_string_equal(json_text_at(json_of(answer->body), "/type"),
                        scratch_printf("urn:orderflow:problem:%s", code));
    assert_true(atoi(http_header(answer, "Retry-After")) > 0);
}

static bool can_write(struct shop *shop, enum shop_service service) {
    struct http_answer metrics = http_get(shop_url(shop, service, "/metrics"));
    assert_int_equal(metrics.status, 200);
    return strstr(metrics.body, "\norderflow_database_writable 1\n");
}

/* As a client should: what was not accepted is sent again with its orderId. */
static void send_again(struct shop *shop, struct load_ids ids) {
    for (size_t i = 0; i < ids.n; i++) {
        int status = checkout(shop, load_order(ids.items[i])).status;
        assert_true(status == 201 || status == 200);
    }
}

/* Of a load that the service's end has cut short: each accepted order is there,
 * and the others can be sent again. */
static void assert_load_survived(struct shop *shop, const struct load *load) {
    struct load_ids accepted = load_accepted(load), unanswered = load_unanswered(load);
    struct load_ids refused = load_refused(load);
    for (size_t i = 0; i < accepted.n; i++)
        look_at(shop, ORDER, scratch_printf("/orders/%s", accepted.items[i]));
    send_again(shop, unanswered);
    send_again(shop, refused);
    int n_orders = (int)(accepted.n + unanswered.n + refused.n);
    assert_int_equal(audit_shop(shop), n_orders);
}

static void restart(struct shop *shop, unsigned services) {
    shop_start(shop, services);
    shop_wait_ready(shop, services);
}

static void order_service__refuses_for_now_when_disk_is_full(void **state) {
    struct shop *shop = *state;
    order_many(shop, "BEFORE", 3);
    assert_true(can_write(shop, ORDER));

    fill("order.db*");
    struct http_answer refused = checkout(shop, load_order("FULL"));

    assert_refused(&refused, "unavailable");
    assert_int_equal(http_get(shop_url(shop, ORDER, "/readyz")).status, 503);
    assert_int_equal(http_get(shop_url(shop, ORDER, "/healthz")).status, 200);
    assert_false(can_write(shop, ORDER));
    assert_int_equal(http_get(shop_url(shop, ORDER, "/orders/FULL")).status, 404);
    look_at(shop, ORDER, "/orders/BEFORE-0");

    /* It finds out by itself, without an order that risks to be refused. */
    disk_mend(disk);
    shop_wait_ready(shop, ORDER);
    assert_true(can_write(shop, ORDER));
    const char *log = process_stderr(shop_process(shop, ORDER));
    assert_int_equal(occurrences(log, "disk is full"), 1);
    assert_int_equal(occurrences(log, "the database can be written again"), 1);

    assert_int_equal(checkout(shop, load_order("FULL")).status, 201);
    assert_int_equal(audit_shop(shop), 4);
}

static void order_service__stores_nothing_that_it_refused_when_disk_is_full(void **state) {
    struct shop *shop = *state;
    struct load *load = load_start(shop, "LOAD", N_CUSTOMERS, MANY);
    assert_soon(load_n_accepted(load) > 30);

    fill("order.db*");
    assert_soon(disk_n_struck(disk) > 20);
    disk_mend(disk);
    int n_before = load_n_accepted(load);
    assert_soon(load_n_accepted(load) > n_before + 30);
    load_end(load, LOAD_STOP);

    struct load_ids refused = load_refused(load);
    assert_int_equal(load_unanswered(load).n, 0);
    assert_true(refused.n > 0);
    for (size_t i = 0; i < refused.n; i++)
        assert_int_equal(checkout(shop, load_order(refused.items[i])).status, 201);
    int n_orders = (int)(load_accepted(load).n + refused.n);
    assert_int_equal(audit_shop(shop), n_orders);
}

static void consumer__catches_up_when_its_disk_was_full(const struct consumer *consumer,
                                                        struct shop *shop, int n_before) {
    enum shop_service service = consumer->service;
    assert_soon(lag_of(shop, service) == 0);
    int n_rows = count_of(shop, service, consumer->rows);

    fill(consumer->files);
    struct load *load = load_start(shop, consumer->files, N_CUSTOMERS, N_EACH);
    load_end(load, LOAD_FINISH);
    assert_int_equal(load_accepted(load).n, N_LOAD);
    assert_soon(disk_n_struck(disk) > 5);
    assert_int_equal(http_get(shop_url(shop, service, "/readyz")).status, 503);
    assert_false(can_write(shop, service));
    const char *log = process_stderr(shop_process(shop, service));
    assert_int_equal(occurrences(log, "changes are refused"), 1);
    assert_int_equal(count_of(shop, service, consumer->rows), n_rows);
    assert_soon(lag_of(shop, service) >= N_LOAD);

    disk_mend(disk);
    shop_wait_ready(shop, service);
    assert_soon(lag_of(shop, service) == 0);
    assert_int_equal(audit_shop(shop), n_before + N_LOAD);
}

static void each_consumer__catches_up_when_its_disk_was_full(void **state) {
    order_many(*state, "BEFORE", 3);
    wait_for_effects(*state, INVENTORY | NOTIFICATION | LOGGING, 3);
    for (int i = 0; i < N_CONSUMERS; i++) {
        consumer__catches_up_when_its_disk_was_full(&consumers[i], *state, 3 + i * N_LOAD);
        restart(*state, EVERY_SERVICE);
    }
}

static void start__refuses_and_names_reason_when_disk_is_full(void **state) {
    struct shop *shop = *state;
    order_many(shop, "BEFORE", 3);
    shop_stop(shop, ORDER);
    struct process *process;

    fill("order.db*");
    assert_int_equal(shop_run(shop, ORDER, NULL, &process), 1);

    assert_non_null(strstr(process_stderr(process), shop_database(shop, ORDER)));
    assert_non_null(strstr(process_stderr(process), "No space left on device"));
    assert_int_equal(occurrences(process_stderr(process), "\n"), 1);
    disk_mend(disk);
    restart(shop, ORDER);
    assert_int_equal(count_of(shop, ORDER, "/orders?"), 3);
}

static bool is_problem(const struct http_answer *answer, const char *type) {
    return answer->status == 503 && strstr(answer->body, type);
}

/* The order-service's answer; it stops, and is started again on a good disk. */
static struct http_answer answer_on_bad_disk(struct shop *shop, const char *method,
                                             const char *path, const char *json) {
    assert_soon(has_published_all(shop, ORDER));
    fail_sync("order.db*", DISK_ALWAYS);
    struct http_answer answer = send_json(shop, ORDER, method, path, json);
    struct process *process = shop_process(shop, ORDER);
    assert_int_equal(process_wait(process, WAIT_TIMEOUT_MS), 1);
    assert_int_equal(occurrences(process_stderr(process), "COMMIT failed"), 1);
    disk_mend(disk);
    restart(shop, ORDER);
    return answer;
}

/* What the service notes by itself may meet the fault before the request does,
 * which then finds a service that is stopping. */
static struct http_answer answer_when_sync_fails(struct shop *shop, const char *method,
                                                 const char *path, const char *json) {
    enum { TRIES = 5 };
    struct http_answer answer = answer_on_bad_disk(shop, method, path, json);
    for (int i = 1; i < TRIES && is_problem(&answer, "problem:unavailable"); i++)
        answer = answer_on_bad_disk(shop, method, path, json);
    assert_refused(&answer, "outcome-unknown");
    return answer;
}

/* The answer names the orderId, also where the service has made it. */
static void order_service__says_outcome_is_unknown_and_stops_when_sync_fails(void **state) {
    static const char order[] =
        "{\"customerId\":\"CUSTOMER-123\",\"products\":["
        "{\"productId\":\"PRODUCT-123\",\"quantity\":1,\"totalPrice\":80}]}";
    static const char *const paths[] = {"/orders", "/"};
    struct shop *shop = *state;
    for (int i = 0; i < 2; i++) {
        struct http_answer answer = answer_when_sync_fails(shop, "POST", paths[i], order);
        const char *id = strstr(json_text_at(json_of(answer.body), "/detail"), "ORDER-");
        assert_non_null(id);
        id = scratch_printf("%.*s", (int)strcspn(id, " "), id);
        int status = checkout(shop, load_order(id)).status;
        assert_true(status == 201 || status == 200);
    }
    assert_int_equal(audit_shop(shop), 2);
}

static void catalogue__is_as_asked_for_when_it_is_asked_again_after_sync_failed(void **state) {
    static const char path[] = "/products/PRODUCT-NEW";
    static const char product[] = "{\"name\":\"Pen\",\"price\":2.5}";
    struct shop *shop = *state;
    answer_when_sync_fails(shop, "PUT", path, product);
    int status = send_json(shop, ORDER, "PUT", path, product).status;
    assert_true(status == 201 || status == 200);
    answer_when_sync_fails(shop, "DELETE", path, NULL);
    status = send_json(shop, ORDER, "DELETE", path, NULL).status;
    assert_true(status == 204 || status == 404);
    assert_int_equal(http_get(shop_url(shop, ORDER, path)).status, 404);
    assert_int_equal(audit_shop(shop), 0);
}

static void order_service__keeps_each_accepted_order_when_sync_fails_under_load(void **state) {
    struct shop *shop = *state;
    struct load *load = load_start(shop, "LOAD", N_CUSTOMERS, MANY);
    assert_soon(load_n_accepted(load) > 50);

    fail_sync("order.db-wal", 1);
    assert_int_equal(process_wait(shop_process(shop, ORDER), WAIT_TIMEOUT_MS), 1);
    load_end(load, LOAD_STOP);
    assert_true(load_refused(load).n > 0);

    restart(shop, ORDER);
    assert_load_survived(shop, load);
}

static void
consumer__stops_and_goes_on_after_restart_when_sync_fails(const struct consumer *consumer,
                                                          struct shop *shop, int n_before) {
    struct load *load = load_start(shop, consumer->files, N_CUSTOMERS, N_EACH);
    assert_soon(load_n_accepted(load) > 20);

    fail_sync(consumer->files, 1);
    struct process *process = shop_process(shop, consumer->service);
    assert_int_equal(process_wait(process, WAIT_TIMEOUT_MS), 1);
    assert_int_equal(occurrences(process_stderr(process), "COMMIT failed"), 1);
    load_end(load, LOAD_FINISH);
    assert_int_equal(load_accepted(load).n, N_LOAD);

    restart(shop, consumer->service);
    assert_int_equal(audit_shop(shop), n_before + N_LOAD);
}

static void each_consumer__stops_and_goes_on_after_restart_when_sync_fails(void **state) {
    for (int i = 0; i < N_CONSUMERS; i++) {
        consumer__stops_and_goes_on_after_restart_when_sync_fails(&consumers[i], *state,
                                                                  i * N_LOAD);
        restart(*state, EVERY_SERVICE);
    }
}

/* Unreadable is as good as damaged: it must not go on writing there. */
static void order_service__stops_when_disk_cannot_be_read(void **state) {
    struct shop *shop = *state;
    order_many(shop, "BEFORE", 3);
    shop_stop(shop, ORDER);
    restart(shop, ORDER); /* now it has nothing in memory */

    disk_break(disk,
               &(struct disk_fault){
                   .files = "order.db*", .calls = DISK_READ, .error = EIO, .n_times = DISK_ALWAYS});
    struct http_answer refused = checkout(shop, load_order("UNREADABLE"));

    assert_refused(&refused, "unavailable");
    struct process *process = shop_process(shop, ORDER);
    assert_int_equal(process_wait(process, WAIT_TIMEOUT_MS), 1);
    assert_int_equal(occurrences(process_stderr(process), "is damaged or cannot be read"), 1);
    disk_mend(disk);
    restart(shop, ORDER);
    assert_int_equal(checkout(shop, load_order("UNREADABLE")).status, 201);
    assert_int_equal(audit_shop(shop), 4);
}

static void order_service__recovers_when_power_tears_the_log(void **state) {
    struct shop *shop = *state;
    struct load *load = load_start(shop, "LOAD", N_CUSTOMERS, MANY);
    assert_soon(load_n_accepted(load) > 50);

    tear("order.db-wal", 100);
    assert_int_equal(process_wait(shop_process(shop, ORDER), WAIT_TIMEOUT_MS), KILLED);
    load_end(load, LOAD_STOP);

    restart(shop, ORDER);
    assert_load_survived(shop, load);
}

/* The log is written into the database when the service stops. */
static void order_service__recovers_when_power_tears_a_page_of_the_database(void **state) {
    struct shop *shop = *state;
    order_many(shop, "BEFORE", 20);
    wait_for_effects(shop, INVENTORY, 20);

    for (int page = 0; page < 3; page++) {
        tear("order.db", page);
        process_signal(shop_process(shop, ORDER), SIGTERM);
        assert_int_equal(process_wait(shop_process(shop, ORDER), WAIT_TIMEOUT_MS), KILLED);
        restart(shop, ORDER);
    }

    assert_int_equal(count_of(shop, ORDER, "/orders?"), 20);
    disk_mend(disk);
    assert_int_equal(audit_shop(shop), 20);
    assert_int_equal(
        database_number(shop, ORDER, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
        1);
}

#define test_in_shop(test) cmocka_unit_test_setup_teardown(test, open_shop, close_shop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test_in_shop(order_service__refuses_for_now_when_disk_is_full),
        test_in_shop(order_service__stores_nothing_that_it_refused_when_disk_is_full),
        test_in_shop(each_consumer__catches_up_when_its_disk_was_full),
        test_in_shop(start__refuses_and_names_reason_when_disk_is_full),
        test_in_shop(order_service__says_outcome_is_unknown_and_stops_when_sync_fails),
        test_in_shop(catalogue__is_as_asked_for_when_it_is_asked_again_after_sync_failed),
        test_in_shop(order_service__keeps_each_accepted_order_when_sync_fails_under_load),
        test_in_shop(each_consumer__stops_and_goes_on_after_restart_when_sync_fails),
        test_in_shop(order_service__stops_when_disk_cannot_be_read),
        test_in_shop(order_service__recovers_when_power_tears_the_log),
        test_in_shop(order_service__recovers_when_power_tears_a_page_of_the_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
