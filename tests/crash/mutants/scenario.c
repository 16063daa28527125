/*
 * What a shop goes through before it is audited, for programs of which one may
 * have a bug planted in it (tests/crash/mutants/run.sh). SCENARIO names one. A
 * service that has killed itself is started again, as an operator would.
 */
#include "support/auditor.h"
#include "support/database.h"
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    N_ORDERS = 24, /* of a round: some for each partition */
    SETTLE_TIMEOUT_MS = 60000,
    MARK_TIMEOUT_MS = 6000, /* while Kafka is away, the relay looks for it for seconds */
};

static FILE *accepted; /* what customers were told */

static void revive(struct shop *shop, unsigned services) {
    for (unsigned bit = ORDER; bit < EVERY_SERVICE; bit <<= 1) {
        enum shop_service service = (enum shop_service)bit;
        if (!(services & bit) || process_is_running(shop_process(shop, service)))
            continue;
        shop_start(shop, bit);
        if (service == ORDER)
            shop_wait_ready(shop, ORDER);
    }
}

/* One, two or three lines; what the first takes leaves more, exactly or fewer
 * than 100. */
static const char *order_body(const char *id, int i) {
    static const int quantities[] = {5, 9, 12, 1};
    static const char *const more[] = {"", ",{\"productId\":\"PRODUCT-321\",\"quantity\":9}",
                                       ",{\"productId\":\"PRODUCT-321\",\"quantity\":3},"
                                       "{\"productId\":\"PRODUCT-123\",\"quantity\":2}"};
    return scratch_printf("{\"orderId\":\"%s\",\"customerId\":\"CUSTOMER-%d\",\"products\":["
                          "{\"productId\":\"PRODUCT-123\",\"quantity\":%d}%s]}",
                          id, i % 12, quantities[i % 4], more[i % 3]);
}

static int send_order(struct shop *shop, const char *body) {
    revive(shop, ORDER);
    return checkout(shop, body).status;
}

/* Who gets no answer sends the order again; who gets 201 relies on it. */
static void buy(struct shop *shop, const char *id, int i) {
    int status = 0;
    assert_soon((status = send_order(shop, order_body(id, i))) != 0);
    assert_true(status == 201 || status == 200);
    fprintf(accepted, "%s\n", id);
}

static void buy_round(struct shop *shop, const char *round) {
    for (int i = 0; i < N_ORDERS; i++)
        buy(shop, scratch_printf("%s-%d", round, i), i);
}

static void send(struct shop *shop, enum shop_topic topic, const char *value) {
    kafka_send_text(broker_address(shop_broker(shop)), shop_topic(shop, topic), value);
}

/* Until nothing is on its way, or this time is over: with a bug, it may never be. */
static void settle(struct shop *shop, int timeout_ms) {
    static const char *const options[] = {"--timeout", "1", NULL};
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    struct audit_report report;
    do {
        revive(shop, EVERY_SERVICE);
        report = audit_run(shop, options);
    } while (!strstr(report.text, "ok    drained") && clock_monotonic_ms() < deadline_ms);
}

/* Orders, refills, events of another program, records that are no events. */
static void calm(struct shop *shop) {
    buy_round(shop, "CALM");
    send(shop, NEW_ORDER, order_of("FOREIGN-1", "ELSEWHERE", 12));
    send(shop, NEW_ORDER, "no JSON");
    send(shop, NEW_LOGGING_ACTION, "no JSON either");
    settle(shop, SETTLE_TIMEOUT_MS);
}

/* Everything is published once more: each event comes to its consumers again. */
static void again(struct shop *shop) {
    const unsigned publishers = ORDER | INVENTORY | NOTIFICATION;
    calm(shop);
    shop_stop(shop, publishers);
    for (unsigned bit = ORDER; bit <= NOTIFICATION; bit <<= 1)
        database_change(shop, (enum shop_service)bit, "UPDATE outbox_state SET sent_upto = 0");
    shop_start(shop, publishers);
    shop_wait_ready(shop, publishers);
    buy_round(shop, "AGAIN");
    settle(shop, SETTLE_TIMEOUT_MS);
}

/* kill -9 of the consumers while they have work, later of the order-service,
 * which has published all: what a consumer lost does not come again. */
static void killed(struct shop *shop) {
    const unsigned consumers = INVENTORY | NOTIFICATION | LOGGING;
    buy_round(shop, "BEFORE");
    assert_soon(has_published_all(shop, ORDER));
    shop_kill(shop, consumers);
    revive(shop, consumers);
    buy_round(shop, "AFTER");
    settle(shop, 15000);
    assert_soon(has_published_all(shop, ORDER));
    shop_kill(shop, ORDER);
    buy_round(shop, "LAST");
    settle(shop, SETTLE_TIMEOUT_MS);
}

static int64_t n_unmarked(struct shop *shop) {
    return database_number(shop, ORDER,
                           "SELECT (SELECT max(seq) FROM outbox) - sent_upto FROM outbox_state");
}

static void wait_until_marked(struct shop *shop) {
    int64_t deadline_ms = clock_monotonic_ms() + MARK_TIMEOUT_MS;
    while (n_unmarked(shop) > 0 && clock_monotonic_ms() < deadline_ms)
        wait_pause();
}

/* Kafka is away while orders are accepted; then the order-service is killed.
 * What waits for Kafka must not be marked as sent: a bug has its time to do so.
 * An event that was left out shows once one behind it is published. */
static void outage(struct shop *shop) {
    buy_round(shop, "BEFORE");
    settle(shop, SETTLE_TIMEOUT_MS);
    broker_take_down(shop_broker(shop));
    buy_round(shop, "AWAY");
    wait_until_marked(shop);
    shop_kill(shop, ORDER);
    broker_bring_up(shop_broker(shop));
    revive(shop, ORDER);
    buy_round(shop, "AFTER");
    wait_until_marked(shop);
    buy(shop, "LAST", 0);
    settle(shop, SETTLE_TIMEOUT_MS);
}

/* The producer's queue is full while Kafka is away. */
static void full_queue(struct shop *shop) {
    const char *path = scratch_printf("%s/kafka.properties", shop_folder(shop));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("queue.buffering.max.messages=10\n", file);
    fclose(file);
    shop_stop(shop, ORDER);
    shop_set(shop, scratch_printf("KAFKA_CONFIG_FILE=%s", path));
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    outage(shop);
}

static const struct {
    const char *name;
    void (*happen)(struct shop *shop);
} scenarios[] = {
    {"calm", calm},     {"again", again},           {"killed", killed},
    {"outage", outage}, {"full-queue", full_queue},
};

static int open_shop(void **state) {
    struct shop *shop = shop_open(BROKER_GOES_AWAY);
    *state = shop;
    accepted = fopen(scratch_printf("%s/accepted", shop_folder(shop)), "w");
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    return accepted ? 0 : -1;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static void shop__passes_audit_after_scenario(void **state) {
    struct shop *shop = *state;
    const char *name = getenv("SCENARIO");
    size_t i = 0;
    while (i < sizeof scenarios / sizeof *scenarios && strcmp(scenarios[i].name, name ? name : ""))
        i++;
    if (i == sizeof scenarios / sizeof *scenarios)
        fail_msg("SCENARIO=%s: there is no such scenario", name ? name : "");

    scenarios[i].happen(shop);

    fclose(accepted);
    const char *const options[] = {"--accepted", scratch_printf("%s/accepted", shop_folder(shop)),
                                   NULL};
    fputs(audit_must_hold(shop, options).text, stdout);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shop__passes_audit_after_scenario, open_shop, close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
