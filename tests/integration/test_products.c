/* A shopkeeper changes the catalogue over HTTP. */
#include "support/auditor.h"
#include "support/database.h"
#include "support/http_raw.h"
#include "support/json_path.h"
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <stdio.h>
#include <string.h>

static const char vase[] = "{\"name\":\"Vase\",\"price\":12.5}";

static int open_shop(void **state) {
    struct shop *shop = shop_open(BROKER_STEADY);
    *state = shop;
    shop_set(shop, "CATALOGUE_WRITES=true");
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static int save(struct shop *shop, const char *product_id, const char *body) {
    return send_json(shop, ORDER, "PUT", scratch_printf("/products/%s", product_id), body).status;
}

static int discard(struct shop *shop, const char *product_id) {
    return send_json(shop, ORDER, "DELETE", scratch_printf("/products/%s", product_id), NULL)
        .status;
}

static int status_of_product(struct shop *shop, const char *product_id) {
    return http_get(shop_url(shop, ORDER, scratch_printf("/products/%s", product_id))).status;
}

static double price_of(struct shop *shop, const char *product_id) {
    const char *target = scratch_printf("/products/%s", product_id);
    return json_number_at(look_at(shop, ORDER, target), "/price");
}

static int order_status(struct shop *shop, const char *order_id, const char *product_id) {
    return checkout(shop, order_of(order_id, product_id, 1)).status;
}

static void start_order_service(struct shop *shop) {
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
}

static void product__can_be_ordered_from_its_saving_until_it_is_deleted(void **state) {
    struct shop *shop = *state;
    start_order_service(shop);
    assert_int_equal(order_status(shop, "TOO-EARLY", "VASE"), 422);

    struct http_answer created = send_json(shop, ORDER, "PUT", "/products/VASE", vase);

    assert_int_equal(created.status, 201);
    assert_string_equal(http_header(&created, "Location"), "/products/VASE");
    assert_string_equal(json_text_at(json_of(created.body), "/productId"), "VASE");
    static const char order[] =
        "{\"orderId\":\"IN-TIME\",\"customerId\":\"CUSTOMER-1\",\"products\":["
        "{\"productId\":\"VASE\",\"quantity\":2}]}";
    assert_int_equal(checkout(shop, order).status, 201);
    assert_int_equal(save(shop, "VASE", "{\"name\":\"Vase\",\"price\":13}"), 200);
    assert_float_equal(price_of(shop, "VASE"), 13, 0);

    assert_int_equal(discard(shop, "VASE"), 204);

    assert_int_equal(discard(shop, "VASE"), 404);
    assert_int_equal(status_of_product(shop, "VASE"), 404);
    struct http_answer refused = checkout(shop, order_of("TOO-LATE", "VASE", 1));
    assert_int_equal(refused.status, 422);
    assert_says(refused.body, "unknown-product");
    /* What was ordered before stays ordered. */
    assert_int_equal(checkout(shop, order).status, 200);
    assert_float_equal(
        json_number_at(look_at(shop, ORDER, "/orders/IN-TIME"), "/products/0/totalPrice"), 25, 0);
}

static void saving__does_nothing_when_the_product_is_so_already(void **state) {
    struct shop *shop = *state;
    start_order_service(shop);
    assert_int_equal(save(shop, "VASE", vase), 201);

    assert_int_equal(save(shop, "VASE", vase), 200);

    assert_int_equal(save(shop, "PRODUCT-321", "{\"name\":\"27-inch monitor\",\"price\":233.00}"),
                     200);
    assert_int_equal(database_number(shop, ORDER, "SELECT count(*) FROM product_changes"), 1);
    assert_int_equal(database_number(shop, ORDER, "SELECT count(*) FROM outbox"), 1);
}

/* Some of them are in one transaction. */
static void deletion__happens_once_when_many_ask_at_once(void **state) {
    enum { N_CLIENTS = 32 };
    struct shop *shop = *state;
    start_order_service(shop);
    struct http_raw *clients[N_CLIENTS];
    for (int i = 0; i < N_CLIENTS; i++)
        clients[i] = http_raw_open(shop_port(shop, ORDER));
    for (int i = 0; i < N_CLIENTS; i++)
        http_raw_send(clients[i], "DELETE /products/PRODUCT-123 HTTP/1.1\r\nHost: localhost\r\n"
                                  "Connection: close\r\n\r\n");
    int n_deleted = 0;
    for (int i = 0; i < N_CLIENTS; i++)
        n_deleted += http_raw_end(clients[i], "DELETE", "/products/PRODUCT-123").status == 204;
    assert_int_equal(n_deleted, 1);
    assert_int_equal(database_number(shop, ORDER, "SELECT count(*) FROM outbox"), 1);
}

static void changes__are_there_when_the_service_was_killed_after_its_answer(void **state) {
    struct shop *shop = *state;
    start_order_service(shop);
    assert_int_equal(save(shop, "VASE", vase), 201);
    assert_int_equal(save(shop, "PRODUCT-123", "{\"name\":\"Dear\",\"price\":999.99}"), 200);
    assert_int_equal(discard(shop, "PRODUCT-321"), 204);

    shop_kill(shop, ORDER);
    start_order_service(shop);

    assert_float_equal(price_of(shop, "VASE"), 12.5, 0);
    assert_float_equal(price_of(shop, "PRODUCT-123"), 999.99, 1e-9);
    assert_int_equal(status_of_product(shop, "PRODUCT-321"), 404);
    /* Also for a program that may not change anything. */
    shop_stop(shop, ORDER);
    shop_set(shop, "CATALOGUE_WRITES=false");
    start_order_service(shop);
    assert_int_equal(status_of_product(shop, "VASE"), 200);
}

static void write_catalogue(struct shop *shop, const char *products) {
    const char *path = scratch_printf("%s/catalogue.json", shop_folder(shop));
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "{\"products\":[%s]}", products);
    fclose(file);
    shop_set(shop, scratch_printf("CATALOGUE_FILE=%s", path));
}

