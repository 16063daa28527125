/* What another program sees in the topics: values, keys, partitions, headers. */
#include "support/json_path.h"
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <librdkafka/rdkafka.h>
#include <string.h>

#define TRACE_ID "0af7651916cd43dd8448eb211c80319c"
#define CLIENT_SPAN "b7ad6b7169203331"
#define TRACEPARENT "00-" TRACE_ID "-" CLIENT_SPAN "-01"

/* All records that one order of eleven pieces led to. */
struct wire {
    struct shop *shop;
    struct record order, empty;
    struct kafka_records actions;
};

static struct kafka_records records_in(struct shop *shop, enum shop_topic topic) {
    return kafka_read(broker_address(shop_broker(shop)), shop_topic(shop, topic));
}

static size_t count_in(struct shop *shop, enum shop_topic topic) {
    return kafka_count(broker_address(shop_broker(shop)), shop_topic(shop, topic));
}

static int open_shop(void **state) {
    static struct wire wire;
    struct shop *shop = shop_open_with(ORDER | INVENTORY | NOTIFICATION);
    wire.shop = shop;
    *state = &wire;
    static const char *const headers[] = {"Content-Type: application/json",
                                          "traceparent: " TRACEPARENT, "tracestate: vendor=1",
                                          NULL};
    const struct http_call call = {.url = shop_url(shop, ORDER, "/orders"),
                                   .headers = headers,
                                   .body = order_of("ORDER-11", "PRODUCT-321", 11)};
    assert_int_equal(http_send(&call).status, 201);
    assert_soon(count_in(shop, NEW_LOGGING_ACTION) == 5);

    struct kafka_records orders = records_in(shop, NEW_ORDER);
    struct kafka_records empties = records_in(shop, INVENTORY_EMPTY);
    assert_int_equal(orders.n, 1);
    assert_int_equal(empties.n, 1);
    wire.order = orders.items[0];
    wire.empty = empties.items[0];
    wire.actions = records_in(shop, NEW_LOGGING_ACTION);
    return 0;
}

static int close_shop(void **state) {
    struct wire *wire = *state;
    shop_close(wire->shop);
    return 0;
}

static const struct record *action_of(const struct wire *wire, const char *action) {
    for (size_t i = 0; i < wire->actions.n; i++)
        if (strstr(kafka_value(&wire->actions.items[i]), action))
            return &wire->actions.items[i];
    fail_msg("there is no action %s", action);
    return NULL;
}

static void values__are_bare_payloads(void **state) {
    const struct wire *wire = *state;

    assert_string_equal(kafka_value(&wire->order),
                        "{\"orderId\":\"ORDER-11\",\"customerId\":\"CUSTOMER-123\",\"products\":["
                        "{\"productId\":\"PRODUCT-321\",\"quantity\":11,\"totalPrice\":80}]}");
    assert_string_equal(kafka_value(&wire->empty), "{\"productId\":\"PRODUCT-321\"}");
    assert_string_equal(kafka_value(action_of(wire, "new-order")),
                        "{\"serviceName\":\"order-service\",\"action\":\"new-order\"}");
    assert_string_equal(kafka_value(action_of(wire, "inventory-empty")),
                        "{\"serviceName\":\"inventory-service\",\"action\":\"inventory-empty\"}");
    assert_string_equal(
        kafka_value(action_of(wire, "refill-notification-sent")),
        "{\"serviceName\":\"notification-service\",\"action\":\"refill-notification-sent\"}");
}

static void keys__are_customer_product_and_order(void **state) {
    const struct wire *wire = *state;

    assert_string_equal(kafka_key(&wire->order), "CUSTOMER-123");
    assert_string_equal(kafka_key(&wire->empty), "PRODUCT-321");
    for (size_t i = 0; i < wire->actions.n; i++)
        assert_string_equal(kafka_key(&wire->actions.items[i]), "ORDER-11");
}

static int murmur2_partition(const char *key) {
    return rd_kafka_msg_partitioner_murmur2(NULL, key, strlen(key), BROKER_PARTITIONS, NULL, NULL);
}

static void partitions__are_those_of_java_clients(void **state) {
    const struct wire *wire = *state;

    assert_int_equal(wire->order.partition, murmur2_partition("CUSTOMER-123"));
    assert_int_equal(wire->empty.partition, murmur2_partition("PRODUCT-321"));
    for (size_t i = 0; i < wire->actions.n; i++)
        assert_int_equal(wire->actions.items[i].partition, murmur2_partition("ORDER-11"));
}

