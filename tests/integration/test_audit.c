/* orderctl audit: silent about a shop that went through much, loud about each law that is broken.
 */
#include "support/auditor.h"
#include "support/database.h"
#include "support/json_path.h"
#include "support/kafka_client.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *const patient[] = {"--timeout", "60", NULL};
static const char *const impatient[] = {"--timeout", "0", NULL};

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static void send(struct shop *shop, enum shop_topic topic, const char *value, const char *ce_id,
                 const char *ce_source) {
    struct record record = {.topic = shop_topic(shop, topic), .value = {value, strlen(value)}};
    const char *const headers[][2] = {{"ce_id", ce_id}, {"ce_source", ce_source}};
    for (size_t i = 0; i < 2; i++)
        if (headers[i][1])
            record.headers[record.n_headers++] =
                (struct record_header){headers[i][0], {headers[i][1], strlen(headers[i][1])}};
    kafka_send(broker_address(shop_broker(shop)), &record);
}

/* --- a shop that went through much --- */

/* Each sells 12 and 3 pieces: the first line refills at once. */
static void order_two_lines(struct shop *shop, int n_orders) {
    for (int i = 0; i < n_orders; i++) {
        const char *body =
            scratch_printf("{\"orderId\":\"LINES-%d\",\"customerId\":\"CUSTOMER-%d\",\"products\":["
                           "{\"productId\":\"PRODUCT-123\",\"quantity\":12},"
                           "{\"productId\":\"PRODUCT-321\",\"quantity\":3}]}",
                           i, i % 3);
        assert_int_equal(checkout(shop, body).status, 201);
    }
}

/* Five events, of which one comes twice. */
static void send_foreign_events(struct shop *shop) {
    send(shop, NEW_ORDER, order_of("FOREIGN-1", "ELSEWHERE", 2), NULL, NULL);
    send(shop, NEW_ORDER, order_of("FOREIGN-1", "ELSEWHERE", 2), NULL, NULL);
    send(shop, NEW_ORDER, order_of("FOREIGN-2", "ELSEWHERE", 2), "foreign-2", "/elsewhere");
    send(shop, NEW_ORDER, order_of("FOREIGN-2", "ELSEWHERE", 2), "foreign-2", "/elsewhere");
    send(shop, INVENTORY_EMPTY, "{\"productId\":\"ELSEWHERE\"}", NULL, NULL);
    send(shop, NEW_LOGGING_ACTION, "{\"serviceName\":\"till\",\"action\":\"opened\"}", NULL, NULL);
}

/* Refused by two groups, by two, by one and by one. */
static void send_bad_records(struct shop *shop) {
    send(shop, NEW_ORDER, "no JSON", NULL, NULL);
    send(shop, NEW_ORDER, "{\"orderId\":\"\"}", "bad-1", "/elsewhere");
    send(shop, INVENTORY_EMPTY, "{}", NULL, NULL);
    send(shop, NEW_LOGGING_ACTION, "[]", NULL, NULL);
}

/* kill -9 of each service; those that publish do so once more from the start. */
static int open_shop_with_history(void **state) {
    struct shop *shop = shop_open_with(EVERY_SERVICE);
    *state = shop;
    order_two_lines(shop, 10);
    assert_soon(count_where(shop, INVENTORY, "/movements?", "kind", "refill") > 0);
    shop_kill(shop, INVENTORY | NOTIFICATION | LOGGING);
    order_many(shop, "SINGLE", 8);
    send_foreign_events(shop);
    send_bad_records(shop);
    assert_soon(has_published_all(shop, ORDER));
    shop_kill(shop, ORDER);
    database_change(shop, ORDER, "UPDATE outbox_state SET sent_upto = 0");
    database_change(shop, INVENTORY, "UPDATE outbox_state SET sent_upto = 0");
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    return 0;
}

static void assert_law_says(const struct audit_report *report, const char *law,
                            const char *figures) {
    const char *line = strstr(report->text, scratch_printf("ok    %-14s ", law));
    if (!line)
        fail_msg("%s does not hold:\n%s", law, report->text);
    const char *end = strchr(line, '\n');
    if (!strstr(scratch_printf("%.*s", (int)(end - line), line), figures))
        fail_msg("\"%s\" is not in: %.*s", figures, (int)(end - line), line);
}

/* 18 orders of ours of 28 lines, 3 of others; 10 refills of PRODUCT-123 by the
 * first lines, and those that the small lines lead to. */
