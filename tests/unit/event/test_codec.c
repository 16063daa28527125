#include "event/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ORDER_TEXT                                                                                 \
    "{\"orderId\":\"ORDER-123\",\"customerId\":\"CUSTOMER-123\",\"products\":["                    \
    "{\"productId\":\"PRODUCT-123\",\"quantity\":3,\"totalPrice\":80.5},"                          \
    "{\"productId\":\"PRODUCT-321\",\"quantity\":1,\"totalPrice\":233}]}"

static enum status decode_order(const char *json, enum order_form form, struct order *out,
                                struct contract_faults *faults) {
    return order_decode(json, strlen(json), form, out, faults);
}

/* An order of one line, with these texts for its numbers. */
static void print_order(char *out, size_t size, const char *quantity, const char *total) {
    snprintf(out, size,
             "{\"orderId\":\"O\",\"customerId\":\"C\",\"products\":[{\"productId\":\"P\","
             "\"quantity\":%s,\"totalPrice\":%s}]}",
             quantity, total);
}

static void assert_one_fault(const struct contract_faults *faults, const char *pointer,
                             const char *detail) {
    assert_int_equal(faults->n, 1);
    assert_string_equal(faults->items[0].pointer, pointer);
    assert_string_equal(faults->items[0].detail, detail);
}

static void order_decode__reads_every_member(void **state) {
    (void)state;
    struct order order;
    struct contract_faults faults;

    assert_int_equal(decode_order(ORDER_TEXT, ORDER_EVENT, &order, &faults), OK);

    assert_string_equal(order.order_id, "ORDER-123");
    assert_string_equal(order.customer_id, "CUSTOMER-123");
    assert_int_equal(order.n_lines, 2);
    assert_string_equal(order.lines[0].product_id, "PRODUCT-123");
    assert_int_equal(order.lines[0].quantity, 3);
    assert_int_equal(order.lines[0].total_cents, 8050);
    assert_string_equal(order.lines[1].product_id, "PRODUCT-321");
    assert_int_equal(order.lines[1].quantity, 1);
    assert_int_equal(order.lines[1].total_cents, 23300);
    assert_int_equal(faults.n, 0);
}

static void order_decode__counts_a_number_by_its_value(void **state) {
    (void)state;
    static const struct {
        const char *quantity, *total;
        int32_t n;
        int64_t cents;
    } cases[] = {
        {"3.0", "0", 3, 0},
        {"1e2", "0.01", 100, 1},
        {"1000000", "1000000000", 1000000, 100000000000},
        {"1", "19.990", 1, 1999},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char json[256];
        struct order order;
        struct contract_faults faults;
        print_order(json, sizeof json, cases[i].quantity, cases[i].total);
        assert_int_equal(decode_order(json, ORDER_EVENT, &order, &faults), OK);
        assert_int_equal(order.lines[0].quantity, cases[i].n);
        assert_int_equal(order.lines[0].total_cents, cases[i].cents);
    }
}

static void order_decode__refuses_a_quantity_when_it_is_no_count(void **state) {
    (void)state;
    static const char *const quantities[] = {
        "0",     "-1",   "-0",   "1.5", "1000001", "1e300", "18446744073709551617",
        "\"1\"", "null", "true", "[]"};
    for (size_t i = 0; i < sizeof quantities / sizeof quantities[0]; i++) {
        char json[256];
        struct order order;
        struct contract_faults faults;
        print_order(json, sizeof json, quantities[i], "1");
        assert_int_equal(decode_order(json, ORDER_EVENT, &order, &faults), ERR_INVALID);
        assert_one_fault(&faults, "/products/0/quantity", "must be an integer from 1 to 1000000");
    }
}

static void order_decode__refuses_a_price_when_it_is_no_amount(void **state) {
    (void)state;
    static const char *const totals[] = {"-0.01",  "0.001", "1000000000.01", "1e300",
                                         "\"80\"", "null",  "false",         "{}"};
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        char json[256];
        struct order order;
        struct contract_faults faults;
        print_order(json, sizeof json, "1", totals[i]);
        assert_int_equal(decode_order(json, ORDER_EVENT, &order, &faults), ERR_INVALID);
        assert_one_fault(&faults, "/products/0/totalPrice",
                         "must be a number from 0 to 1000000000 with at most two decimals");
    }
}

