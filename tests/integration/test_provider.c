/*
 * What the shop puts into its topics is what schemas/asyncapi.json says: all of
 * it, after a run with generated orders by HTTP and by another program, with
 * records that are no events, and with orderctl's answer to these. An independent validator judges
 * (tests/contract/records.py). TEST_SEED repeats a run.
 */
#include "event/event.h"
#include "support/file.h"
#include "support/generator.h"
#include "support/json_path.h"
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <string.h>

enum { N_CHECKOUTS = 24, N_FOREIGN_ORDERS = 12, FOREIGN_MAX = 32, VALIDATOR_TIMEOUT_MS = 60000 };

static const char document_path[] = "schemas/asyncapi.json";

/* A run of the shop, until nothing was left to do. */
struct run {
    struct shop *shop;
    int n_checkouts;        /* accepted by HTTP */
    int n_orders, n_lines;  /* of all good orders */
    struct record *foreign; /* what another program has sent */
    size_t n_foreign;
    size_t n_bad[N_SHOP_TOPICS];       /* of these, no good events */
    size_t n_good[N_SHOP_TOPICS];      /* of these, good ones */
    size_t n_discarded[N_SHOP_TOPICS]; /* letters */
};

static const char *brokers_of(const struct run *run) {
    return broker_address(shop_broker(run->shop));
}

static const char *printed(cJSON *document) {
    char *text = cJSON_PrintUnformatted(document);
    cJSON_Delete(document);
    scratch_keep(text, free);
    return text;
}

/* --- what goes in --- */

static size_t pick_n_lines(int i) {
    return i == 0 ? ORDER_LINES_MAX : 1 + random_below(one_in(8) ? ORDER_LINES_MAX : 6);
}

/* By HTTP only products of the catalogue can be ordered. */
static void choose_products(cJSON *order, const cJSON *catalogue) {
    const size_t n_products = (size_t)cJSON_GetArraySize(catalogue);
    cJSON *line;
    cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(order, "products")) {
        const cJSON *product = cJSON_GetArrayItem(catalogue, (int)random_below(n_products));
        const char *id = json_text_at(product, "/productId");
        cJSON_ReplaceItemInObjectCaseSensitive(line, "productId", cJSON_CreateString(id));
    }
}

static const char *const traced[] = {
    "Content-Type: application/json",
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
    "tracestate: vendor=1,other=\"~ 2\"", NULL};

/* A short id may have been given before: then the order is refused. */
static void check_out(struct run *run, const cJSON *catalogue, int i) {
    static const char *const plain[] = {"Content-Type: application/json", NULL};
    const size_t n_lines = pick_n_lines(i);
    cJSON *order = generate_order(n_lines);
    choose_products(order, catalogue);
    const struct http_call call = {.url = shop_url(run->shop, ORDER, "/orders"),
                                   .headers = i % 2 ? traced : plain,
                                   .body = printed(order)};
    const struct http_answer answer = http_send(&call);
    if (answer.status != 201 && answer.status != 409)
        fail_msg("%d %s: %s", answer.status, answer.body, call.body);
    run->n_checkouts += answer.status == 201;
    run->n_lines += answer.status == 201 ? (int)n_lines : 0;
}

static void change_catalogue(struct shop *shop) {
    const struct http_call call = {.method = "PUT",
                                   .url = shop_url(shop, ORDER, "/products/VASE"),
                                   .headers = traced,
                                   .body = "{\"name\":\"Vase\",\"price\":12.5}"};
    assert_int_equal(http_send(&call).status, 201);
    assert_int_equal(send_json(shop, ORDER, "DELETE", "/products/VASE", NULL).status, 204);
}

static struct bytes text_bytes(const char *text) {
    return (struct bytes){text, strlen(text)};
}

static struct record *add_foreign(struct run *run, enum shop_topic topic, const char *value) {
    assert_true(run->n_foreign < FOREIGN_MAX);
    struct record *record = &run->foreign[run->n_foreign++];
    *record = (struct record){
        .topic = shop_topic(run->shop, topic), .partition = -1, .value = text_bytes(value)};
    return record;
}

static void add_header(struct record *record, const char *name, const char *value) {
    record->headers[record->n_headers++] = (struct record_header){name, text_bytes(value)};
}

