/* orderctl audit when Kafka is away, or another than the shop has published to. */
#include "support/auditor.h"
#include "support/database.h"
#include "support/kafka_client.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/testing.h"

#include <string.h>

static const char *const patient[] = {"--timeout", "60", NULL};
static const char *const impatient[] = {"--timeout", "0", NULL};

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static int open_shop_without_kafka(void **state) {
    struct shop *shop = shop_open(BROKER_GOES_AWAY);
    *state = shop;
    broker_take_down(shop_broker(shop));
    return 0;
}

static void audit__ends_when_there_is_no_broker(void **state) {
    struct shop *shop = *state;
    shop_start(shop, EVERY_SERVICE);
    for (unsigned bit = ORDER; bit < EVERY_SERVICE; bit <<= 1)
        shop_port(shop, (enum shop_service)bit); /* then it has its database */
    shop_kill(shop, EVERY_SERVICE);

    struct audit_report report = audit_run(shop, impatient);

    assert_int_equal(report.exit_code, 1);
    assert_non_null(strstr(report.errors, "could not be finished"));
    broker_bring_up(shop_broker(shop));
}

static int open_shop_that_loses_kafka(void **state) {
    struct shop *shop = shop_open(BROKER_GOES_AWAY);
    *state = shop;
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    return 0;
}

static void audit__tells_another_cluster_from_the_one_that_was_published_to(void **state) {
    struct shop *shop = *state;
    order_many(shop, "BEFORE", 3);
    kafka_send_text(broker_address(shop_broker(shop)), shop_topic(shop, NEW_ORDER),
                    order_of("FOREIGN-1", "ELSEWHERE", 2));
    audit_must_hold(shop, patient);
    shop_stop(shop, EVERY_SERVICE);
    broker_replace(shop_broker(shop));

    struct audit_report report = audit_run(shop, impatient);
    assert_int_equal(report.exit_code, 1);
    assert_string_equal(audit_broken_laws(&report), "");
    assert_non_null(strstr(report.text, "order-service: has published to Kafka cluster "));

    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    order_many(shop, "AFTER", 2);
    report = audit_must_hold(shop, patient);
    assert_says(report.text, "ok    orders         5 accepted");
    assert_non_null(strstr(report.text, "there was another cluster before"));

    /* What outboxes keep must be in the new one, too. */
    shop_stop(shop, EVERY_SERVICE);
    database_change(shop, ORDER,
                    "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, topic,"
                    " created_ms) SELECT 'extra', aggregatetype, aggregateid, type,"
                    " payload, topic, created_ms FROM outbox WHERE type ="
                    " 'new-logging-action' LIMIT 1;"
                    "UPDATE outbox_state SET sent_upto = sent_upto + 1");
    report = audit_run(shop, impatient);
    assert_string_equal(audit_broken_laws(&report), "published journal");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(audit__ends_when_there_is_no_broker,
                                        open_shop_without_kafka, close_shop),
        cmocka_unit_test_setup_teardown(
            audit__tells_another_cluster_from_the_one_that_was_published_to,
            open_shop_that_loses_kafka, close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