static void file__gives_what_was_not_changed_when_it_is_edited(void **state) {
    struct shop *shop = *state;
    write_catalogue(shop, "{\"productId\":\"A\",\"name\":\"A\",\"price\":1},"
                          "{\"productId\":\"B\",\"name\":\"B\",\"price\":1},"
                          "{\"productId\":\"C\",\"name\":\"C\",\"price\":1}");
    start_order_service(shop);
    assert_int_equal(save(shop, "B", "{\"name\":\"B\",\"price\":2}"), 200);
    assert_int_equal(discard(shop, "C"), 204);
    shop_stop(shop, ORDER);

    write_catalogue(shop, "{\"productId\":\"A\",\"name\":\"A\",\"price\":3},"
                          "{\"productId\":\"B\",\"name\":\"B\",\"price\":3},"
                          "{\"productId\":\"C\",\"name\":\"C\",\"price\":3},"
                          "{\"productId\":\"D\",\"name\":\"D\",\"price\":3}");
    start_order_service(shop);

    assert_float_equal(price_of(shop, "A"), 3, 0);
    assert_float_equal(price_of(shop, "B"), 2, 0);
    assert_int_equal(status_of_product(shop, "C"), 404);
    assert_float_equal(price_of(shop, "D"), 3, 0);
}

static void saving__refuses_what_is_no_product(void **state) {
    struct shop *shop = *state;
    char umlauts[2 * 127 + 1] = "";
    for (int i = 0; i < 127; i++)
        strcat(umlauts, "\xc3\xa4");
    const struct {
        const char *body;
        int status;
        const char *said;
    } cases[] = {
        {"", 400, "malformed-json"},
        {"{\"name\":\"A\",\"price\":1}}", 400, "malformed-json"},
        {"[]", 422, "must be an object"},
        {"{}", 422, "/name: is missing; /price: is missing"},
        {"{\"name\":\"\",\"price\":1}", 422, "/name: must be a string of 1 to 127 characters"},
        {"{\"name\":1,\"price\":1}", 422, "/name"},
        {"{\"name\":\"A\",\"price\":\"1\"}", 422, "/price"},
        {"{\"name\":\"A\",\"price\":-0.01}", 422, "/price: must be a number from 0"},
        {"{\"name\":\"A\",\"price\":0.001}", 422, "/price"},
        {"{\"name\":\"A\",\"price\":1000000000.01}", 422, "/price"},
        {"{\"name\":\"A\",\"price\":1e999}", 400, "/price"},
        {scratch_printf("{\"name\":\"%sx\",\"price\":1}", umlauts), 422, "/name"},
    };
    start_order_service(shop);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_answer answer = send_json(shop, ORDER, "PUT", "/products/VASE", cases[i].body);
        assert_int_equal(answer.status, cases[i].status);
        assert_says(answer.body, cases[i].said);
    }
    assert_int_equal(save(shop, scratch_printf("%065d", 0), vase), 400);
    assert_int_equal(save(shop, "two%20words", vase), 400);
    assert_int_equal(discard(shop, "two%20words"), 404);
    assert_int_equal(database_number(shop, ORDER, "SELECT count(*) FROM outbox"), 0);

    assert_int_equal(save(shop, "VASE", scratch_printf("{\"name\":\"%s\",\"price\":1e9}", umlauts)),
                     201);
    assert_int_equal(save(shop, "a%2Fb", "{\"name\":\"\xc3\xa4\\n\",\"price\":0}"), 201);
    assert_int_equal(discard(shop, "a%2Fb"), 204);
}