static void event_decode__refuses_an_id_when_it_is_not_1_to_64_visible_characters(void **state) {
    (void)state;
    static const char long_id[] =
        "\"0123456789012345678901234567890123456789012345678901234567890123x\"";
    const char *const ids[] = {"\"\"", "\" \"",       "\"a b\"", "\"a\\n\"",      "\"\\u007f\"",
                               "1",    "\"\\u00fc\"", long_id,   "[\"PRODUCT\"]", "null"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char json[128];
        struct event event = {.type = EVENT_INVENTORY_EMPTY};
        struct contract_faults faults;
        int len = snprintf(json, sizeof json, "{\"productId\":%s}", ids[i]);
        assert_int_equal(event_decode(json, (size_t)len, &event, &faults), ERR_INVALID);
        assert_one_fault(&faults, "/productId",
                         "must be a string of 1 to 64 characters from '!' to '~'");
    }
}

static void order_decode__fills_in_what_is_missing_when_it_is_a_request(void **state) {
    (void)state;
    const char *json = "{\"customerId\":\"C\",\"products\":[{\"productId\":\"P\",\"quantity\":1}]}";
    struct order order;
    struct contract_faults faults;

    assert_int_equal(decode_order(json, ORDER_REQUEST, &order, &faults), OK);
    assert_string_equal(order.order_id, "");
    assert_int_equal(order.lines[0].total_cents, TOTAL_CENTS_MISSING);

    assert_int_equal(decode_order(json, ORDER_EVENT, &order, &faults), ERR_INVALID);
    assert_int_equal(faults.n, 2);
    assert_string_equal(faults.items[0].pointer, "/products/0/totalPrice");
    assert_string_equal(faults.items[1].pointer, "/orderId");
}

static void order_decode__refuses_null_when_a_member_could_be_missing(void **state) {
    (void)state;
    const char *json = "{\"orderId\":null,\"customerId\":\"C\",\"products\":["
                       "{\"productId\":\"P\",\"quantity\":1,\"totalPrice\":null}]}";
    struct order order;
    struct contract_faults faults;
    assert_int_equal(decode_order(json, ORDER_REQUEST, &order, &faults), ERR_INVALID);
    assert_int_equal(faults.n, 2);
}

static void order_decode__lists_all_faults_in_the_documents_order(void **state) {
    (void)state;
    const char *json = "{\"products\":[{\"quantity\":0,\"productId\":\"\"},7],\"orderId\":5}";
    static const char *const pointers[] = {
        "/products/0/quantity",
        "/products/0/productId",
        "/products/0/totalPrice",
        "/products/1",
        "/orderId",
        "/customerId",
    };
    struct order order;
    struct contract_faults faults;

    assert_int_equal(decode_order(json, ORDER_EVENT, &order, &faults), ERR_INVALID);

    assert_false(faults.is_syntax);
    assert_int_equal(faults.n, 6);
    for (size_t i = 0; i < faults.n; i++)
        assert_string_equal(faults.items[i].pointer, pointers[i]);
    assert_string_equal(faults.items[3].detail, "must be an object");
    assert_string_equal(faults.items[5].detail, "is missing");
}

static void order_decode__stops_counting_faults_at_the_bound(void **state) {
    (void)state;
    const char *json = "{\"products\":[1,2,3,4,5,6,7,8,9,10,11,12]}";
    struct order order;
    struct contract_faults faults;
    assert_int_equal(decode_order(json, ORDER_EVENT, &order, &faults), ERR_INVALID);
    assert_int_equal(faults.n, CONTRACT_FAULTS_MAX);
    assert_string_equal(faults.items[CONTRACT_FAULTS_MAX - 1].pointer, "/products/7");
}

static void order_decode__takes_100_products_and_not_101(void **state) {
    (void)state;
    for (int n = ORDER_LINES_MAX; n <= ORDER_LINES_MAX + 1; n++) {
        struct strbuf json;
        strbuf_init(&json);
        strbuf_add_str(&json, "{\"orderId\":\"O\",\"customerId\":\"C\",\"products\":[");
        for (int i = 0; i < n; i++)
            strbuf_printf(&json, "%s{\"productId\":\"P%d\",\"quantity\":1,\"totalPrice\":0}",
                          i == 0 ? "" : ",", i);
        strbuf_add_str(&json, "]}");
        struct order order;
        struct contract_faults faults;
        enum status status = order_decode(json.data, json.len, ORDER_EVENT, &order, &faults);
        strbuf_release(&json);
        if (n == ORDER_LINES_MAX) {
            assert_int_equal(status, OK);
            assert_string_equal(order.lines[n - 1].product_id, "P99");
        } else {
            assert_int_equal(status, ERR_INVALID);
            assert_one_fault(&faults, "/products", "must be an array of 1 to 100 products");
        }
    }
}

static void order_decode__leaves_the_output_alone_when_it_refuses(void **state) {
    (void)state;
    struct order order, before;
    memset(&order, 0x5a, sizeof order);
    before = order;
    struct contract_faults faults;
    char json[256];
    print_order(json, sizeof json, "2", "-1");
    assert_int_equal(decode_order(json, ORDER_EVENT, &order, &faults), ERR_INVALID);
    assert_memory_equal(&order, &before, sizeof order);
}

