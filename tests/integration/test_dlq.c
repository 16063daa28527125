/* The desk for dead letters: orderctl dlq, on letters of the real services. */
#include "event/record.h"
#include "support/database.h"
#include "support/json_path.h"
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <stdio.h>
#include <string.h>

static int open_shop(void **state) {
    *state = shop_open_with(INVENTORY | NOTIFICATION);
    return 0;
}

/* Without a service; in Apache Kafka, the record makes the topic. */
static int open_topics(void **state) {
    struct shop *shop = shop_open(BROKER_STEADY);
    kafka_send_text(broker_address(shop_broker(shop)), shop_topic(shop, NEW_ORDER), "{}");
    *state = shop;
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static const char *brokers_of(struct shop *shop) {
    return broker_address(shop_broker(shop));
}

static size_t n_records(struct shop *shop) {
    return kafka_count(brokers_of(shop), shop_topic(shop, NEW_ORDER));
}

static size_t n_letters(struct shop *shop) {
    return kafka_count(brokers_of(shop), shop_dead_letters(shop, NEW_ORDER));
}

struct run {
    int code;
    const char *out;
    const char *err;
};

#define DLQ_ARGUMENTS_MAX 12

/* orderctl dlq with these arguments, separated by blanks. */
static struct run dlq(struct shop *shop, const char *command_line) {
    const char *arguments[DLQ_ARGUMENTS_MAX + 2] = {"dlq"};
    char *text = scratch_printf("%s", command_line);
    size_t n = 1;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        assert_true(n <= DLQ_ARGUMENTS_MAX);
        arguments[n++] = word;
    }
    struct process *process;
    int code = shop_orderctl(shop, arguments, &process);
    return (struct run){code, process_stdout(process), process_stderr(process)};
}

static void send_order(struct shop *shop, const char *value, const struct record_header *headers,
                       size_t n_headers) {
    struct record record = {.topic = shop_topic(shop, NEW_ORDER),
                            .partition = 1,
                            .key = {"CUSTOMER-123", 12},
                            .value = {value, strlen(value)},
                            .n_headers = n_headers};
    memcpy(record.headers, headers, n_headers * sizeof *headers);
    kafka_send(brokers_of(shop), &record);
}

static const struct record_header no_headers[1];

static void write_letter(struct shop *shop, const struct record *refused, const char *group,
                         const char *class_name, const char *message) {
    const char *offset = scratch_printf("%lld", (long long)refused->offset);
    const char *partition = scratch_printf("%d", refused->partition);
    const char *const added[][2] = {
        {"__connect.errors.topic", refused->topic},
        {"__connect.errors.partition", partition},
        {"__connect.errors.offset", offset},
        {"__connect.errors.connector.name", group},
        {"__connect.errors.stage", "VALUE_CONVERTER"},
        {"__connect.errors.exception.class.name", class_name},
        {"__connect.errors.exception.message", message},
    };
    struct record letter = *refused;
    letter.topic = shop_dead_letters(shop, NEW_ORDER);
    letter.partition = 0;
    for (size_t i = 0; i < sizeof added / sizeof *added; i++)
        letter.headers[letter.n_headers++] =
            (struct record_header){added[i][0], {added[i][1], strlen(added[i][1])}};
    kafka_send(brokers_of(shop), &letter);
}

static const char malformed[] = "{\"orderId\":\"\033[2J\"";

/* The letters of both groups for a malformed record, as the services write them. */
static void write_malformed(struct shop *shop) {
    const struct record refused = {.topic = shop_topic(shop, NEW_ORDER),
                                   .partition = 1,
                                   .offset = 7,
                                   .key = {"CUSTOMER-123", 12},
                                   .value = {malformed, sizeof malformed - 1},
                                   .n_headers = 2,
                                   .headers = {{"ce_id", {"malformed", 9}}, {"null", {NULL, 0}}}};
    write_letter(shop, &refused, "inventory-service-group", "orderflow.SyntaxError", "line 1");
    write_letter(shop, &refused, "notification-service-group", "orderflow.SyntaxError", "line 1");
}