static void assert_figures(struct shop *shop, const struct audit_report *report) {
    int n_refills = 0;
    static const char *const products[] = {"PRODUCT-123", "PRODUCT-321"};
    for (size_t i = 0; i < 2; i++)
        n_refills += count_where(
            shop, INVENTORY, scratch_printf("/stock/%s/movements?", products[i]), "kind", "refill");
    assert_law_says(report, "orders", "18 accepted");
    assert_law_says(report, "movements", "31 lines of 21 orders");
    assert_law_says(report, "ledger", scratch_printf("%d movements", 31 + n_refills));
    assert_law_says(report, "ledger", "3 products");
    assert_law_says(report, "refills", scratch_printf("%d refills", n_refills));
    assert_law_says(
        report, "notifications",
        scratch_printf("%d: 21 for orders, %d for refills", 22 + n_refills, n_refills + 1));
    assert_law_says(report, "actions", "new-order 18,");
    assert_law_says(report, "actions", "inventory-updated 31,");
    assert_law_says(report, "actions", scratch_printf("inventory-empty %d,", n_refills));
    assert_law_says(report, "actions", "of other programs 1,");
    assert_law_says(report, "inbox", "6 records refused");
    assert_law_says(report, "letters", "6 refused");
}

static void audit__holds_when_shop_was_killed_and_everything_came_twice(void **state) {
    struct shop *shop = *state;
    struct audit_report running = audit_must_hold(shop, patient);
    assert_figures(shop, &running);
    assert_true(kafka_count(broker_address(shop_broker(shop)), shop_topic(shop, NEW_ORDER)) >=
                2 * 18 + 6);

    shop_stop(shop, EVERY_SERVICE);

    struct audit_report stopped = audit_must_hold(shop, impatient);
    assert_string_equal(stopped.text, running.text);
    assert_non_null(strstr(stopped.text, "\naudit: all 16 laws hold\n"));
}

static void audit__tells_programs_the_same_as_json(void **state) {
    static const char *const options[] = {"--json", NULL};
    struct audit_report report = audit_must_hold(*state, options);
    const cJSON *document = json_of(report.text);

    assert_string_equal(json_text_at(document, "/result"), "holds");
    assert_string_equal(json_text_at(document, "/laws/0/law"), "integrity");
    assert_string_equal(json_text_at(document, "/laws/0/outcome"), "holds");
    assert_int_equal(json_number_at(document, "/laws/0/breaches"), 0);
}

static void audit__checks_databases_alone_when_told_so(void **state) {
    static const char *const options[] = {"--no-broker", NULL};
    struct audit_report report = audit_must_hold(*state, options);

    assert_law_says(&report, "movements", "28 lines of 18 orders");
    assert_non_null(
        strstr(report.text, "note                 5 events that had effects can no longer"));
    assert_non_null(strstr(report.text, "-     published      not checked"));
    assert_null(strstr(report.text, "FAIL"));
}

static void audit__knows_what_customers_were_told(void **state) {
    struct shop *shop = *state;
    const char *path = scratch_printf("%s/accepted", shop_folder(shop));
    const char *const options[] = {"--no-broker", "--accepted", path, NULL};
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("LINES-0\nSINGLE-7\n", file);
    fclose(file);
    struct audit_report report = audit_must_hold(shop, options);
    assert_law_says(&report, "accepted", "2 orders");

    file = fopen(path, "a");
    fputs("NEVER-STORED\n", file);
    fclose(file);
    report = audit_run(shop, options);
    assert_int_equal(report.exit_code, 1);
    assert_string_equal(audit_broken_laws(&report), "accepted");
    assert_non_null(strstr(report.text, "NEVER-STORED"));
}

/* --- the same shop, tampered with --- */

#define ONE(table) "seq = (SELECT min(seq) FROM " table ")"
#define LAST(table) "seq = (SELECT max(seq) FROM " table ")"

