/* The laws hold whatever the desk for dead letters does, and after events were published again. */
#include "base/clock.h"
#include "event/dead_letter.h"
#include "store/inbox.h"
#include "store/outbox.h"
#include "support/auditor.h"
#include "support/kafka_client.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <string.h>

static const char *const patient[] = {"--timeout", "60", NULL};

static int open_shop(void **state) {
    *state = shop_open_with(EVERY_SERVICE);
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static void send(struct shop *shop, enum shop_topic topic, const char *value, const char *ce_id) {
    struct record record = {.topic = shop_topic(shop, topic), .value = {value, strlen(value)}};
    if (ce_id)
        record.headers[record.n_headers++] =
            (struct record_header){"ce_id", {ce_id, strlen(ce_id)}};
    kafka_send(broker_address(shop_broker(shop)), &record);
}

/* orderctl with these arguments must succeed and say this, and all laws hold. */
static struct audit_report audit_behind(struct shop *shop, const char *const arguments[],
                                        const char *said) {
    struct process *process;
    if (shop_orderctl(shop, arguments, &process) != 0)
        fail_msg("%s%s", process_stdout(process), process_stderr(process));
    assert_says(process_stdout(process), said);
    return audit_must_hold(shop, patient);
}

static void laws__hold_when_bad_letters_are_discarded_and_replayed(void **state) {
    struct shop *shop = *state;
    const char *const discard[] = {"dlq", "discard", "--reason", "SyntaxError", NULL};
    const char *const replay[] = {"dlq", "replay", "--all", NULL};
    const char *const replay_again[] = {"dlq", "replay", "--all", "--all-states", NULL};
    order_many(shop, "GOOD", 3);
    send(shop, NEW_ORDER, "no JSON", NULL);
    send(shop, NEW_ORDER, "{\"orderId\":\"\"}", "bad-order");
    send(shop, NEW_ORDER, "{\"orderId\":\"\"}", NULL);
    send(shop, NEW_LOGGING_ACTION, "{}", NULL);
    struct audit_report report = audit_must_hold(shop, patient);
    assert_says(report.text, "7 refused, each has its dead letter");

    report = audit_behind(shop, discard, "2 discarded, ");
    assert_says(report.text, "7 refused, each has its dead letter");

    /* Each of the other five comes again, and all that receive it refuse it. */
    report = audit_behind(shop, replay, "5 replayed, 2 skipped");
    assert_says(report.text, "16 refused, each has its dead letter");

    audit_behind(shop, replay_again, " replayed, 0 skipped");
}

/* --- good records that were refused --- */

static void refuse(struct inbox *inbox, struct outbox *outbox, const char *cluster_id,
                   const struct record *record) {
    const struct refusal refusal = {"inventory-service-group", cluster_id, "VALUE_CONVERTER",
                                    "orderflow.ContractError", "by mistake"};
    const struct record_place last = {record->topic, record->partition, record->offset,
                                      record->timestamp_ms};
    struct dead_letter_text text;
    struct record letter;
    bool is_new;
    dead_letter_write(record, &refusal, &text, &letter);
    letter.topic = scratch_printf("%s.dlq", record->topic);
    const char *place = scratch_printf("%s/%s/%s", record->topic, text.partition, text.offset);
    assert_int_equal(inbox_reject(inbox, cluster_id, record, refusal.message, &is_new, NULL), OK);
    assert_int_equal(outbox_append_record(outbox, place, &letter, NULL), OK);
    assert_int_equal(inbox_set_position(inbox, cluster_id, &last, NULL), OK);
}

/* What an inventory-service leaves behind that has a fault, for which it refuses
 * good orders: those of this name. It has stopped. */
static void refuse_by_mistake(struct shop *shop, const char *name) {
    static const char *const known[] = {"", "", "", ""}; /* all versions: there is nothing to do */
    static const struct db_schema schema = {known, sizeof known / sizeof *known};
    const char *const topics[N_EVENT_TYPES] = {shop_topic(shop, NEW_ORDER)};
    const struct kafka_records records =
        kafka_read(broker_address(shop_broker(shop)), shop_topic(shop, NEW_ORDER));
    struct error err = {""};
    struct db *db;
    struct inbox *inbox;
    struct outbox *outbox;
    sqlite3_stmt *state;
    assert_int_equal(db_open_writer(shop_database(shop, INVENTORY), &schema, &db, &err), OK);
    assert_int_equal(inbox_open(db, &inbox, &err), OK);
    assert_int_equal(outbox_open(db, "inventory-service", topics, &outbox, &err), OK);
    assert_int_equal(db_prepare(db, "SELECT cluster_id FROM outbox_state", &state, &err), OK);
    assert_int_equal(sqlite3_step(state), SQLITE_ROW);
    const char *cluster_id = scratch_printf("%s", (const char *)sqlite3_column_text(state, 0));
    sqlite3_finalize(state);

    assert_int_equal(db_exec(db, "BEGIN", &err), OK);
    for (size_t i = 0; i < records.n; i++)
        if (strstr(kafka_value(&records.items[i]), name))
            refuse(inbox, outbox, cluster_id, &records.items[i]);
    assert_int_equal(db_exec(db, "COMMIT", &err), OK);
    outbox_close(outbox);
    inbox_close(inbox);
    db_close(db);
}

static void laws__hold_when_letters_of_good_records_were_replayed(void **state) {
    struct shop *shop = *state;
    const char *const replay[] = {"dlq", "replay", "--reason", "by mistake", NULL};
    const char *const replay_again[] = {"dlq",        "replay",       "--reason",
                                        "by mistake", "--all-states", NULL};
    const char *const republish[] = {"republish", "--since", "1h", NULL};
    order_many(shop, "BEFORE", 2);
    send(shop, NEW_ORDER, order_of("BEFORE-FOREIGN", "ELSEWHERE", 1), NULL);
    audit_must_hold(shop, patient); /* the group has an offset of each of their partitions */
    shop_stop(shop, INVENTORY);
    order_many(shop, "MISTAKEN-OWN", 2);
    send(shop, NEW_ORDER, order_of("MISTAKEN-ID", "ELSEWHERE", 2), "foreign-1");
    send(shop, NEW_ORDER, order_of("MISTAKEN-PLACE", "ELSEWHERE", 3), NULL);
    assert_soon(has_published_all(shop, ORDER));
    refuse_by_mistake(shop, "MISTAKEN");
    shop_start(shop, INVENTORY);
    shop_wait_ready(shop, INVENTORY);

    /* Until they are replayed, four orders have not been taken off the stock. */
    struct audit_report report = audit_run(shop, patient);
    assert_int_equal(report.exit_code, 1);
    assert_string_equal(audit_broken_laws(&report), "movements");
    assert_int_equal(audit_breaches(&report, "movements"), 4);

    report = audit_behind(shop, replay, "4 replayed, 0 skipped");
    assert_says(report.text, "7 lines of 7 orders, each has one movement");
    audit_behind(shop, replay_again, "4 replayed, 0 skipped");
    report = audit_behind(shop, republish, " events were published once more");
    assert_says(report.text, "7 lines of 7 orders, each has one movement");
    assert_says(report.text, "4 refused, each has its dead letter");
}

#define IN_SHOP(test) cmocka_unit_test_setup_teardown(test, open_shop, close_shop)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_SHOP(laws__hold_when_bad_letters_are_discarded_and_replayed),
        IN_SHOP(laws__hold_when_letters_of_good_records_were_replayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