static void order_decode__reports_one_fault_with_its_place_when_it_is_not_json(void **state) {
    (void)state;
    struct order order;
    struct contract_faults faults;
    assert_int_equal(decode_order("{\"products\":\n[}]}", ORDER_EVENT, &order, &faults),
                     ERR_INVALID);
    assert_true(faults.is_syntax);
    assert_one_fault(&faults, "/products/0", "line 2, column 2: a value is expected");

    assert_int_equal(decode_order("7", ORDER_EVENT, &order, &faults), ERR_INVALID);
    assert_false(faults.is_syntax);
}

static void event_decode__refuses_when_the_record_has_no_value(void **state) {
    (void)state;
    struct event event = {.type = EVENT_NEW_ORDER};
    struct contract_faults faults;
    assert_int_equal(event_decode(NULL, 0, &event, &faults), ERR_INVALID);
    assert_one_fault(&faults, "", "line 1, column 1: a value is expected, but the text ends");
}

static void event_decode__leaves_the_envelope_alone(void **state) {
    (void)state;
    struct event event = {.type = EVENT_NEW_ORDER, .envelope.id = "id", .envelope.time_ms = 5};
    struct contract_faults faults;
    assert_int_equal(event_decode(ORDER_TEXT, strlen(ORDER_TEXT), &event, &faults), OK);
    assert_int_equal(event.type, EVENT_NEW_ORDER);
    assert_string_equal(event.envelope.id, "id");
    assert_int_equal(event.envelope.time_ms, 5);
}

static void event_encode__gives_the_same_bytes_when_they_were_compact(void **state) {
    (void)state;
    static const struct {
        enum event_type type;
        const char *json;
    } cases[] = {
        {EVENT_NEW_ORDER, ORDER_TEXT},
        {EVENT_INVENTORY_EMPTY, "{\"productId\":\"P\\\"\\\\/~!\"}"},
        {EVENT_NEW_LOGGING_ACTION, "{\"serviceName\":\"order-service\",\"action\":\"new-order\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct event event = {.type = cases[i].type};
        struct contract_faults faults;
        struct strbuf text;
        strbuf_init(&text);
        assert_int_equal(event_decode(cases[i].json, strlen(cases[i].json), &event, &faults), OK);
        event_encode(&event, &text);
        assert_string_equal(text.data, cases[i].json);
        strbuf_release(&text);
    }
}

static void contract_faults_describe__makes_one_line_and_cuts_it(void **state) {
    (void)state;
    struct order order;
    struct contract_faults faults;
    char text[256], cut[12];
    decode_order("{\"products\":[]}", ORDER_REQUEST, &order, &faults);

    contract_faults_describe(&faults, text, sizeof text);
    contract_faults_describe(&faults, cut, sizeof cut);

    assert_string_equal(text, "/products: must be an array of 1 to 100 products; "
                              "/customerId: is missing");
    assert_string_equal(cut, "/products: ");
    decode_order("7", ORDER_REQUEST, &order, &faults);
    contract_faults_describe(&faults, text, sizeof text);
    assert_string_equal(text, "the document: must be an object");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_decode__reads_every_member),
        cmocka_unit_test(order_decode__counts_a_number_by_its_value),
        cmocka_unit_test(order_decode__refuses_a_quantity_when_it_is_no_count),
        cmocka_unit_test(order_decode__refuses_a_price_when_it_is_no_amount),
        cmocka_unit_test(event_decode__refuses_an_id_when_it_is_not_1_to_64_visible_characters),
        cmocka_unit_test(order_decode__fills_in_what_is_missing_when_it_is_a_request),
        cmocka_unit_test(order_decode__refuses_null_when_a_member_could_be_missing),
        cmocka_unit_test(order_decode__lists_all_faults_in_the_documents_order),
        cmocka_unit_test(order_decode__stops_counting_faults_at_the_bound),
        cmocka_unit_test(order_decode__takes_100_products_and_not_101),
        cmocka_unit_test(order_decode__leaves_the_output_alone_when_it_refuses),
        cmocka_unit_test(order_decode__reports_one_fault_with_its_place_when_it_is_not_json),
        cmocka_unit_test(event_decode__refuses_when_the_record_has_no_value),
        cmocka_unit_test(event_decode__leaves_the_envelope_alone),
        cmocka_unit_test(event_encode__gives_the_same_bytes_when_they_were_compact),
        cmocka_unit_test(contract_faults_describe__makes_one_line_and_cuts_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
