/*
 * Provokes every answer that schemas/openapi.json has for every request. What
 * is said is noted, and contract/http_exchanges.py holds it against the
 * document: these tests only look at the status.
 */
#include "support/database.h"
#include "support/file.h"
#include "support/http_raw.h"
#include "support/http_stream.h"
#include "support/json_path.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define DOCUMENT "schemas/openapi.json"
#define PLAYGROUND "contract-playground"

enum { BODY_MAX = 64 * 1024 };

static const struct {
    enum shop_service service;
    const char *name;
} services[N_SERVICES] = {
    {ORDER, "order-service"},
    {INVENTORY, "inventory-service"},
    {NOTIFICATION, "notification-service"},
    {LOGGING, "logging-service"},
};

/* A request that the document has for a service. */
struct operation {
    enum shop_service service;
    const char *method; /* upper case */
    const char *target; /* with an id for each parameter */
};

static const char *target_of(const char *path) {
    const char *parameter = strchr(path, '{');
    if (!parameter)
        return path;
    const char *id = "PRODUCT-123";
    if (strncmp(parameter, "{orderId}", strlen("{orderId}")) == 0)
        id = "CONTRACT-0";
    if (strncmp(parameter, "{topic}", strlen("{topic}")) == 0)
        id = PLAYGROUND;
    return scratch_printf("%.*s%s%s", (int)(parameter - path), path, id,
                          strchr(parameter, '}') + 1);
}

static bool is_server_of(const cJSON *path_item, const char *service) {
    const cJSON *server;
    cJSON_ArrayForEach(server, json_at(path_item, "/servers")) {
        if (strcmp(json_text_at(server, "/description"), service) == 0)
            return true;
    }
    return false;
}