static const struct tampering {
    enum shop_service service;
    const char *sql;
    const char *laws;  /* that must object, and no others */
    const char *named; /* in what it says; NULL: not looked for */
} tamperings[] = {
    {ORDER, "DELETE FROM orders WHERE order_id = 'LINES-3'", "orders actions", "event "},
    {ORDER,
     "UPDATE orders SET payload = replace(payload, 'CUSTOMER-0', 'CUSTOMER-9') WHERE"
     " order_id = 'LINES-3'",
     "orders", "LINES-3"},
    {ORDER,
     "UPDATE orders SET payload = replace(payload, ':12,', ':13,') WHERE"
     " order_id = 'LINES-3'",
     "orders movements", "LINES-3"},
    {ORDER,
     "DELETE FROM outbox WHERE type = 'new-order' AND id = (SELECT event_id FROM orders"
     " WHERE order_id = 'SINGLE-2')",
     "orders outbox origins", "SINGLE-2"},
    {ORDER,
     "UPDATE outbox SET payload = CAST(replace(CAST(payload AS TEXT), ':12,', ':13,') AS"
     " BLOB) WHERE id = (SELECT event_id FROM orders WHERE order_id = 'LINES-1')",
     "orders published", "LINES-1"},
    {ORDER,
     "INSERT INTO orders (order_id, customer_id, payload, event_id, accepted_ms) SELECT"
     " 'EXTRA-1', customer_id, payload, 'extra', accepted_ms FROM orders WHERE order_id ="
     " 'LINES-1'",
     "orders movements notifications actions", "EXTRA-1"},
    {ORDER, "INSERT INTO customer_orders SELECT 'CUSTOMER-9', min(seq) FROM orders", "customers",
     "CUSTOMER-9"},
    {ORDER, "UPDATE orders SET seq = seq + 2 * 8192 WHERE " LAST("orders"), "customers", "LINES-0"},
    {INVENTORY, "DELETE FROM movements WHERE order_id = 'LINES-4' AND line = 1 AND kind = 'sale'",
     "movements ledger actions", "PRODUCT-321"},
    {INVENTORY,
     "UPDATE movements SET delta = delta - 1, stock = stock - 1 WHERE " LAST("movements"),
     "movements ledger", NULL},
    {INVENTORY, "UPDATE stock SET stock = 104 WHERE product_id = 'ELSEWHERE'", "ledger",
     "ELSEWHERE"},
    {INVENTORY,
     "INSERT INTO movements (product_id, event_id, line, kind, delta, stock, order_id,"
     " moved_ms) SELECT 'ELSEWHERE', event_id, 0, 'refill', 109 - stock, 109, order_id,"
     " moved_ms FROM movements WHERE product_id = 'ELSEWHERE' ORDER BY seq DESC LIMIT 1;"
     "UPDATE stock SET stock = 109 WHERE product_id = 'ELSEWHERE'",
     "ledger refills actions", "ELSEWHERE"},
    {INVENTORY,
     "UPDATE movements SET event_id = 'another' WHERE order_id = 'SINGLE-5' AND"
     " kind = 'sale'",
     "movements effects", "another"},
    {INVENTORY, "DELETE FROM inbox WHERE event_id = 'foreign-2'", "effects inbox", "foreign-2"},
    {INVENTORY,
     "INSERT INTO inbox (event_id, source, received_ms) VALUES ('ghost', '/elsewhere',"
     " 9000000000000)",
     "effects inbox", "ghost"},
    {INVENTORY, "DELETE FROM rejected WHERE " ONE("rejected"), "inbox letters", NULL},
    {LOGGING, "DELETE FROM outbox WHERE type = 'dead-letter'", "origins letters", NULL},
    {NOTIFICATION,
     "INSERT INTO notifications (kind, order_id, customer_id, product_id, event_id,"
     " sent_ms) SELECT kind, order_id, customer_id, product_id, event_id, sent_ms"
     " FROM notifications WHERE order_id = 'SINGLE-1' AND kind = 'order'",
     "notifications actions effects", "SINGLE-1"},
    {NOTIFICATION, "DELETE FROM notifications WHERE order_id = 'FOREIGN-2'",
     "notifications actions effects", "foreign-2"},
    {NOTIFICATION,
     "UPDATE notifications SET customer_id = 'CUSTOMER-9' WHERE order_id = 'LINES-2'"
     " AND kind = 'order'",
     "notifications", "LINES-2"},
    {NOTIFICATION, "UPDATE outbox_state SET sent_upto = sent_upto + 1000", "outbox", "1"},
    {LOGGING, "DELETE FROM actions WHERE order_id = 'SINGLE-3' AND action = 'new-order'",
     "actions journal effects", "SINGLE-3"},
    {LOGGING,
     "INSERT INTO actions (service_name, action, order_id, event_id, happened_ms,"
     " logged_ms) SELECT service_name, action, order_id, event_id, happened_ms, logged_ms"
     " FROM actions WHERE order_id = 'SINGLE-3' AND action = 'new-order'",
     "actions journal effects", "SINGLE-3"},
    {LOGGING, "UPDATE actions SET action = 'closed' WHERE service_name = 'till'", "journal",
     "till"},
    {LOGGING,
     "DELETE FROM actions WHERE order_id = 'SINGLE-3' AND action = 'new-order';"
     "DELETE FROM inbox WHERE event_id NOT IN (SELECT event_id FROM actions)",
     "actions journal inbox", "SINGLE-3"},
};