/* With no header, with what makes it unique, or with all and more. */
static void add_headers(struct record *record, int i) {
    if (i % 3 == 0)
        return;
    add_header(record, "ce_id", scratch_printf("foreign %d \xc3\xbc", i));
    add_header(record, "ce_source", "/my-shop");
    if (i % 3 == 1)
        return;
    record->key = text_bytes(scratch_printf("key %d", i));
    add_header(record, "ce_time", "2024-02-29T23:59:59+01:00");
    add_header(record, "ce_correlationid", scratch_printf("basket %d", i));
    add_header(record, "traceparent", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-x");
    add_header(record, "tracestate", "vendor=2");
    add_header(record, "priority", "high");
}

static void add_good(struct run *run) {
    for (int i = 0; i < N_FOREIGN_ORDERS; i++) {
        const size_t n_lines = pick_n_lines(i);
        run->n_lines += (int)n_lines;
        add_headers(add_foreign(run, NEW_ORDER, printed(generate_order(n_lines))), i);
    }
    for (int i = 0; i < 3; i++)
        add_headers(add_foreign(run, INVENTORY_EMPTY, "{\"productId\":\"ELSEWHERE\"}"), 20 + i);
    for (int i = 0; i < 3; i++)
        add_headers(add_foreign(run, NEW_LOGGING_ACTION,
                                "{\"serviceName\":\"my-shop\",\"action\":\"looked\",\"at\":[1]}"),
                    30 + i);
    run->n_good[NEW_ORDER] = N_FOREIGN_ORDERS;
    run->n_good[INVENTORY_EMPTY] = run->n_good[NEW_LOGGING_ACTION] = 3;
}

static void add_bad(struct run *run) {
    add_headers(add_foreign(run, NEW_ORDER, "{\"orderId\":\"O\",\"customerId\":\"C\"}"), 41);
    add_headers(add_foreign(run, NEW_ORDER, "{\"orderId\":"), 42);
    add_headers(add_foreign(run, INVENTORY_EMPTY, "{\"productId\":\"A B\"}"), 43);
    add_headers(add_foreign(run, NEW_LOGGING_ACTION, "[]"), 44);
    struct record *other = add_foreign(run, INVENTORY_EMPTY, "{\"productId\":\"ELSEWHERE\"}");
    add_header(other, "ce_type", "new-order");
    add_header(other, "ce_source", "/elsewhere"); /* of no meaning without an id */
    run->n_bad[NEW_ORDER] = run->n_bad[INVENTORY_EMPTY] = 2;
    run->n_bad[NEW_LOGGING_ACTION] = 1;
}

/* --- until nothing is left to do --- */

static size_t n_records(const struct run *run, const char *topic) {
    return kafka_count(brokers_of(run), topic);
}

static int n_actions(const struct run *run, const char *action) {
    return count_of(run->shop, LOGGING, scratch_printf("/actions?action=%s", action));
}

/* What stands in a topic of dead letters: the letters and, for each of them, a
 * mark; a replayed record is refused again. Two groups read new orders. */
static size_t n_dead(const struct run *run, enum shop_topic topic, bool is_resolved) {
    const size_t n_groups = topic == NEW_ORDER ? 2 : 1;
    const size_t n_letters = run->n_bad[topic] * n_groups;
    if (!is_resolved)
        return n_letters;
    return 2 * n_letters + (n_letters - run->n_discarded[topic]) * n_groups;
}

static bool has_all_letters(const struct run *run, bool is_resolved) {
    for (enum shop_topic topic = 0; topic < N_SHOP_TOPICS; topic++) {
        if (n_records(run, shop_dead_letters(run->shop, topic)) != n_dead(run, topic, is_resolved))
            return false;
    }
    return true;
}

static void resolve(const struct run *run, const char *const arguments[]) {
    struct process *process;
    if (shop_orderctl(run->shop, arguments, &process) != 0)
        fail_msg("%s%s", process_stdout(process), process_stderr(process));
}

/* Of each kind that has two, one is discarded; all others are replayed, and
 * are as bad as they were. */
static void resolve_letters(struct run *run) {
    static const enum shop_topic discarded[] = {NEW_ORDER, INVENTORY_EMPTY};
    for (size_t i = 0; i < COUNT(discarded); i++) {
        resolve(run, (const char *[]){"dlq", "discard", "--topic",
                                      shop_topic(run->shop, discarded[i]), "--limit", "1", NULL});
        run->n_discarded[discarded[i]] = 1;
    }
    resolve(run, (const char *[]){"dlq", "replay", "--all", NULL});
    assert_soon(has_all_letters(run, true));
}

/* Each step is done when what it needs can no longer change. */
static void wait_until_done(const struct run *run) {
    struct shop *shop = run->shop;
    assert_soon(n_actions(run, "inventory-updated") == run->n_lines);
    assert_soon(has_published_all(shop, INVENTORY));
    const size_t n_foreign = run->n_good[INVENTORY_EMPTY] + run->n_bad[INVENTORY_EMPTY];
    const int n_empty = (int)(n_records(run, shop_topic(shop, INVENTORY_EMPTY)) - n_foreign);
    assert_true(n_empty > 0);
    const int n_told = n_empty + (int)run->n_good[INVENTORY_EMPTY];
    assert_soon(n_actions(run, "inventory-empty") == n_empty);
    assert_soon(n_actions(run, "refill-notification-sent") == n_told);
    assert_soon(n_actions(run, "order-notification-sent") == run->n_orders);
    assert_soon(n_actions(run, "new-order") == run->n_checkouts);
    assert_soon(n_actions(run, "product-deleted") == 1);
    assert_soon(n_actions(run, "looked") == (int)run->n_good[NEW_LOGGING_ACTION]);
    assert_soon(has_all_letters(run, false));
}

static int open_run(void **state) {
    static struct run run;
    choose_seed(state);
    run.shop = shop_open(BROKER_STEADY);
    *state = &run;
    shop_set(run.shop, "CATALOGUE_WRITES=true");
    shop_start(run.shop, EVERY_SERVICE);
    shop_wait_ready(run.shop, EVERY_SERVICE);
    run.foreign = scratch_alloc(FOREIGN_MAX * sizeof *run.foreign);
    add_good(&run);
    add_bad(&run);
    kafka_send_all(brokers_of(&run), run.foreign, run.n_foreign);
    const cJSON *catalogue = json_at(look_at(run.shop, ORDER, "/products"), "/items");
    for (int i = 0; i < N_CHECKOUTS; i++)
        check_out(&run, catalogue, i);
    assert_true(run.n_checkouts > N_CHECKOUTS / 2);
    change_catalogue(run.shop);
    run.n_orders = run.n_checkouts + N_FOREIGN_ORDERS;
    wait_until_done(&run);
    resolve_letters(&run);
    return 0;
}

static int close_run(void **state) {
    const struct run *run = *state;
    shop_close(run->shop);
    return 0;
}

/* --- what comes out, for the validator --- */

static void write_hex(FILE *file, struct bytes bytes) {
    const unsigned char *data = bytes.data;
    if (!data) {
        fputs("null", file);
        return;
    }
    fputc('"', file);
    for (size_t i = 0; i < bytes.len; i++)
        fprintf(file, "%02x", data[i]);
    fputc('"', file);
}

static void write_record(FILE *file, const char *by, const struct record *record) {
    fprintf(file, "{\"by\":\"%s\",\"topic\":\"%s\",\"partition\":%d,\"offset\":%lld,\"key\":", by,
            record->topic, record->partition, (long long)record->offset);
    write_hex(file, record->key);
    fputs(",\"value\":", file);
    write_hex(file, record->value);
    fputs(",\"headers\":[", file);
    for (size_t i = 0; i < record->n_headers; i++) {
        fprintf(file, "%s[\"%s\",", i == 0 ? "" : ",", record->headers[i].name);
        write_hex(file, record->headers[i].value);
        fputc(']', file);
    }
    fputs("]}\n", file);
}

static void write_topic(FILE *file, const struct run *run, const char *topic) {
    struct kafka_records records = kafka_read(brokers_of(run), topic);
    for (size_t i = 0; i < records.n; i++)
        write_record(file, "broker", &records.items[i]);
}

static const char *write_records(const struct run *run) {
    const char *path = scratch_printf("%s/records", shop_folder(run->shop));
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (size_t i = 0; i < run->n_foreign; i++)
        write_record(file, "test", &run->foreign[i]);
    for (int topic = 0; topic < N_SHOP_TOPICS; topic++) {
        write_topic(file, run, shop_topic(run->shop, (enum shop_topic)topic));
        write_topic(file, run, shop_dead_letters(run->shop, (enum shop_topic)topic));
    }
    assert_int_equal(fclose(file), 0);
    return path;
}

/* What topics and groups have behind the document's names; see shop.h. */
static const char *suffix_of(const struct run *run) {
    return shop_topic(run->shop, NEW_ORDER) + strlen("new-order-topic");
}

static void records__are_messages_of_the_document(void **state) {
    const struct run *run = *state;
    const char *const argv[] = {
        "/usr/bin/python3", "-B", "tests/contract/records.py", document_path, write_records(run),
        suffix_of(run),     NULL};
    const char *const settings[] = {NULL};
    struct process *validator;
    const char *output = scratch_printf("%s/validator", shop_folder(run->shop));
    int code = process_run(argv, settings, output, VALIDATOR_TIMEOUT_MS, &validator);
    fputs(process_stdout(validator), stdout);
    fputs(process_stderr(validator), stdout);
    assert_int_equal(code, 0);
}

/* --- topics, groups and defaults --- */

static const cJSON *document(void) {
    return json_of(file_content(document_path));
}

/* The topic of a channel in this run. */
static const char *topic_of(const struct run *run, const cJSON *channel) {
    const char *address = json_text_at(channel, "/address");
    const size_t len = strcspn(address, ".");
    return scratch_printf("%.*s%s%s", (int)len, address, suffix_of(run), address + len);
}

static const cJSON *channel_of(const cJSON *asyncapi, const cJSON *operation) {
    return json_at(asyncapi, json_text_at(operation, "/channel/$ref") + 1);
}

static bool has_channel(const struct run *run, const cJSON *asyncapi, const char *topic) {
    const cJSON *channel;
    cJSON_ArrayForEach(channel, json_at(asyncapi, "/channels")) {
        if (strcmp(topic_of(run, channel), topic) == 0)
            return true;
    }
    return false;
}

static void topics__are_the_channels_of_the_document(void **state) {
    const struct run *run = *state;
    const cJSON *asyncapi = document();
    struct kafka_names topics = kafka_topics(brokers_of(run));
    int n_topics = 0;
    for (size_t i = 0; i < topics.n; i++) {
        if (topics.items[i][0] == '_' || !strstr(topics.items[i], suffix_of(run)))
            continue; /* Kafka's own, or another test's */
        n_topics++;
        if (!has_channel(run, asyncapi, topics.items[i]))
            fail_msg("topic %s is in no channel", topics.items[i]);
    }
    assert_int_equal(n_topics, cJSON_GetArraySize(json_at(asyncapi, "/channels")));
}

static const char group_pointer[] = "/bindings/kafka/groupId/const";

/* With no channel: any. */
static bool has_group(const cJSON *asyncapi, const char *group, const cJSON *channel) {
    const cJSON *operation;
    cJSON_ArrayForEach(operation, json_at(asyncapi, "/operations")) {
        const cJSON *its_group = json_at(operation, group_pointer);
        if (its_group && strcmp(its_group->valuestring, group) == 0 &&
            (!channel || channel_of(asyncapi, operation) == channel))
            return true;
    }
    return false;
}

static void groups__are_those_of_the_document(void **state) {
    const struct run *run = *state;
    const char *suffix = suffix_of(run);
    if (!broker_is_apache())
        skip();
    struct kafka_names groups = kafka_groups(brokers_of(run));
    for (size_t i = 0; i < groups.n; i++) {
        const char *end = strstr(groups.items[i], suffix);
        if (end &&
            !has_group(document(),
                       scratch_printf("%.*s", (int)(end - groups.items[i]), groups.items[i]), NULL))
            fail_msg("group %s is in no operation", groups.items[i]);
    }
}

static void groups__read_the_topics_that_the_document_says(void **state) {
    const struct run *run = *state;
    const cJSON *asyncapi = document();
    const cJSON *operation, *channel;
    cJSON_ArrayForEach(operation, json_at(asyncapi, "/operations")) {
        if (strcmp(json_text_at(operation, "/action"), "receive") != 0)
            continue;
        const char *name = json_text_at(operation, group_pointer);
        const char *group = scratch_printf("%s%s", name, suffix_of(run));
        cJSON_ArrayForEach(channel, json_at(asyncapi, "/channels")) {
            const char *topic = topic_of(run, channel);
            const bool is_said = has_group(asyncapi, name, channel);
            if (is_said)
                assert_soon(kafka_has_committed(brokers_of(run), group, topic));
            else if (kafka_has_committed(brokers_of(run), group, topic))
                fail_msg("%s reads %s, says no operation", group, topic);
        }
    }
}

/* Fails unless the program's help has this default, which may be a number. */
static void assert_default(const char *help, const char *setting, const cJSON *value) {
    const char *text =
        cJSON_IsNumber(value) ? scratch_printf("%d", value->valueint) : cJSON_GetStringValue(value);
    const char *row = strstr(help, scratch_printf("\n  %s ", setting));
    assert_non_null(text);
    if (!row)
        fail_msg("there is no setting %s", setting);
    row += 3 + strlen(setting);
    row += strspn(row, " ");
    if (strncmp(row, text, strlen(text)) != 0 || row[strlen(text)] != ' ')
        fail_msg("%s: the document has %s, the program %.40s", setting, text, row);
}

static const char *help_of(const struct run *run, enum shop_service service) {
    struct process *process;
    assert_int_equal(shop_run(run->shop, service, "--help", &process), 0);
    return process_stdout(process);
}

static void settings__have_the_defaults_of_the_document(void **state) {
    static const struct {
        const char *setting, *pointer;
    } defaults[] = {
        {"KAFKA_BROKERS", "/servers/local/host"},
        {"TOPIC_NEW_ORDER", "/channels/new-order/address"},
        {"TOPIC_INVENTORY_EMPTY", "/channels/inventory-empty/address"},
        {"TOPIC_NEW_LOGGING_ACTION", "/channels/new-logging-action/address"},
        {"TOPIC_PARTITIONS", "/channels/new-order/bindings/kafka/partitions"},
        {"TOPIC_PARTITIONS", "/channels/inventory-empty/bindings/kafka/partitions"},
        {"TOPIC_PARTITIONS", "/channels/new-logging-action/bindings/kafka/partitions"},
        {"TOPIC_REPLICATION_FACTOR", "/channels/new-order/bindings/kafka/replicas"},
        {"TOPIC_REPLICATION_FACTOR", "/channels/new-order-dead-letters/bindings/kafka/replicas"},
    };
    const struct run *run = *state;
    const cJSON *asyncapi = document();
    const char *help = help_of(run, ORDER);
    for (size_t i = 0; i < COUNT(defaults); i++)
        assert_default(help, defaults[i].setting, json_at(asyncapi, defaults[i].pointer));
}

/* The client's id is the service's name, and tells which program it is. */
static void services__have_the_groups_and_client_ids_of_the_document(void **state) {
    static const struct {
        enum shop_service service;
        const char *name;
    } services[] = {{ORDER, "order-service"},
                    {INVENTORY, "inventory-service"},
                    {NOTIFICATION, "notification-service"},
                    {LOGGING, "logging-service"}};
    const struct run *run = *state;
    const cJSON *asyncapi = document();
    for (size_t i = 0; i < COUNT(services); i++) {
        const char *help = help_of(run, services[i].service);
        bool is_receiver = false;
        const cJSON *operation;
        cJSON_ArrayForEach(operation, json_at(asyncapi, "/operations")) {
            const char *client = json_text_at(operation, "/bindings/kafka/clientId/const");
            const cJSON *group = json_at(operation, group_pointer);
            if (strcmp(client, services[i].name) != 0 || !group)
                continue;
            assert_default(help, "CONSUMER_GROUP", group);
            is_receiver = true;
        }
        assert_true(is_receiver == (strstr(help, "\n  CONSUMER_GROUP ") != NULL));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records__are_messages_of_the_document),
        cmocka_unit_test(topics__are_the_channels_of_the_document),
        cmocka_unit_test(groups__are_those_of_the_document),
        cmocka_unit_test(groups__read_the_topics_that_the_document_says),
        cmocka_unit_test(settings__have_the_defaults_of_the_document),
        cmocka_unit_test(services__have_the_groups_and_client_ids_of_the_document),
    };
    return cmocka_run_group_tests(tests, open_run, close_run);
}
