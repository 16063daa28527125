/* Checkout: what is accepted, and that an orderId makes it happen once. */
#include "support/json_path.h"
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <pthread.h>
#include <string.h>

static int open_shop(void **state) {
    *state = shop_open_with(ORDER);
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

/* How many events of this order are in the topic, once all that was accepted
 * has arrived there. */
static int n_events_of(struct shop *shop, const char *order_id) {
    assert_soon(has_published_all(shop, ORDER));
    struct kafka_records records =
        kafka_read(broker_address(shop_broker(shop)), shop_topic(shop, NEW_ORDER));
    int n = 0;
    for (size_t i = 0; i < records.n; i++)
        n += strcmp(json_text_at(json_of(kafka_value(&records.items[i])), "/orderId"), order_id) ==
             0;
    return n;
}

static void checkout__answers_created_with_location_when_order_is_new(void **state) {
    struct shop *shop = *state;

    struct http_answer answer = checkout(shop, order_of("NEW-1", "PRODUCT-123", 2));

    assert_int_equal(answer.status, 201);
    assert_string_equal(http_header(&answer, "Location"), "/orders/NEW-1");
    assert_string_equal(http_header(&answer, "Content-Type"), "application/json");
    assert_string_equal(http_header(&answer, "X-Content-Type-Options"), "nosniff");
    assert_string_equal(json_text_at(json_of(answer.body), "/orderId"), "NEW-1");
    assert_string_equal(http_get(shop_url(shop, ORDER, "/orders/NEW-1")).body, answer.body);
}

static void checkout__works_at_root_too(void **state) {
    struct shop *shop = *state;

    struct http_answer answer =
        http_post(shop_url(shop, ORDER, "/"), order_of("ROOT-1", "PRODUCT-123", 2));

    assert_int_equal(answer.status, 201);
    assert_string_equal(http_header(&answer, "Location"), "/orders/ROOT-1");
    assert_int_equal(n_events_of(shop, "ROOT-1"), 1);
}

static void checkout__makes_order_id_when_it_is_left_out(void **state) {
    struct shop *shop = *state;
    static const char body[] = "{\"customerId\":\"CUSTOMER-9\",\"products\":["
                               "{\"productId\":\"PRODUCT-321\",\"quantity\":1,\"totalPrice\":5}]}";

    struct http_answer first = checkout(shop, body);
    struct http_answer second = checkout(shop, body);

    assert_int_equal(first.status, 201);
    assert_int_equal(second.status, 201);
    const char *id = json_text_at(json_of(first.body), "/orderId");
    assert_string_not_equal(id, json_text_at(json_of(second.body), "/orderId"));
    assert_string_equal(http_header(&first, "Location"), scratch_printf("/orders/%s", id));
    assert_int_equal(n_events_of(shop, id), 1);
}

static void checkout__computes_total_price_when_it_is_left_out(void **state) {
    struct http_answer answer =
        checkout(*state, "{\"orderId\":\"TOTAL-1\",\"customerId\":\"CUSTOMER-9\",\"products\":["
                         "{\"productId\":\"PRODUCT-123\",\"quantity\":3},"
                         "{\"productId\":\"PRODUCT-456\",\"quantity\":10}]}");

    assert_int_equal(answer.status, 201);
    const cJSON *order = json_of(answer.body);
    assert_float_equal(json_number_at(order, "/products/0/totalPrice"), 79.5, 0);
    assert_float_equal(json_number_at(order, "/products/1/totalPrice"), 99, 0);
}

static void checkout__answers_stored_order_when_it_comes_again(void **state) {
    struct shop *shop = *state;
    const char *body = golden_order("AGAIN-1");

    struct http_answer first = checkout(shop, body);
    struct http_answer second = checkout(shop, body);

    assert_int_equal(first.status, 201);
    assert_int_equal(second.status, 200);
    assert_string_equal(second.body, first.body);
    assert_int_equal(n_events_of(shop, "AGAIN-1"), 1);
}

static void checkout__refuses_order_when_its_id_is_taken_by_another(void **state) {
    struct shop *shop = *state;
    checkout(shop, order_of("TAKEN-1", "PRODUCT-123", 2));

    struct http_answer answer = checkout(shop, order_of("TAKEN-1", "PRODUCT-123", 3));

    assert_int_equal(answer.status, 409);
    assert_string_equal(http_header(&answer, "Content-Type"), "application/problem+json");
    assert_string_equal(json_text_at(json_of(answer.body), "/errors/0/pointer"), "/orderId");
    const cJSON *stored = look_at(shop, ORDER, "/orders/TAKEN-1");
    assert_int_equal(json_number_at(stored, "/products/0/quantity"), 2);
    assert_int_equal(n_events_of(shop, "TAKEN-1"), 1);
}

struct racer {
    pthread_t thread;
    const char *url, *body;
    int status;
};

static void *race(void *context) {
    struct racer *racer = context;
    racer->status = http_post(racer->url, racer->body).status;
    return NULL;
}

static void checkout__accepts_order_once_when_it_comes_from_many_at_once(void **state) {
    struct shop *shop = *state;
    enum { N_RACERS = 8, N_ROUNDS = 5 };
    for (int round = 0; round < N_ROUNDS; round++) {
        struct racer racers[N_RACERS];
        const char *id = scratch_printf("RACE-%d", round);
        int n_created = 0, n_repeated = 0;

        for (int i = 0; i < N_RACERS; i++) {
            racers[i] = (struct racer){.url = shop_url(shop, ORDER, "/orders"),
                                       .body = order_of(id, "PRODUCT-123", 1)};
            pthread_create(&racers[i].thread, NULL, race, &racers[i]);
        }
        for (int i = 0; i < N_RACERS; i++) {
            pthread_join(racers[i].thread, NULL);
            n_created += racers[i].status == 201;
            n_repeated += racers[i].status == 200;
        }

        assert_int_equal(n_created, 1);
        assert_int_equal(n_repeated, N_RACERS - 1);
        assert_int_equal(n_events_of(shop, id), 1);
    }
}

static void orders__are_listed_page_by_page_when_limit_is_given(void **state) {
    struct shop *shop = *state;
    for (int i = 0; i < 5; i++) {
        const char *body =
            scratch_printf("{\"orderId\":\"PAGE-%d\",\"customerId\":\"PAGER\",\"products\":["
                           "{\"productId\":\"PRODUCT-123\",\"quantity\":1}]}",
                           i);
        assert_int_equal(checkout(shop, body).status, 201);
    }

    const cJSON *first = look_at(shop, ORDER, "/orders?customerId=PAGER&limit=3");
    const char *next = json_text_at(first, "/next");
    const cJSON *second =
        look_at(shop, ORDER, scratch_printf("/orders?customerId=PAGER&limit=3&after=%s", next));

    assert_int_equal(cJSON_GetArraySize(json_at(first, "/items")), 3);
    assert_string_equal(json_text_at(first, "/items/0/orderId"), "PAGE-0");
    assert_int_equal(cJSON_GetArraySize(json_at(second, "/items")), 2);
    assert_string_equal(json_text_at(second, "/items/1/orderId"), "PAGE-4");
    assert_true(cJSON_IsNull(json_at(second, "/next")));
}

static void products__show_catalogue(void **state) {
    struct shop *shop = *state;

    const cJSON *products = look_at(shop, ORDER, "/products");
    const cJSON *product = look_at(shop, ORDER, "/products/PRODUCT-321");

    assert_string_equal(json_text_at(products, "/items/0/productId"), "PRODUCT-123");
    assert_string_equal(json_text_at(product, "/productId"), "PRODUCT-321");
    assert_float_equal(json_number_at(product, "/price"), 233, 0);
    assert_int_equal(http_get(shop_url(shop, ORDER, "/products/NO-SUCH")).status, 404);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkout__answers_created_with_location_when_order_is_new),
        cmocka_unit_test(checkout__works_at_root_too),
        cmocka_unit_test(checkout__makes_order_id_when_it_is_left_out),
        cmocka_unit_test(checkout__computes_total_price_when_it_is_left_out),
        cmocka_unit_test(checkout__answers_stored_order_when_it_comes_again),
        cmocka_unit_test(checkout__refuses_order_when_its_id_is_taken_by_another),
        cmocka_unit_test(checkout__accepts_order_once_when_it_comes_from_many_at_once),
        cmocka_unit_test(orders__are_listed_page_by_page_when_limit_is_given),
        cmocka_unit_test(products__show_catalogue),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