static void run_to_end(struct shop *shop, const char *const argv[]) {
    const char *const settings[] = {NULL};
    const char *output = scratch_printf("%s/command", shop_folder(shop));
    assert_int_equal(process_run(argv, settings, output, WAIT_TIMEOUT_MS, NULL), 0);
}

/* The file of a stopped service, kept aside or put back. */
static void copy_database(struct shop *shop, enum shop_service service, const char *from,
                          const char *to) {
    const char *path = shop_database(shop, service);
    const char *const argv[] = {"/bin/cp", scratch_printf("%s%s", path, from),
                                scratch_printf("%s%s", path, to), NULL};
    run_to_end(shop, argv);
}

enum { N_TAMPERINGS = sizeof tamperings / sizeof *tamperings, N_AT_ONCE = 6 };

/* Starts an audit of the shop in which this one database is another: a copy
 * that was tampered with. */
static struct process *audit_tampered(struct shop *shop, size_t i) {
    const struct tampering *tampering = &tamperings[i];
    const char *path = shop_database(shop, tampering->service);
    const char *folder = scratch_printf("%s/tampered-%zu", shop_folder(shop), i);
    const char *copy = scratch_printf("%s%s", folder, strrchr(path, '/'));
    const char *const argv[] = {"/bin/cp", path, copy, NULL};
    assert_int_equal(mkdir(folder, 0700), 0);
    run_to_end(shop, argv);
    database_change_file(copy, tampering->sql);
    const char *option = scratch_printf("--%s", shop_service_name(tampering->service));
    const char *const options[] = {option, folder, "--timeout", "0", NULL};
    return audit_start(shop, options);
}

/* Whether the right laws objected. */
static bool is_seen(const struct tampering *tampering, const struct audit_report *report) {
    const char *laws = audit_broken_laws(report);
    if (report->exit_code == 1 && strcmp(laws, tampering->laws) == 0 &&
        (!tampering->named || strstr(report->text, tampering->named)))
        return true;
    fprintf(stderr, "%s\n  broke \"%s\", not \"%s\":\n%s%s\n", tampering->sql, laws,
            tampering->laws, report->text, report->errors);
    return false;
}

static void audit__names_broken_laws_when_database_was_tampered_with(void **state) {
    struct process *audits[N_TAMPERINGS];
    size_t n_seen = 0;
    for (size_t i = 0; i < N_TAMPERINGS + N_AT_ONCE; i++) {
        if (i >= N_AT_ONCE) {
            const struct audit_report report = audit_end(audits[i - N_AT_ONCE]);
            n_seen += is_seen(&tamperings[i - N_AT_ONCE], &report);
        }
        if (i < N_TAMPERINGS)
            audits[i] = audit_tampered(*state, i);
    }
    assert_int_equal(n_seen, N_TAMPERINGS);
    audit_must_hold(*state, impatient);
}

/* It becomes a page of other bytes, in the middle of the file. */
static void audit__stops_at_a_database_that_is_damaged(void **state) {
    struct shop *shop = *state;
    copy_database(shop, INVENTORY, "", ".kept");
    int64_t root = database_number(
        shop, INVENTORY, "SELECT rootpage FROM sqlite_schema WHERE name = 'movements_by_product'");
    FILE *file = fopen(shop_database(shop, INVENTORY), "r+");
    assert_non_null(file);
    fseek(file, (root - 1) * 4096, SEEK_SET);
    for (int i = 0; i < 4096; i++)
        fputc('x', file);
    fclose(file);

    struct audit_report report = audit_run(shop, impatient);
    copy_database(shop, INVENTORY, ".kept", "");

    assert_int_equal(report.exit_code, 1);
    assert_string_equal(audit_broken_laws(&report), "integrity");
    assert_non_null(strstr(report.text, "database inventory"));
}