static void list__shows_each_groups_letter_and_counts_them(void **state) {
    struct shop *shop = *state;
    write_malformed(shop);

    struct run run = dlq(shop, "list");

    assert_int_equal(run.code, 0);
    assert_int_equal(occurrences(run.out, "orderflow.SyntaxError"), 3);
    assert_says(run.out, scratch_printf("from %s/1/", shop_topic(shop, NEW_ORDER)));
    assert_says(run.out, "inventory-service-group");
    assert_says(run.out, "notification-service-group");
    assert_says(run.out, "2 open dead letters\n");
    assert_says(run.out, scratch_printf("2  %s  orderflow.SyntaxError\n",
                                        shop_dead_letters(shop, NEW_ORDER)));
}

static void list__gives_objects_when_json_is_wanted(void **state) {
    struct shop *shop = *state;
    write_malformed(shop);

    struct run run = dlq(shop, "list --json --limit 1");

    assert_int_equal(run.code, 0);
    const cJSON *letter = json_of(run.out);
    assert_string_equal(json_text_at(letter, "/state"), "open");
    assert_string_equal(json_text_at(letter, "/topic"), shop_dead_letters(shop, NEW_ORDER));
    assert_string_equal(json_text_at(letter, "/record/topic"), shop_topic(shop, NEW_ORDER));
    assert_string_equal(json_text_at(letter, "/class"), "orderflow.SyntaxError");
    assert_string_equal(json_text_at(letter, "/key"), "CUSTOMER-123");
    assert_int_equal(json_number_at(letter, "/record/partition"), 1);
}

static void list__shows_only_what_is_selected(void **state) {
    struct shop *shop = *state;
    write_malformed(shop);
    const char *topic = shop_topic(shop, NEW_ORDER);

    assert_says(dlq(shop, "list --reason no-such-reason").out, "0 open dead letters");
    assert_says(dlq(shop, "list --reason SyntaxError").out, "2 open dead letters");
    assert_says(dlq(shop, "list --since 1h").out, "2 open dead letters");
    assert_says(dlq(shop, "list --until 1h").out, "0 open dead letters");
    assert_says(dlq(shop, "list --partition 9").out, "0 open dead letters");
    assert_says(dlq(shop, scratch_printf("list --topic %s --offset 1", topic)).out,
                "1 open dead letter\n");
    assert_says(dlq(shop, scratch_printf("list --topic %s.dlq", topic)).out, "2 open dead letters");
    if (!broker_is_apache()) /* it has no such topic yet */
        assert_says(
            dlq(shop, scratch_printf("list --topic %s", shop_topic(shop, INVENTORY_EMPTY))).out,
            "0 open dead letters");
}

static void show__shows_all_of_a_letter_and_nothing_that_moves_the_cursor(void **state) {
    struct shop *shop = *state;
    write_malformed(shop);
    const char *topic = shop_topic(shop, NEW_ORDER);

    struct run run = dlq(shop, scratch_printf("show %s 0 0", topic));
    struct run raw = dlq(shop, scratch_printf("show %s 0 0 --raw", topic));

    assert_int_equal(run.code, 0);
    assert_says(run.out, "refused by ");
    assert_says(run.out, "  ce_id: malformed\n  null: -\n");
    assert_says(run.out, "  __connect.errors.exception.class.name: orderflow.SyntaxError\n");
    assert_says(run.out, "CUSTOMER-123");
    assert_says(run.out, "1b 5b 32 4a"); /* a dump */
    assert_null(strchr(run.out, '\033'));
    assert_int_equal(raw.code, 0);
    assert_string_equal(raw.out, malformed);
}

