/* What checkout refuses: each with its own problem document, and without a trace. */
#include "support/json_path.h"
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <string.h>

static int open_shop(void **state) {
    *state = shop_open_with(ORDER);
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static void assert_problem(const struct http_answer *answer, int status, const char *code,
                           const char *instance) {
    assert_int_equal(answer->status, status);
    assert_string_equal(http_header(answer, "Content-Type"), "application/problem+json");
    const cJSON *problem = json_of(answer->body);
    assert_string_equal(json_text_at(problem, "/type"),
                        scratch_printf("urn:orderflow:problem:%s", code));
    assert_true(strlen(json_text_at(problem, "/title")) > 0);
    assert_true(strlen(json_text_at(problem, "/detail")) > 0);
    assert_int_equal(json_number_at(problem, "/status"), status);
    assert_string_equal(json_text_at(problem, "/instance"), instance);
}

/* All refusals of the file leave nothing: no order, and no event in front of
 * that of the next good order. */
static void assert_no_trace(struct shop *shop) {
    static int n_good;
    const char *brokers = broker_address(shop_broker(shop));
    assert_int_equal(count_of(shop, ORDER, "/orders?"), n_good);
    n_good++;
    const char *id = scratch_printf("GOOD-%d", n_good);
    assert_int_equal(checkout(shop, order_of(id, "PRODUCT-123", 1)).status, 201);
    assert_soon(kafka_count(brokers, shop_topic(shop, NEW_ORDER)) >= (size_t)n_good);
    assert_int_equal(kafka_count(brokers, shop_topic(shop, NEW_ORDER)), n_good);
}

static const char *order_with_line(const char *line) {
    return scratch_printf("{\"orderId\":\"BAD\",\"customerId\":\"CUSTOMER-123\",\"products\":[%s]}",
                          line);
}

static void checkout__refuses_and_names_member_when_contract_is_broken(void **state) {
    struct shop *shop = *state;
    static const struct {
        const char *line, *pointer;
    } bad[] = {
        {"{\"productId\":\"PRODUCT-123\",\"quantity\":0}", "/products/0/quantity"},
        {"{\"productId\":\"PRODUCT-123\",\"quantity\":-1}", "/products/0/quantity"},
        {"{\"productId\":\"PRODUCT-123\",\"quantity\":1.5}", "/products/0/quantity"},
        {"{\"productId\":\"PRODUCT-123\",\"quantity\":\"1\"}", "/products/0/quantity"},
        {"{\"productId\":\"PRODUCT-123\"}", "/products/0/quantity"},
        {"{\"productId\":7,\"quantity\":1}", "/products/0/productId"},
        {"{\"productId\":\"PRODUCT-123\",\"quantity\":1,\"totalPrice\":-1}",
         "/products/0/totalPrice"},
        {"{\"productId\":\"PRODUCT-123\",\"quantity\":1},"
         "{\"productId\":\"PRODUCT-123\",\"quantity\":0}",
         "/products/1/quantity"},
        {"", "/products"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct http_answer answer = checkout(shop, order_with_line(bad[i].line));

        assert_problem(&answer, 422, "broken-contract", "/orders");
        assert_string_equal(json_text_at(json_of(answer.body), "/errors/0/pointer"),
                            bad[i].pointer);
    }
    assert_no_trace(shop);
}

static void checkout__names_every_fault_when_there_are_several(void **state) {
    struct http_answer answer = checkout(*state, "{\"customerId\":\"\",\"products\":7}");

    assert_problem(&answer, 422, "broken-contract", "/orders");
    const cJSON *problem = json_of(answer.body);
    assert_string_equal(json_text_at(problem, "/errors/0/pointer"), "/customerId");
    assert_string_equal(json_text_at(problem, "/errors/1/pointer"), "/products");
}

static void checkout__refuses_when_product_is_unknown(void **state) {
    struct shop *shop = *state;

    struct http_answer answer =
        checkout(shop, order_with_line("{\"productId\":\"PRODUCT-123\",\"quantity\":1},"
                                       "{\"productId\":\"NO-SUCH\",\"quantity\":1}"));

    assert_problem(&answer, 422, "unknown-product", "/orders");
    assert_string_equal(json_text_at(json_of(answer.body), "/errors/0/pointer"),
                        "/products/1/productId");
    assert_no_trace(shop);
}

static void checkout__refuses_when_body_is_not_json(void **state) {
    struct shop *shop = *state;
    static const char *const bad[] = {"{\"orderId\":", "", "{} x", "{\"a\":1,\"a\":2}", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct http_answer answer = checkout(shop, bad[i]);

        assert_problem(&answer, 400, "malformed-json", "/orders");
    }
    assert_no_trace(shop);
}

static void checkout__refuses_when_body_is_too_large(void **state) {
    struct shop *shop = *state;
    enum { TOO_LARGE = 65 * 1024 };
    char *body = scratch_alloc(TOO_LARGE + 1);
    memset(body, ' ', TOO_LARGE);
    const char *order = order_of("LARGE-1", "PRODUCT-123", 1);
    memcpy(body, order, strlen(order));

    struct http_answer answer = checkout(shop, body);

    assert_problem(&answer, 413, "content-too-large", "/orders");
    assert_no_trace(shop);
}

static void checkout__refuses_when_content_type_is_not_json(void **state) {
    struct shop *shop = *state;
    static const char *const headers[] = {"Content-Type: text/plain", NULL};
    const struct http_call call = {.url = shop_url(shop, ORDER, "/orders"),
                                   .headers = headers,
                                   .body = order_of("TEXT-1", "PRODUCT-123", 1)};

    struct http_answer answer = http_send(&call);

    assert_problem(&answer, 415, "unsupported-media-type", "/orders");
    assert_no_trace(shop);
}

static void http__refuses_and_names_methods_when_method_is_wrong(void **state) {
    struct shop *shop = *state;
    const struct http_call call = {.method = "DELETE", .url = shop_url(shop, ORDER, "/orders")};

    struct http_answer answer = http_send(&call);

    assert_problem(&answer, 405, "method-not-allowed", "/orders");
    assert_non_null(strstr(http_header(&answer, "Allow"), "GET"));
    assert_non_null(strstr(http_header(&answer, "Allow"), "POST"));
}

static void http__answers_not_found_when_path_is_unknown(void **state) {
    struct http_answer answer = http_get(shop_url(*state, ORDER, "/no/such"));

    assert_problem(&answer, 404, "not-found", "/no/such");
}

static void orders__answer_not_found_when_id_is_unknown(void **state) {
    struct http_answer answer = http_get(shop_url(*state, ORDER, "/orders/NO-SUCH"));

    assert_problem(&answer, 404, "not-found", "/orders/NO-SUCH");
}

static void lists__refuse_when_query_is_wrong(void **state) {
    static const char *const bad[] = {"/orders?limit=0", "/orders?limit=101", "/orders?limit=x",
                                      "/orders?after=-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct http_answer answer = http_get(shop_url(*state, ORDER, bad[i]));

        assert_problem(&answer, 400, "bad-query", "/orders");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkout__refuses_and_names_member_when_contract_is_broken),
        cmocka_unit_test(checkout__names_every_fault_when_there_are_several),
        cmocka_unit_test(checkout__refuses_when_product_is_unknown),
        cmocka_unit_test(checkout__refuses_when_body_is_not_json),
        cmocka_unit_test(checkout__refuses_when_body_is_too_large),
        cmocka_unit_test(checkout__refuses_when_content_type_is_not_json),
        cmocka_unit_test(http__refuses_and_names_methods_when_method_is_wrong),
        cmocka_unit_test(http__answers_not_found_when_path_is_unknown),
        cmocka_unit_test(orders__answer_not_found_when_id_is_unknown),
        cmocka_unit_test(lists__refuse_when_query_is_wrong),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
