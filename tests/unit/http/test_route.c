#include "http/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct http_route routes[] = {
    {"GET", "/", NULL},
    {"POST", "/", NULL},
    {"GET", "/orders", NULL},
    {"POST", "/orders", NULL},
    {"GET", "/orders/latest", NULL},
    {"GET", "/orders/{orderId}", NULL},
    {"DELETE", "/orders/{orderId}", NULL},
    {"GET", "/stock/{productId}/movements/{movementId}", NULL},
};
enum { N_ROUTES = sizeof routes / sizeof routes[0] };

static void parse(struct target *target, const char *text) {
    target_init(target);
    assert_int_equal(target_parse(target, text, strlen(text), NULL), OK);
}

static const struct http_route *find(const char *method, const char *path) {
    struct target target;
    parse(&target, path);
    const struct http_route *found = route_find(routes, N_ROUTES, method, &target);
    target_release(&target);
    return found;
}

static void route_find__finds_route_when_method_and_path_match(void **state) {
    (void)state;
    assert_ptr_equal(find("GET", "/"), &routes[0]);
    assert_ptr_equal(find("POST", "/"), &routes[1]);
    assert_ptr_equal(find("POST", "/orders"), &routes[3]);
    assert_ptr_equal(find("GET", "/orders?limit=1"), &routes[2]);
    assert_ptr_equal(find("GET", "/orders/ORDER-1"), &routes[5]);
    assert_ptr_equal(find("DELETE", "/orders/ORDER-1"), &routes[6]);
}

static void route_find__takes_first_when_two_match(void **state) {
    (void)state;
    assert_ptr_equal(find("GET", "/orders/latest"), &routes[4]);
    assert_ptr_equal(find("DELETE", "/orders/latest"), &routes[6]);
}

static void route_find__takes_get_route_when_method_is_head(void **state) {
    (void)state;
    assert_ptr_equal(find("HEAD", "/orders"), &routes[2]);
    assert_null(find("HEAD", "/orders/1/2"));
}

static void route_find__finds_nothing_when_path_differs(void **state) {
    (void)state;
    static const char *const paths[] = {
        "/order",
        "/orders/",
        "/Orders",
        "//orders",
        "/orders/1/2",
        "/orders%2F1",
        "/stock/1/movements",
        "/stock/1/movements/2/3",
        "/stock//movements/2",
        "/1/2/3/4/5/6/7/8/9",
        "/{orderId}",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (find("GET", paths[i]))
            fail_msg("found: %s", paths[i]);
}

static void route_find__finds_nothing_when_method_differs(void **state) {
    (void)state;
    assert_null(find("PUT", "/orders"));
    assert_null(find("get", "/orders"));
    assert_null(find("", "/orders"));
}

static void route_methods__lists_methods_of_path(void **state) {
    (void)state;
    struct target target;
    struct strbuf methods;
    strbuf_init(&methods);
    parse(&target, "/orders/ORDER-1");

    route_methods(routes, N_ROUTES, &target, &methods);

    assert_string_equal(methods.data, "GET, HEAD, DELETE");
    strbuf_release(&methods);
    target_release(&target);
}

static void route_methods__lists_nothing_when_no_route_has_path(void **state) {
    (void)state;
    struct target target;
    struct strbuf methods;
    strbuf_init(&methods);
    parse(&target, "/nowhere");

    route_methods(routes, N_ROUTES, &target, &methods);

    assert_int_equal(methods.len, 0);
    strbuf_release(&methods);
    target_release(&target);
}

static void route_parameter__gives_decoded_segment(void **state) {
    (void)state;
    struct target target;
    parse(&target, "/stock/A%2FB/movements/%7B7%7D");

    const struct http_route *route = &routes[7];

    assert_string_equal(route_parameter(route, &target, "productId"), "A/B");
    assert_string_equal(route_parameter(route, &target, "movementId"), "{7}");
    assert_null(route_parameter(route, &target, "product"));
    assert_null(route_parameter(route, &target, "stock"));
    target_release(&target);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(route_find__finds_route_when_method_and_path_match),
        cmocka_unit_test(route_find__takes_first_when_two_match),
        cmocka_unit_test(route_find__takes_get_route_when_method_is_head),
        cmocka_unit_test(route_find__finds_nothing_when_path_differs),
        cmocka_unit_test(route_find__finds_nothing_when_method_differs),
        cmocka_unit_test(route_methods__lists_methods_of_path),
        cmocka_unit_test(route_methods__lists_nothing_when_no_route_has_path),
        cmocka_unit_test(route_parameter__gives_decoded_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