static void dlq__says_what_is_wrong_with_its_arguments(void **state) {
    static const struct {
        const char *arguments;
        int code;
        const char *message;
    } cases[] = {
        {"", 2, "list, show, replay or discard"},
        {"forget", 2, "list, show, replay or discard"},
        {"list --colour", 2, "unknown argument --colour"},
        {"list --topic nonsense", 2, "--topic: nonsense is neither a topic of the shop"},
        {"list --offset 3", 2, "--offset needs --topic"},
        {"list --partition 1x", 2, "--partition: must be a whole number"},
        {"list --since yesterday", 2, "--since: must be a past time"},
        {"list --limit", 2, "--limit needs a value"},
        {"list --dry-run", 2, "unknown argument --dry-run"},
        {"replay", 2, "say which letters are meant, or --all"},
        {"discard --limit 1", 2, "say which letters are meant, or --all"},
        {"show new-order-topic 0", 2, "TOPIC PARTITION OFFSET"},
        {"show new-order-topic.dlq 0 nine", 2, "PARTITION and OFFSET must be whole numbers"},
        {"show new-order-topic.dlq 0 999999", 1, "no dead letter stands at"},
        {"replay --topic new-order-topic.dlq --offset 999999", 1, "no dead letter stands at"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run run = dlq(*state, cases[i].arguments);
        if (run.code == 1 && broker_is_apache())
            continue; /* its topics have other names */
        assert_says(run.err, cases[i].message);
        assert_int_equal(run.code, cases[i].code);
        assert_string_equal(run.out, "");
    }
}

/* What is still no good comes back, once for each group and replay. */
static void replay__gives_the_record_back_as_it_was_and_it_is_refused_again(void **state) {
    struct shop *shop = *state;
    const struct record_header headers[] = {{"ce_id", {"malformed", 9}}, {"null", {NULL, 0}}};
    send_order(shop, malformed, headers, 2);
    assert_soon(n_letters(shop) == 2);
    assert_says(dlq(shop, "list").out, "2 open dead letters\n");
    const struct kafka_records before = kafka_read(brokers_of(shop), shop_topic(shop, NEW_ORDER));

    struct run run =
        dlq(shop, scratch_printf("replay --topic %s --offset 0", shop_topic(shop, NEW_ORDER)));

    assert_int_equal(run.code, 0);
    assert_says(run.out, "1 replayed, 0 skipped (resolved before), 0 failed\n");
    const struct kafka_records after = kafka_read(brokers_of(shop), shop_topic(shop, NEW_ORDER));
    assert_int_equal(after.n, before.n + 1);
    const struct record *last = &after.items[after.n - 1]; /* its key leads to one partition */
    assert_int_equal(last->n_headers, 2);
    assert_string_equal(kafka_header(last, "ce_id"), "malformed");
    assert_string_equal(kafka_value(last), malformed);
    assert_string_equal(kafka_key(last), "CUSTOMER-123");
    assert_soon(n_letters(shop) == 2 + 1 + 2); /* letters, a mark, letters */
    assert_says(dlq(shop, "list").out, "3 open dead letters\n");
    assert_says(dlq(shop, "list").out, "1 replayed and 0 discarded are not shown");
}

static void replay__and_discard__do_nothing_when_it_is_a_dry_run(void **state) {
    struct shop *shop = *state;
    write_malformed(shop);
    size_t n = n_letters(shop), n_orders = n_records(shop);

    struct run replay = dlq(shop, "replay --all --dry-run");
    struct run discard = dlq(shop, "discard --all --dry-run");

    assert_int_equal(replay.code, 0);
    assert_says(replay.out, "2 would be replayed, 0 skipped");
    assert_int_equal(occurrences(replay.out, "would be replayed "), 2);
    assert_int_equal(discard.code, 0);
    assert_says(discard.out, "2 would be discarded, 0 skipped");
    assert_int_equal(n_letters(shop), n);
    assert_int_equal(n_records(shop), n_orders);
}

static void discard__marks_letters_and_leaves_them_where_they_are(void **state) {
    struct shop *shop = *state;
    write_malformed(shop);
    size_t n_orders = n_records(shop);

    struct run first = dlq(shop, "discard --all --limit 1");
    struct run second = dlq(shop, "discard --all");

    assert_int_equal(first.code, 0);
    assert_says(first.out, "1 discarded, 0 skipped (resolved before), 0 failed\n");
    assert_says(second.out, "1 discarded, 1 skipped (resolved before), 0 failed\n");
    assert_says(second.out, "it was discarded already");
    assert_int_equal(n_records(shop), n_orders);
    assert_int_equal(n_letters(shop), 2 + 2);
    assert_says(dlq(shop, "list").out, "0 open dead letters\n");
    assert_says(dlq(shop, "list --all-states").out, "2 dead letters\n");
    assert_says(dlq(shop, scratch_printf("show %s 0 1", shop_topic(shop, NEW_ORDER))).out,
                ", discarded, written at ");
}

static int sales_of(struct shop *shop, const char *product_id) {
    return stock_of(shop, product_id) < 0
               ? 0
               : count_where(shop, INVENTORY, scratch_printf("/stock/%s/movements?", product_id),
                             "kind", "sale");
}

static int notices_of(struct shop *shop, const char *order_id) {
    return count_of(shop, NOTIFICATION, scratch_printf("/notifications?orderId=%s", order_id));
}

/* Refused by the inventory-service alone, by a version with a fault that is
 * mended now: the letter of a record that it has forgotten to have handled. */
static void make_letter_of_one_group(struct shop *shop, const char *order_id,
                                     const char *product_id, const struct record_header *headers,
                                     size_t n_headers) {
    send_order(shop, order_of(order_id, product_id, 1), headers, n_headers);
    assert_soon(notices_of(shop, order_id) == 1);
    assert_soon(sales_of(shop, product_id) == 1);
    const struct kafka_records orders = kafka_read(brokers_of(shop), shop_topic(shop, NEW_ORDER));
    const struct record *refused = NULL;
    for (size_t i = 0; i < orders.n; i++)
        if (strstr(kafka_value(&orders.items[i]), order_id))
            refused = &orders.items[i];
    write_letter(shop, refused, "inventory-service-group", "orderflow.ContractError", order_id);

    shop_stop(shop, INVENTORY);
    database_change(shop, INVENTORY,
                    scratch_printf("DELETE FROM inbox WHERE event_id ="
                                   " (SELECT event_id FROM movements WHERE product_id = '%s');"
                                   "DELETE FROM movements WHERE product_id = '%s';"
                                   "DELETE FROM stock WHERE product_id = '%s';",
                                   product_id, product_id, product_id));
    shop_start(shop, INVENTORY);
    shop_wait_ready(shop, INVENTORY);
}

/* Everything before it in its partition was handled when this order was. */
static void wait_for_last_order(struct shop *shop, const char *order_id) {
    send_order(shop, order_of(order_id, "LAST", 1), no_headers, 0);
    struct record keyed = {
        .topic = shop_topic(shop, NEW_ORDER), .partition = -1, .key = {"CUSTOMER-123", 12}};
    const char *value = order_of(scratch_printf("%s-KEYED", order_id), "LAST", 1);
    keyed.value = (struct bytes){value, strlen(value)};
    kafka_send(brokers_of(shop), &keyed);
    assert_soon(notices_of(shop, scratch_printf("%s-KEYED", order_id)) == 1);
    assert_soon(count_where(shop, INVENTORY, "/stock/LAST/movements?", "orderId",
                            scratch_printf("%s-KEYED", order_id)) == 1);
}

/* How often it takes effect, however often it is replayed. */
static void assert_replayed_without_harm(struct shop *shop, const char *order_id,
                                         const char *product_id) {
    const char *replay = scratch_printf("replay --reason %s", order_id);
    assert_int_equal(sales_of(shop, product_id), 0);

    struct run first = dlq(shop, replay);
    assert_says(first.out, "1 replayed, 0 skipped (resolved before), 0 failed\n");
    assert_soon(sales_of(shop, product_id) == 1);
    struct run again = dlq(shop, replay);
    assert_says(again.out, "0 replayed, 1 skipped (resolved before), 0 failed\n");
    struct run forced = dlq(shop, scratch_printf("%s --all-states", replay));
    assert_says(forced.out, "1 replayed, 0 skipped (resolved before), 0 failed\n");

    wait_for_last_order(shop, scratch_printf("%s-LAST", order_id));
    assert_int_equal(sales_of(shop, product_id), 1);
    assert_int_equal(notices_of(shop, order_id), 1);
}

static void replay__takes_effect_once_and_only_where_it_was_refused(void **state) {
    const struct record_header headers[] = {{"ce_id", {"event-1", 7}}, {"ce_source", {"/x", 2}}};
    make_letter_of_one_group(*state, "WITH-ID", "PRODUCT-A", headers, 2);

    assert_replayed_without_harm(*state, "WITH-ID", "PRODUCT-A");
}

static void replay__takes_effect_once_when_the_record_has_no_id(void **state) {
    const struct record_header source = {"ce_source", {"/x", 2}};
    make_letter_of_one_group(*state, "WITHOUT-ID", "PRODUCT-B", no_headers, 0);
    assert_replayed_without_harm(*state, "WITHOUT-ID", "PRODUCT-B");

    make_letter_of_one_group(*state, "WITH-SOURCE", "PRODUCT-C", &source, 1);
    assert_replayed_without_harm(*state, "WITH-SOURCE", "PRODUCT-C");
}

/* Anybody can write to the topic of dead letters. */
static void replay__refuses_a_letter_of_another_topic(void **state) {
    struct shop *shop = *state;
    struct record refused = {.topic = "payments", .value = {"{}", 2}};
    write_letter(shop, &refused, "elsewhere", "orderflow.ContractError", "");

    struct run run = dlq(shop, "replay --all");

    assert_int_equal(run.code, 1);
    assert_says(run.out, "its record is of another topic, payments");
    assert_says(run.out, "0 replayed, 0 skipped (resolved before), 1 failed\n");
    assert_int_equal(n_letters(shop), 1);
}

static void list__shows_a_letter_once_when_it_stands_there_twice(void **state) {
    struct shop *shop = *state;
    struct record refused = {.topic = shop_topic(shop, NEW_ORDER), .value = {"{}", 2}};
    write_letter(shop, &refused, "a-group", "orderflow.ContractError", "");
    write_letter(shop, &refused, "a-group", "orderflow.ContractError", "");
    write_letter(shop, &refused, "another-group", "orderflow.ContractError", "");

    assert_says(dlq(shop, "list").out, "2 open dead letters\n");
}

#define WITH_SERVICES(test) cmocka_unit_test_setup_teardown(test, open_shop, close_shop)
#define WITH_TOPICS(test) cmocka_unit_test_setup_teardown(test, open_topics, close_shop)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_TOPICS(list__shows_each_groups_letter_and_counts_them),
        WITH_TOPICS(list__gives_objects_when_json_is_wanted),
        WITH_TOPICS(list__shows_only_what_is_selected),
        WITH_TOPICS(list__shows_a_letter_once_when_it_stands_there_twice),
        WITH_TOPICS(show__shows_all_of_a_letter_and_nothing_that_moves_the_cursor),
        WITH_TOPICS(dlq__says_what_is_wrong_with_its_arguments),
        WITH_TOPICS(replay__and_discard__do_nothing_when_it_is_a_dry_run),
        WITH_TOPICS(discard__marks_letters_and_leaves_them_where_they_are),
        WITH_TOPICS(replay__refuses_a_letter_of_another_topic),
        WITH_SERVICES(replay__gives_the_record_back_as_it_was_and_it_is_refused_again),
        WITH_SERVICES(replay__takes_effect_once_and_only_where_it_was_refused),
        WITH_SERVICES(replay__takes_effect_once_when_the_record_has_no_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