/* Where a customer's orders go is decided here by another producer. */
static void partitions__are_those_of_another_producer_with_same_key(void **state) {
    struct wire *wire = *state;
    struct record record = wire->order;
    record.partition = -1;
    record.n_headers = 0;

    kafka_send(broker_address(shop_broker(wire->shop)), &record);

    struct kafka_records orders = records_in(wire->shop, NEW_ORDER);
    assert_int_equal(orders.n, 2);
    assert_int_equal(orders.items[0].partition, orders.items[1].partition);
}

static bool matches(const char *text, const char *pattern) {
    for (; *pattern; pattern++, text++) {
        if (*pattern == 'x' ? !strchr("0123456789abcdef", *text) || !*text : *pattern != *text)
            return false;
    }
    return *text == '\0';
}

static void assert_envelope(const struct record *record, const char *type, const char *source) {
    assert_string_equal(kafka_header(record, "ce_specversion"), "1.0");
    assert_string_equal(kafka_header(record, "ce_type"), type);
    assert_string_equal(kafka_header(record, "ce_source"), source);
    assert_string_equal(kafka_header(record, "content-type"), "application/json");
    assert_true(matches(kafka_header(record, "ce_id"), "xxxxxxxx-xxxx-7xxx-xxxx-xxxxxxxxxxxx"));
    assert_non_null(strchr("89ab", kafka_header(record, "ce_id")[19]));
    assert_true(matches(kafka_header(record, "ce_time"), "xxxx-xx-xxTxx:xx:xx.xxxZ"));
    assert_string_equal(kafka_header(record, "ce_correlationid"), "ORDER-11");
}

static void headers__describe_event(void **state) {
    const struct wire *wire = *state;

    assert_envelope(&wire->order, "new-order", "/order-service");
    assert_envelope(&wire->empty, "inventory-empty", "/inventory-service");
    for (size_t i = 0; i < wire->actions.n; i++) {
        const struct record *action = &wire->actions.items[i];
        const char *service = json_text_at(json_of(kafka_value(action)), "/serviceName");
        assert_envelope(action, "new-logging-action", scratch_printf("/%s", service));
    }
}

static void headers__name_cause_of_each_event(void **state) {
    const struct wire *wire = *state;
    const char *order_id = kafka_header(&wire->order, "ce_id");
    const char *empty_id = kafka_header(&wire->empty, "ce_id");
    static const char *const by_order[] = {"new-order", "inventory-updated",
                                           "order-notification-sent"};
    static const char *const by_empty[] = {"inventory-empty", "refill-notification-sent"};

    assert_null(kafka_header(&wire->order, "ce_causationid"));
    assert_string_equal(kafka_header(&wire->empty, "ce_causationid"), order_id);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(kafka_header(action_of(wire, by_order[i]), "ce_causationid"), order_id);
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(kafka_header(action_of(wire, by_empty[i]), "ce_causationid"), empty_id);
}

static void headers__continue_trace_of_request_with_spans_of_their_own(void **state) {
    const struct wire *wire = *state;
    const struct record *records[16] = {&wire->order, &wire->empty};
    size_t n = 2;
    for (size_t i = 0; i < wire->actions.n; i++)
        records[n++] = &wire->actions.items[i];

    for (size_t i = 0; i < n; i++) {
        const char *parent = kafka_header(records[i], "traceparent");
        assert_true(matches(parent, "00-" TRACE_ID "-xxxxxxxxxxxxxxxx-01"));
        assert_string_not_equal(parent, TRACEPARENT);
        assert_string_equal(kafka_header(records[i], "tracestate"), "vendor=1");
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(parent, kafka_header(records[j], "traceparent"));
    }
}

static void shop__publishes_nothing_else(void **state) {
    struct wire *wire = *state;
    for (int topic = 0; topic < N_SHOP_TOPICS; topic++)
        assert_int_equal(kafka_count(broker_address(shop_broker(wire->shop)),
                                     shop_dead_letters(wire->shop, (enum shop_topic)topic)),
                         0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values__are_bare_payloads),
        cmocka_unit_test(keys__are_customer_product_and_order),
        cmocka_unit_test(partitions__are_those_of_java_clients),
        cmocka_unit_test(headers__describe_event),
        cmocka_unit_test(headers__name_cause_of_each_event),
        cmocka_unit_test(headers__continue_trace_of_request_with_spans_of_their_own),
        cmocka_unit_test(shop__publishes_nothing_else),
        cmocka_unit_test(partitions__are_those_of_another_producer_with_same_key),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