static void writes__are_refused_as_ever_unless_they_are_allowed(void **state) {
    struct shop *shop = *state;
    shop_set(shop, "CATALOGUE_WRITES=");
    start_order_service(shop);

    struct http_answer put = send_json(shop, ORDER, "PUT", "/products/PRODUCT-123", vase);

    assert_int_equal(put.status, 405);
    assert_string_equal(http_header(&put, "Allow"), "GET, HEAD");
    assert_int_equal(discard(shop, "PRODUCT-123"), 405);
    assert_int_equal(status_of_product(shop, "PRODUCT-123"), 200);
}

static const struct record *action_about(struct kafka_records records, const char *product_id,
                                         const char *action) {
    for (size_t i = 0; i < records.n; i++)
        if (strcmp(kafka_key(&records.items[i]), product_id) == 0 &&
            strstr(kafka_value(&records.items[i]), action))
            return &records.items[i];
    fail_msg("no %s of %s", action, product_id);
    return NULL;
}

static void changes__are_published_and_audited(void **state) {
    static const char *const patient[] = {"--timeout", "60", NULL};
    struct shop *shop = *state;
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    static const char *const headers[] = {
        "Content-Type: application/json",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", NULL};
    const struct http_call traced = {.method = "PUT",
                                     .url = shop_url(shop, ORDER, "/products/VASE"),
                                     .headers = headers,
                                     .body = vase};
    assert_int_equal(http_send(&traced).status, 201);
    assert_int_equal(order_status(shop, "ORDER-1", "VASE"), 201);
    assert_int_equal(save(shop, "VASE", "{\"name\":\"Vase\",\"price\":13}"), 200);
    assert_int_equal(save(shop, "VASE", "{\"name\":\"Vase\",\"price\":13}"), 200);
    assert_int_equal(discard(shop, "VASE"), 204);

    struct audit_report report = audit_must_hold(shop, patient);

    assert_says(report.text, "product-deleted 1, product-saved 2");
    struct kafka_records records =
        kafka_read(broker_address(shop_broker(shop)), shop_topic(shop, NEW_LOGGING_ACTION));
    const struct record *saved = action_about(records, "VASE", "product-saved");
    assert_string_equal(kafka_value(saved),
                        "{\"serviceName\":\"order-service\",\"action\":\"product-saved\"}");
    assert_string_equal(kafka_header(saved, "ce_correlationid"), "VASE");
    assert_null(kafka_header(saved, "ce_causationid"));
    assert_says(kafka_header(saved, "traceparent"), "0af7651916cd43dd8448eb211c80319c");
    action_about(records, "VASE", "product-deleted");
    assert_int_equal(count_of(shop, LOGGING, "/actions?orderId=VASE"), 3);

    /* A change without its action is a breach, and so is an action without its change. */
    shop_stop(shop, EVERY_SERVICE);
    database_change(shop, LOGGING, "DELETE FROM actions WHERE action = 'product-deleted'");
    report = audit_run(shop, patient);
    assert_string_equal(audit_broken_laws(&report), "actions journal effects");
    assert_says(report.text, "product-deleted of VASE: 1 log actions of the order-service are mis");
    database_change(shop, ORDER, "DELETE FROM product_changes WHERE kind = 'saved'");
    report = audit_run(shop, patient);
    assert_says(report.text, "product-saved of VASE: 2 log actions of the order-service are not");
}

#define test_in_shop(test) cmocka_unit_test_setup_teardown(test, open_shop, close_shop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test_in_shop(product__can_be_ordered_from_its_saving_until_it_is_deleted),
        test_in_shop(saving__does_nothing_when_the_product_is_so_already),
        test_in_shop(deletion__happens_once_when_many_ask_at_once),
        test_in_shop(changes__are_there_when_the_service_was_killed_after_its_answer),
        test_in_shop(file__gives_what_was_not_changed_when_it_is_edited),
        test_in_shop(saving__refuses_what_is_no_product),
        test_in_shop(writes__are_refused_as_ever_unless_they_are_allowed),
        test_in_shop(changes__are_published_and_audited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