static void audit__refuses_what_is_no_database_of_the_shop(void **state) {
    struct shop *shop = *state;
    copy_database(shop, LOGGING, "", ".kept");
    database_change(shop, LOGGING, "PRAGMA user_version = 99");
    struct audit_report newer = audit_run(shop, NULL);
    assert_int_equal(newer.exit_code, 1);
    assert_non_null(strstr(newer.errors, "logging.db: has version 99"));

    database_change(shop, LOGGING, "PRAGMA user_version = 1; PRAGMA application_id = 5");
    struct audit_report foreign = audit_run(shop, NULL);
    assert_int_equal(foreign.exit_code, 1);
    assert_non_null(strstr(foreign.errors, "logging.db: not a database of Orderflow"));
    copy_database(shop, LOGGING, ".kept", "");

    static const char *const elsewhere[] = {"--inventory", "/nowhere", NULL};
    struct audit_report missing = audit_run(shop, elsewhere);
    assert_int_equal(missing.exit_code, 1);
    assert_non_null(strstr(missing.errors, "/nowhere/inventory.db: No such file"));
}

static void audit__refuses_wrong_arguments(void **state) {
    static const char *const wrong[][4] = {{"--timeout", "soon"}, {"--timeout", "-1"},
                                           {"--everything"},      {"now"},
                                           {"--order"},           {"--order=a", "--order=b"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct audit_report report = audit_run(*state, wrong[i]);
        assert_int_equal(report.exit_code, 2);
        assert_string_not_equal(report.errors, "");
    }
    static const char *const help[] = {"--help", NULL};
    struct audit_report report = audit_run(*state, help);
    assert_int_equal(report.exit_code, 0);
    assert_non_null(strstr(report.text, "movements"));
}

/* --- the shop runs again --- */

static void audit__waits_and_says_what_is_missing_when_shop_is_not_drained(void **state) {
    struct shop *shop = *state;
    static const char *const short_time[] = {"--timeout", "1", NULL};
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    shop_stop(shop, INVENTORY);
    order_many(shop, "LATE", 3);
    assert_soon(has_published_all(shop, ORDER));

    struct audit_report report = audit_run(shop, short_time);

    assert_int_equal(report.exit_code, 1);
    assert_string_equal(audit_broken_laws(&report), "");
    assert_non_null(strstr(report.text, "inventory-service: has not handled 3 records of "));
    assert_non_null(strstr(report.text, "\nwait  movements "));
    assert_non_null(strstr(report.text, "\nok    ledger "));
    assert_non_null(strstr(report.text, "before the shop is drained"));

    shop_start(shop, INVENTORY);
    audit_must_hold(shop, patient);
}

/* The last one: what is written to the topics stays. */
static void audit__objects_to_a_record_that_pretends_to_be_ours(void **state) {
    struct shop *shop = *state;
    const char *id = kafka_header(
        &kafka_read(broker_address(shop_broker(shop)), shop_topic(shop, NEW_ORDER)).items[0],
        "ce_id");

    send(shop, NEW_ORDER, order_of("PRETENDED", "ELSEWHERE", 1), "pretended", "/order-service");
    struct audit_report report = audit_run(shop, patient);
    assert_int_equal(report.exit_code, 1);
    assert_string_equal(audit_broken_laws(&report), "origins");
    assert_non_null(strstr(report.text, "pretended"));

    if (!id) /* the first record was a foreign one */
        return;
    send(shop, NEW_ORDER, order_of("OTHER-BYTES", "ELSEWHERE", 1), id, "/order-service");
    report = audit_run(shop, patient);
    assert_string_equal(audit_broken_laws(&report), "published origins");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(audit__holds_when_shop_was_killed_and_everything_came_twice),
        cmocka_unit_test(audit__tells_programs_the_same_as_json),
        cmocka_unit_test(audit__checks_databases_alone_when_told_so),
        cmocka_unit_test(audit__knows_what_customers_were_told),
        cmocka_unit_test(audit__names_broken_laws_when_database_was_tampered_with),
        cmocka_unit_test(audit__stops_at_a_database_that_is_damaged),
        cmocka_unit_test(audit__refuses_what_is_no_database_of_the_shop),
        cmocka_unit_test(audit__refuses_wrong_arguments),
        cmocka_unit_test(audit__waits_and_says_what_is_missing_when_shop_is_not_drained),
        cmocka_unit_test(audit__objects_to_a_record_that_pretends_to_be_ours),
    };
    return cmocka_run_group_tests(tests, open_shop_with_history, close_shop);
}
