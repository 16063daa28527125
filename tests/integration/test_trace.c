/* orderctl trace: the story of an order, as an operator asks for it. */
#include "support/json_path.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <string.h>

/* Tells orderctl where a service listens now. */
static void point_to(struct shop *shop, enum shop_service service, const char *setting) {
    shop_set(shop, scratch_printf("%s=%s", setting, shop_url(shop, service, "")));
}

static int open_shop(void **state) {
    struct shop *shop = shop_open_with(EVERY_SERVICE);
    point_to(shop, ORDER, "ORDER_URL");
    point_to(shop, INVENTORY, "INVENTORY_URL");
    point_to(shop, NOTIFICATION, "NOTIFICATION_URL");
    point_to(shop, LOGGING, "LOGGING_URL");
    *state = shop;
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

struct run {
    int code;
    const char *out;
    const char *err;
};

static struct run trace(struct shop *shop, const char *const arguments[]) {
    const char *all[8] = {"trace"};
    for (size_t i = 0; arguments[i]; i++)
        all[i + 1] = arguments[i];
    struct process *process;
    int code = shop_orderctl(shop, all, &process);
    return (struct run){code, process_stdout(process), process_stderr(process)};
}

/* orderctl trace with these arguments. */
#define TRACE(shop, ...) trace(shop, (const char *const[]){__VA_ARGS__, NULL})

/* Two lines, of which the first makes its product run low. */
static void order_two_lines(struct shop *shop, const char *order_id) {
    const char *body =
        scratch_printf("{\"orderId\":\"%s\",\"customerId\":\"CUSTOMER-7\",\"products\":["
                       "{\"productId\":\"PRODUCT-123\",\"quantity\":9},{\"productId\":\"PRODUCT-"
                       "321\",\"quantity\":1}]}",
                       order_id);
    assert_int_equal(checkout(shop, body).status, 201);
}

static void trace__tells_the_whole_story_of_an_order(void **state) {
    struct shop *shop = *state;
    order_two_lines(shop, "TOLD");

    struct run run = TRACE(shop, "TOLD", "--wait", "8");

    assert_says(run.out, "order TOLD of CUSTOMER-7, 2 lines, event ");
    assert_says(run.out, "+0 ms  order-service         accepted\n");
    assert_says(run.out, "order-service         published to Kafka\n");
    assert_says(run.out, "PRODUCT-123 (line 0): sold -9, 100 in stock\n");
    assert_says(run.out, "PRODUCT-123 (line 0): refilled by +9, 109 in stock\n");
    assert_says(run.out, "PRODUCT-321 (line 1): sold -1, ");
    assert_says(run.out, "Congrats CUSTOMER-7, your order TOLD has been approved!\n");
    assert_says(run.out, "Product PRODUCT-123 has to be REFILLED!\n");
    assert_says(run.out, "new-order of order-service\n");
    assert_int_equal(occurrences(run.out, "inventory-updated of inventory-service\n"), 2);
    assert_int_equal(occurrences(run.out, "inventory-empty of inventory-service\n"), 1);
    assert_says(run.out, "order-notification-sent of notification-service\n");
    assert_says(run.out, "refill-notification-sent of notification-service\n");
    assert_says(run.out, "\ncomplete: 13 steps in ");
    assert_int_equal(run.code, 0);
}

static void trace__gives_one_document_when_json_is_wanted(void **state) {
    struct shop *shop = *state;
    order_two_lines(shop, "DOCUMENT");

    struct run run = TRACE(shop, "DOCUMENT", "--json", "--wait", "8");

    assert_int_equal(run.code, 0);
    const cJSON *document = json_of(run.out);
    assert_true(cJSON_IsTrue(json_at(document, "/complete")));
    assert_string_equal(json_text_at(document, "/orderId"), "DOCUMENT");
    assert_string_equal(json_text_at(document, "/steps/0/step"), "accepted");
    assert_int_equal(json_number_at(document, "/steps/0/sinceAcceptedMs"), 0);
    assert_int_equal(cJSON_GetArraySize(json_at(document, "/differences")), 0);
    assert_int_equal(cJSON_GetArraySize(json_at(document, "/notHeard")), 0);
}

static void trace__says_what_is_missing_and_waits_for_it(void **state) {
    struct shop *shop = *state;
    shop_stop(shop, INVENTORY);
    order_two_lines(shop, "WAITED-FOR");

    struct run now = TRACE(shop, "WAITED-FOR");
    shop_start(shop, INVENTORY);
    point_to(shop, INVENTORY, "INVENTORY_URL");
    struct run later = TRACE(shop, "WAITED-FOR", "--wait", "9");

    assert_int_equal(now.code, 1);
    assert_says(now.out,
                "missing   logging-service: log action inventory-updated (0, should be 2)\n");
    assert_null(strstr(now.out, "missing   inventory-service")); /* it was not heard */
    assert_says(now.out, "\nincomplete: ");
    assert_says(later.out, "\ncomplete: ");
    assert_int_equal(later.code, 0);
}

static void trace__goes_on_without_a_service_that_is_down(void **state) {
    struct shop *shop = *state;
    order_two_lines(shop, "HALF-TOLD");
    assert_int_equal(TRACE(shop, "HALF-TOLD", "--wait", "8").code, 0);
    shop_stop(shop, LOGGING);

    struct run run = TRACE(shop, "HALF-TOLD");

    assert_int_equal(run.code, 1);
    assert_says(run.out, "not heard logging-service: http://127.0.0.1:");
    assert_says(run.out, "Congrats CUSTOMER-7, your order HALF-TOLD has been approved!\n");
    assert_says(run.out, "PRODUCT-123 (line 0): sold -9");
    shop_start(shop, LOGGING);
    point_to(shop, LOGGING, "LOGGING_URL");
    shop_wait_ready(shop, LOGGING);
}

static void trace__fails_when_no_service_knows_the_order(void **state) {
    struct run run = TRACE(*state, "NOBODY'S/ORDER?&#");

    assert_int_equal(run.code, 1);
    assert_says(run.out, "unknown: the order-service has no order NOBODY'S/ORDER?&#\n");
}

static void trace__says_what_is_wrong_with_its_arguments(void **state) {
    struct shop *shop = *state;
    assert_int_equal(TRACE(shop, NULL).code, 2);
    assert_says(TRACE(shop, NULL).err, "say which order");
    assert_int_equal(TRACE(shop, "ORDER-1", "ORDER-2").code, 2);
    assert_int_equal(TRACE(shop, "ORDER 1").code, 2);
    assert_int_equal(TRACE(shop, "ORDER-1", "--wait").code, 2);
    assert_int_equal(TRACE(shop, "ORDER-1", "--wait", "soon").code, 2);
    assert_int_equal(TRACE(shop, "ORDER-1", "--yaml").code, 2);
    assert_int_equal(TRACE(shop, "--help").code, 0);
}

static void movements__are_listed_by_order(void **state) {
    struct shop *shop = *state;
    order_two_lines(shop, "LISTED");
    assert_soon(count_of(shop, INVENTORY, "/movements?orderId=LISTED") == 3);

    const cJSON *page = look_at(shop, INVENTORY, "/movements?orderId=LISTED");

    assert_string_equal(json_text_at(page, "/items/0/productId"), "PRODUCT-123");
    assert_string_equal(json_text_at(page, "/items/2/productId"), "PRODUCT-321");
    assert_int_equal(count_of(shop, INVENTORY, "/stock/PRODUCT-321/movements?orderId=LISTED"), 1);
    assert_int_equal(count_of(shop, INVENTORY, "/movements?orderId=LISTED&productId=PRODUCT-321"),
                     1);
    assert_int_equal(count_of(shop, INVENTORY, "/movements?orderId=NOBODY"), 0);
    assert_true(count_of(shop, INVENTORY, "/movements?") > 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trace__tells_the_whole_story_of_an_order),
        cmocka_unit_test(trace__gives_one_document_when_json_is_wanted),
        cmocka_unit_test(trace__says_what_is_missing_and_waits_for_it),
        cmocka_unit_test(trace__goes_on_without_a_service_that_is_down),
        cmocka_unit_test(trace__fails_when_no_service_knows_the_order),
        cmocka_unit_test(trace__says_what_is_wrong_with_its_arguments),
        cmocka_unit_test(movements__are_listed_by_order),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
