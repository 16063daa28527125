/* The logging-service's server-sent events. */
#include "support/http_stream.h"
#include "support/json_path.h"
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <string.h>

static int open_shop(void **state) {
    *state = shop_open_with(LOGGING);
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static void log_action(struct shop *shop, const char *action) {
    kafka_send_text(broker_address(shop_broker(shop)), shop_topic(shop, NEW_LOGGING_ACTION),
                    scratch_printf("{\"serviceName\":\"a-test\",\"action\":\"%s\"}", action));
}

static struct http_stream *follow(struct shop *shop, const char *last_event_id) {
    struct http_stream *stream =
        http_stream_open(shop_url(shop, LOGGING, "/actions/stream"), last_event_id);
    assert_soon(strstr(http_stream_text(stream), "\r\n\r\n"));
    assert_non_null(strstr(http_stream_text(stream), "text/event-stream"));
    return stream;
}

static void stream__delivers_actions_as_they_are_entered(void **state) {
    struct shop *shop = *state;
    log_action(shop, "earlier");
    assert_soon(count_of(shop, LOGGING, "/actions?action=earlier") == 1);
    struct http_stream *first = follow(shop, NULL);
    struct http_stream *second = follow(shop, NULL);

    log_action(shop, "live-1");
    log_action(shop, "live-2");

    assert_soon(strstr(http_stream_text(first), "live-2"));
    assert_soon(strstr(http_stream_text(second), "live-2"));
    const char *text = http_stream_text(first);
    assert_int_equal(occurrences(text, "\nevent: action\n"), 2);
    assert_int_equal(occurrences(text, "live-1"), 1);
    assert_int_equal(occurrences(text, "earlier"), 0);
}

static void stream__resumes_behind_last_event_id(void **state) {
    struct shop *shop = *state;
    struct http_stream *before = follow(shop, NULL);
    log_action(shop, "seen");
    assert_soon(strstr(http_stream_text(before), "\"seen\""));
    const char *id = strstr(http_stream_text(before), "id: ") + strlen("id: ");
    log_action(shop, "missed-1");
    log_action(shop, "missed-2");
    assert_soon(count_of(shop, LOGGING, "/actions?action=missed-2") == 1);

    struct http_stream *after = follow(shop, scratch_printf("%.*s", (int)strcspn(id, "\n"), id));

    assert_soon(strstr(http_stream_text(after), "missed-2"));
    assert_int_equal(occurrences(http_stream_text(after), "missed-1"), 1);
    assert_int_equal(occurrences(http_stream_text(after), "\"seen\""), 0);
    log_action(shop, "next");
    assert_soon(strstr(http_stream_text(after), "\"next\""));
}

static void stream__sends_data_that_the_list_shows_too(void **state) {
    struct shop *shop = *state;
    struct http_stream *stream = follow(shop, NULL);

    log_action(shop, "alike");

    assert_soon(strstr(http_stream_text(stream), "alike"));
    const char *data = strstr(http_stream_text(stream), "data: ") + strlen("data: ");
    const cJSON *sent = json_of(scratch_printf("%.*s", (int)strcspn(data, "\n"), data));
    const cJSON *listed = look_at(shop, LOGGING, "/actions?action=alike");
    assert_true(cJSON_Compare(sent, json_at(listed, "/items/0"), true));
}

static void stream__lets_service_stop_when_clients_follow(void **state) {
    struct shop *shop = *state;
    follow(shop, NULL);
    follow(shop, NULL);

    shop_stop(shop, LOGGING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream__delivers_actions_as_they_are_entered),
        cmocka_unit_test(stream__resumes_behind_last_event_id),
        cmocka_unit_test(stream__sends_data_that_the_list_shows_too),
        cmocka_unit_test(stream__lets_service_stop_when_clients_follow),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