static const char *upper_case(const char *method) {
    char *name = scratch_printf("%s", method);
    for (char *c = name; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return name;
}

/* Calls `visit` for every request that the document has for this service. */
static void each_operation(struct shop *shop, size_t service,
                           void (*visit)(struct shop *shop, const struct operation *operation)) {
    const cJSON *item, *method;
    cJSON_ArrayForEach(item, json_at(json_of(file_content(DOCUMENT)), "/paths")) {
        if (!is_server_of(item, services[service].name))
            continue;
        cJSON_ArrayForEach(method, item) {
            if (strcmp(method->string, "servers") == 0)
                continue;
            const char *name = upper_case(method->string);
            visit(shop,
                  &(struct operation){services[service].service, name, target_of(item->string)});
        }
    }
}

static void each_operation_of_all(struct shop *shop,
                                  void (*visit)(struct shop *shop,
                                                const struct operation *operation)) {
    for (size_t i = 0; i < N_SERVICES; i++)
        each_operation(shop, i, visit);
}

static int status_of(struct shop *shop, enum shop_service service, const char *method,
                     const char *target, const char *body) {
    return send_json(shop, service, method, target, body).status;
}

/* The two places of checkout. */
static const char *const places[] = {"/orders", "/"};
enum { N_PLACES = sizeof places / sizeof *places };

/* A catalogue with all products of the examples, and one that is too dear to be
 * ordered twice. */
static void set_catalogue(struct shop *shop) {
    static const char *const ids[] = {"PRODUCT-123", "PRODUCT-321", "WHOLE",   "EXPONENT",
                                      "FREE",        "CENT",        "DECIMALS"};
    const char *path = scratch_printf("%s/catalogue.json", shop_folder(shop));
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("{\"products\":[{\"productId\":\"YACHT\",\"name\":\"A yacht\",\"price\":1000000000}",
          file);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        fprintf(file, ",{\"productId\":\"%s\",\"name\":\"%127s\",\"price\":0.01}", ids[i], ids[i]);
    for (int i = 0; i < 100; i++)
        fprintf(file, ",{\"productId\":\"P%063d\",\"name\":\"P\",\"price\":0}", i);
    fputs("]}", file);
    fclose(file);
    shop_set(shop, scratch_printf("CATALOGUE_FILE=%s", path));
}

/* All that the document has can be asked for. */
static struct shop *open_whole_shop(enum broker_use use) {
    struct shop *shop = shop_open(use);
    shop_set(shop, "CATALOGUE_WRITES=true");
    shop_set(shop, "PLAYGROUND_TOPICS=" PLAYGROUND);
    return shop;
}

/* A shop in which every list has items of each kind. */
static int open_shop(void **state) {
    struct shop *shop = open_whole_shop(BROKER_STEADY);
    *state = shop;
    set_catalogue(shop);
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    for (int i = 0; i < 3; i++) {
        const char *id = scratch_printf("CONTRACT-%d", i);
        assert_int_equal(checkout(shop, order_of(id, "PRODUCT-123", 5)).status, 201);
    }
    assert_soon(count_where(shop, INVENTORY, "/stock/PRODUCT-123/movements?", "kind", "refill") >
                0);
    assert_soon(count_where(shop, NOTIFICATION, "/notifications?", "kind", "refill") > 0);
    assert_soon(count_of(shop, NOTIFICATION, "/notifications?orderId=CONTRACT-0") > 0);
    assert_soon(count_of(shop, LOGGING, "/actions?action=refill-notification-sent") > 0);
    return 0;
}

static int open_empty_shop(void **state) {
    *state = open_whole_shop(BROKER_STEADY);
    return 0;
}

static int open_shop_without_kafka(void **state) {
    *state = open_whole_shop(BROKER_GOES_AWAY);
    broker_take_down(shop_broker(*state));
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static void document__is_served_as_it_is_by_every_service(void **state) {
    for (size_t i = 0; i < N_SERVICES; i++) {
        struct http_answer answer =
            http_get(shop_url(*state, services[i].service, "/openapi.json"));

        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, file_content(DOCUMENT));
    }
}

static void look(struct shop *shop, const struct operation *operation) {
    bool is_stream = strcmp(operation->target, "/actions/stream") == 0; /* it has no end */
    if (strcmp(operation->method, "GET") != 0)
        return;
    assert_int_equal(status_of(shop, operation->service, "HEAD", operation->target, NULL), 200);
    if (!is_stream)
        assert_int_equal(status_of(shop, operation->service, "GET", operation->target, NULL), 200);
}

static void reading__succeeds_with_and_without_body(void **state) {
    each_operation_of_all(*state, look);
}

static void stream__sends_actions(void **state) {
    struct shop *shop = *state;

    struct http_stream *stream = http_stream_open(shop_url(shop, LOGGING, "/actions/stream"), "0");

    assert_soon(strstr(http_stream_text(stream), "}\n\n"));
}

static void send_malformed(struct shop *shop, const struct operation *operation) {
    const char *target = scratch_printf("%s?a=%%zz", operation->target);
    assert_int_equal(status_of(shop, operation->service, operation->method, target, NULL), 400);
}

static void every_request__is_refused_when_it_is_malformed(void **state) {
    each_operation_of_all(*state, send_malformed);
}

static void send_too_much(struct shop *shop, const struct operation *operation) {
    const char *body = scratch_printf("%*s", BODY_MAX + 1, "");
    assert_int_equal(
        status_of(shop, operation->service, operation->method, operation->target, body), 413);
}

static void every_request__is_refused_when_its_body_is_too_large(void **state) {
    each_operation_of_all(*state, send_too_much);
}

static void checkout__takes_body_when_it_is_as_large_as_it_may_be(void **state) {
    for (size_t i = 0; i < N_PLACES; i++) {
        const char *order = order_of(scratch_printf("LARGE-%zu", i), "PRODUCT-123", 1);
        const char *body = scratch_printf("%-*s", BODY_MAX, order);
        assert_int_equal(status_of(*state, ORDER, "POST", places[i], body), 201);
    }
}

static void use_other_method(struct shop *shop, const struct operation *operation) {
    assert_int_equal(status_of(shop, operation->service, "PATCH", operation->target, NULL), 405);
}

static void every_path__refuses_other_methods(void **state) {
    each_operation_of_all(*state, use_other_method);
    assert_int_equal(status_of(*state, ORDER, "GET", "/", NULL), 405);
    assert_int_equal(status_of(*state, ORDER, "POST", "/products", "{}"), 405);
}

static void lookups__answer_not_found_when_there_is_no_such_thing(void **state) {
    assert_int_equal(status_of(*state, ORDER, "GET", "/orders/NO-SUCH", NULL), 404);
    assert_int_equal(status_of(*state, ORDER, "GET", "/products/NO-SUCH", NULL), 404);
    assert_int_equal(status_of(*state, INVENTORY, "GET", "/stock/NO-SUCH", NULL), 404);
    for (size_t i = 0; i < N_SERVICES; i++)
        assert_int_equal(status_of(*state, services[i].service, "GET", "/no/such", NULL), 404);
}

static void orders__say_when_kafka_had_their_event(void **state) {
    const char *const targets[] = {"/orders/CONTRACT-0", "/orders?limit=1"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        assert_soon(strstr(http_get(shop_url(*state, ORDER, targets[i])).body, "publishedAt"));
}

static void lists__agree_with_document_about_limits(void **state) {
    static const struct {
        enum shop_service service;
        const char *target;
    } lists[] = {
        {ORDER, "/orders"},        {ORDER, "/products"},
        {INVENTORY, "/stock"},     {INVENTORY, "/stock/PRODUCT-123/movements"},
        {INVENTORY, "/movements"}, {NOTIFICATION, "/notifications"},
        {LOGGING, "/actions"},
    };
    static const struct {
        const char *query;
        int status;
    } queries[] = {
        {"limit=0", 400},
        {"limit=1", 200},
        {"limit=100", 200},
        {"limit=101", 400},
        {"limit=", 400},
        {"limit=ten", 400},
        {"limit=1.5", 400},
        {"after=-1", 400},
        {"after=0", 200},
        {"after=1&limit=1", 200},
        {"after=9223372036854775807", 200},
        {"after=9223372036854775808", 400},
        {"after=x", 400},
        {"unknown=1", 200},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (size_t j = 0; j < sizeof queries / sizeof *queries; j++) {
            const char *target = scratch_printf("%s?%s", lists[i].target, queries[j].query);
            assert_int_equal(status_of(*state, lists[i].service, "GET", target, NULL),
                             queries[j].status);
        }
}

static void lists__take_filters(void **state) {
    static const struct {
        enum shop_service service;
        const char *target;
    } lists[] = {
        {ORDER, "/orders?customerId=CUSTOMER-123"},
        {INVENTORY, "/stock/PRODUCT-123/movements?orderId=CONTRACT-0"},
        {INVENTORY, "/movements?orderId=CONTRACT-0&productId=PRODUCT-123"},
        {NOTIFICATION, "/notifications?orderId=CONTRACT-0"},
        {NOTIFICATION, "/notifications?productId=PRODUCT-123"},
        {LOGGING, "/actions?serviceName=order-service&action=new-order&orderId=CONTRACT-0"},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        assert_soon(count_of(*state, lists[i].service, lists[i].target) > 0);
    }
}

static void checkout__gives_every_answer_that_depends_on_the_order(void **state) {
    for (size_t i = 0; i < N_PLACES; i++) {
        const char *id = scratch_printf("ANSWERS-%zu", i);
        const struct {
            const char *body;
            int status;
        } cases[] = {
            {order_of(id, "PRODUCT-123", 1), 201},
            {order_of(id, "PRODUCT-123", 1), 200},
            {order_of(id, "PRODUCT-123", 2), 409},
            {order_of("NEW", "NO-SUCH", 1), 422},
            {order_of("NEW", "PRODUCT-123", 0), 422},
            {"{\"customerId\":\"C\",\"products\":[{\"productId\":\"YACHT\",\"quantity\":2}]}", 422},
            {"{", 400},
        };
        for (size_t j = 0; j < sizeof cases / sizeof *cases; j++)
            assert_int_equal(status_of(*state, ORDER, "POST", places[i], cases[j].body),
                             cases[j].status);
        const struct http_call untyped = {.url = shop_url(*state, ORDER, places[i]), .body = "{}"};
        assert_int_equal(http_send(&untyped).status, 415);
    }
}

static void products__give_every_answer_that_depends_on_them(void **state) {
    static const char product[] = "{\"name\":\"Vase\",\"price\":12.5}";
    const struct {
        const char *method, *target, *body;
        int status;
    } cases[] = {
        {"PUT", "/products/VASE", product, 201},
        {"PUT", "/products/VASE", product, 200},
        {"PUT", "/products/VASE", "{\"name\":\"Vase\",\"price\":-1}", 422},
        {"PUT", "/products/VASE", "{", 400},
        {"PUT", "/products/VASE", NULL, 415},
        {"DELETE", "/products/VASE", NULL, 204},
        {"DELETE", "/products/VASE", NULL, 404},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(status_of(*state, ORDER, cases[i].method, cases[i].target, cases[i].body),
                         cases[i].status);
}

static void playground__gives_every_answer_that_depends_on_the_record(void **state) {
    const struct {
        const char *target, *body;
        int status;
    } cases[] = {
        {"/topics/" PLAYGROUND, "{\"street\":\"Av. Colombo\",\"number\":23}", 201},
        {"/topics/" PLAYGROUND "?key=a%20b", "null", 201},
        {"/topics/" PLAYGROUND, "{", 400},
        {"/topics/" PLAYGROUND, NULL, 415},
        {"/topics/no-such", "{}", 404},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(status_of(*state, ORDER, "POST", cases[i].target, cases[i].body),
                         cases[i].status);
}

/* Sends every file of a folder that is about orders; returns how many. */
static int order_files(struct shop *shop, const char *folder, const char *prefix,
                       void (*check)(const char *name, int status)) {
    int n_files = 0;
    DIR *files = opendir(folder);
    assert_non_null(files);
    for (struct dirent *file; (file = readdir(files));) {
        if (*file->d_name == '.' || strncmp(file->d_name, prefix, strlen(prefix)) != 0)
            continue;
        const char *path = scratch_printf("%s/%s", folder, file->d_name);
        check(file->d_name, checkout(shop, file_content(path)).status);
        n_files++;
    }
    closedir(files);
    return n_files;
}

/* Those that a request may leave out. */
static bool is_good_request(const char *name) {
    return strcmp(name, "missing-order-id.json") == 0 ||
           strcmp(name, "missing-total-price.json") == 0;
}

static void check_example(const char *name, int status) {
    if (status != 201)
        fail_msg("%s was answered with %d", name, status);
}

static void check_counter_example(const char *name, int status) {
    if (status != 400 && status != 422)
        fail_msg("%s was answered with %d", name, status);
    if (is_good_request(name))
        assert_int_equal(status, 422);
}

static void checkout__agrees_with_document_about_examples(void **state) {
    assert_true(order_files(*state, "schemas/examples", "new-order", check_example) > 2);
    assert_true(
        order_files(*state, "schemas/counter-examples/new-order", "", check_counter_example) > 30);
}

static void library__refuses_what_it_cannot_read(void **state) {
    struct shop *shop = *state;
    const char *long_text = scratch_printf("%09000d", 0);
    const struct {
        const char *request;
        int status;
    } cases[] = {
        {"GET / HTTP/1.1\r\nno header\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413},
        {scratch_printf("GET /%s HTTP/1.1\r\n\r\n", long_text), 414},
        {scratch_printf("GET / HTTP/1.1\r\nX: %s\r\n\r\n", long_text), 431},
        {"GET / HTTP/2.0\r\n\r\n", 505},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_raw *client = http_raw_open(shop_port(shop, ORDER));
        http_raw_send(client, cases[i].request);
        assert_int_equal(http_raw_end(client, "GET", "/").status, cases[i].status);
    }
}

static void checkout__refuses_for_now_when_backlog_is_full(void **state) {
    struct shop *shop = *state;
    shop_set(shop, "OUTBOX_BACKLOG_MAX=2"); /* an order is two events */
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    assert_int_equal(checkout(shop, load_order("FITS")).status, 201);

    for (size_t i = 0; i < N_PLACES; i++)
        assert_int_equal(status_of(shop, ORDER, "POST", places[i], load_order("TOO-MANY")), 503);
}

static void products__cannot_be_changed_when_backlog_is_full(void **state) {
    struct shop *shop = *state;
    shop_set(shop, "OUTBOX_BACKLOG_MAX=1");
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    assert_int_equal(status_of(shop, ORDER, "DELETE", "/products/PRODUCT-123", NULL), 204);

    assert_int_equal(status_of(shop, ORDER, "DELETE", "/products/PRODUCT-321", NULL), 503);
    assert_int_equal(status_of(shop, ORDER, "PUT", "/products/A", "{\"name\":\"A\",\"price\":1}"),
                     503);
}

static void products__cannot_be_changed_unless_settings_allow_it(void **state) {
    struct shop *shop = *state;
    shop_set(shop, "CATALOGUE_WRITES=false");
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);

    assert_int_equal(status_of(shop, ORDER, "DELETE", "/products/PRODUCT-123", NULL), 405);
    assert_int_equal(status_of(shop, ORDER, "PUT", "/products/PRODUCT-123", "{}"), 405);
}

static void products__cannot_be_added_when_there_are_as_many_as_there_may_be(void **state) {
    enum { N_PRODUCTS = 100000 };
    struct shop *shop = *state;
    const char *path = scratch_printf("%s/catalogue.json", shop_folder(shop));
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("{\"products\":[{\"productId\":\"A\",\"name\":\"A\",\"price\":1}", file);
    for (int i = 1; i < N_PRODUCTS; i++)
        fprintf(file, ",{\"productId\":\"P%d\",\"name\":\"P\",\"price\":1}", i);
    fputs("]}", file);
    fclose(file);
    shop_set(shop, scratch_printf("CATALOGUE_FILE=%s", path));
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    static const char product[] = "{\"name\":\"B\",\"price\":1}";

    assert_int_equal(status_of(shop, ORDER, "PUT", "/products/B", product), 409);

    assert_int_equal(status_of(shop, ORDER, "PUT", "/products/A", product), 200);
    assert_int_equal(status_of(shop, ORDER, "DELETE", "/products/A", NULL), 204);
    assert_int_equal(status_of(shop, ORDER, "PUT", "/products/B", product), 201);
}

/* First the topic is not there, then it is and a producer has the record. */
static void playground__refuses_for_now_when_kafka_is_away(void **state) {
    static const char target[] = "/topics/" PLAYGROUND;
    struct shop *shop = *state;
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);

    assert_int_equal(status_of(shop, ORDER, "POST", target, "1"), 503);
    broker_bring_up(shop_broker(shop));
    assert_soon(status_of(shop, ORDER, "POST", target, "2") == 201);
    broker_take_down(shop_broker(shop));
    assert_int_equal(status_of(shop, ORDER, "POST", target, "3"), 503);
}

static void checkout__says_that_it_is_at_fault_when_stored_order_is_damaged(void **state) {
    struct shop *shop = *state;
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    assert_int_equal(checkout(shop, load_order("DAMAGED")).status, 201);
    shop_stop(shop, ORDER);
    database_change(shop, ORDER, "UPDATE orders SET payload = '{}'");
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);

    for (size_t i = 0; i < N_PLACES; i++)
        assert_int_equal(status_of(shop, ORDER, "POST", places[i], load_order("DAMAGED")), 500);

    assert_int_equal(checkout(shop, load_order("GOOD")).status, 201);
}

static void readyz__refuses_when_consumer_has_not_joined(void **state) {
    struct shop *shop = *state;
    shop_set(shop, "KAFKA_BROKERS=127.0.0.1:1");
    shop_start(shop, INVENTORY);

    assert_int_equal(status_of(shop, INVENTORY, "GET", "/readyz", NULL), 503);
}

/* Requests that are still incomplete when their service is told to stop. */
enum { LATE_MAX = 16 };
static struct {
    struct operation operation;
    struct http_raw *client;
} late[LATE_MAX];
static size_t n_late;

static void begin_late(struct shop *shop, const struct operation *operation) {
    assert_true(n_late < LATE_MAX);
    late[n_late].operation = *operation;
    late[n_late].client = http_raw_open(shop_port(shop, operation->service));
    http_raw_send(late[n_late].client, scratch_printf("%s %s HTTP/1.1\r\nHost: localhost\r\n",
                                                      operation->method, operation->target));
    n_late++;
}

/* False: the machine was too slow for the time that a stop may take. */
static bool stops_while_requests_arrive(struct shop *shop, size_t service) {
    n_late = 0;
    shop_start(shop, services[service].service);
    struct http_raw *idle = http_raw_open(shop_port(shop, services[service].service));
    each_operation(shop, service, begin_late);
    process_signal(shop_process(shop, services[service].service), SIGTERM);
    http_raw_end(idle, "none", "/"); /* it is closed when nothing more is taken */
    size_t n_refused = 0;
    for (size_t i = 0; i < n_late; i++)
        http_raw_send(late[i].client, "\r\n");
    for (size_t i = 0; i < n_late; i++)
        n_refused +=
            http_raw_end(late[i].client, late[i].operation.method, late[i].operation.target)
                .status == 503;
    shop_stop(shop, services[service].service);
    return n_refused == n_late;
}

static void every_request__is_refused_when_service_stops_before_it_is_complete(void **state) {
    for (size_t i = 0; i < N_SERVICES; i++)
        assert_soon(stops_while_requests_arrive(*state, i));
}

#define test_in_shop(test, open) cmocka_unit_test_setup_teardown(test, open, close_shop)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkout__agrees_with_document_about_examples),
        cmocka_unit_test(document__is_served_as_it_is_by_every_service),
        cmocka_unit_test(reading__succeeds_with_and_without_body),
        cmocka_unit_test(stream__sends_actions),
        cmocka_unit_test(every_request__is_refused_when_it_is_malformed),
        cmocka_unit_test(every_request__is_refused_when_its_body_is_too_large),
        cmocka_unit_test(checkout__takes_body_when_it_is_as_large_as_it_may_be),
        cmocka_unit_test(every_path__refuses_other_methods),
        cmocka_unit_test(lookups__answer_not_found_when_there_is_no_such_thing),
        cmocka_unit_test(orders__say_when_kafka_had_their_event),
        cmocka_unit_test(lists__agree_with_document_about_limits),
        cmocka_unit_test(lists__take_filters),
        cmocka_unit_test(checkout__gives_every_answer_that_depends_on_the_order),
        cmocka_unit_test(products__give_every_answer_that_depends_on_them),
        cmocka_unit_test(playground__gives_every_answer_that_depends_on_the_record),
        cmocka_unit_test(library__refuses_what_it_cannot_read),
    };
    const struct CMUnitTest others[] = {
        test_in_shop(checkout__refuses_for_now_when_backlog_is_full, open_shop_without_kafka),
        test_in_shop(checkout__says_that_it_is_at_fault_when_stored_order_is_damaged,
                     open_empty_shop),
        test_in_shop(playground__refuses_for_now_when_kafka_is_away, open_shop_without_kafka),
        test_in_shop(products__cannot_be_changed_when_backlog_is_full, open_shop_without_kafka),
        test_in_shop(products__cannot_be_changed_unless_settings_allow_it, open_empty_shop),
        test_in_shop(products__cannot_be_added_when_there_are_as_many_as_there_may_be,
                     open_empty_shop),
        test_in_shop(readyz__refuses_when_consumer_has_not_joined, open_empty_shop),
        test_in_shop(every_request__is_refused_when_service_stops_before_it_is_complete,
                     open_empty_shop),
    };
    int n_failed = cmocka_run_group_tests(tests, open_shop, close_shop);
    return n_failed + cmocka_run_group_tests(others, NULL, NULL);
}
