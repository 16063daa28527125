/* The order of stopping: quiesce, continue what was kept, drain, close. */
#include "fixture.h"

static void quiesce__refuses_connections_when_it_returns(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture);
    uint16_t port = http_server_port(fixture.server);

    http_server_quiesce(fixture.server);

    assert_int_equal(connect_to(port), -1);
    fixture_stop(&fixture);
}

static void quiesce__has_all_requests_handled_that_have_arrived(void **state) {
    (void)state;
    enum { N = 150 };
    struct fixture fixture;
    static struct client clients[N];
    fixture_start(&fixture);
    for (size_t i = 0; i < N; i++) {
        client_open(&clients[i], &fixture);
        client_send(&clients[i], i % 2 ? PING : LATER);
    }

    http_server_quiesce(fixture.server);

    assert_int_equal(fixture.n_handled, N);
    fixture_stop(&fixture);
    for (size_t i = 0; i < N; i++) {
        struct reply reply;
        client_read(&clients[i], true, &reply);
        assert_int_equal(reply.status, 200);
        reply_release(&reply);
        client_close(&clients[i]);
    }
}

static void quiesce__closes_connection_when_it_is_idle(void **state) {
    (void)state;
    struct fixture fixture;
    struct client silent, served;
    fixture_start(&fixture);
    client_open(&silent, &fixture);
    client_open(&served, &fixture);
    client_expect(&served, PING, 200);

    http_server_quiesce(fixture.server);

    client_wait_until_closed(&silent);
    client_wait_until_closed(&served);
    client_close(&silent);
    client_close(&served);
    fixture_stop(&fixture);
}

static void quiesce__lets_kept_request_be_answered_with_close(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    struct reply reply;
    fixture_start(&fixture);
    client_open(&client, &fixture);
    client_send(&client, LATER);
    struct http_request *request = take_kept(&fixture);
    http_server_quiesce(fixture.server);
    client_send(&client, PING); /* pipelined behind it */

    continue_late(request);

    client_read(&client, true, &reply);
    assert_string_equal(reply.body.data, "late");
    assert_string_equal(header_of(&reply, "Connection"), "close");
    client_wait_until_closed(&client);
    assert_int_equal(fixture.n_handled, 1);
    reply_release(&reply);
    client_close(&client);
    fixture_stop(&fixture);
}

static void quiesce__has_no_handler_called_when_request_is_completed_later(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    struct reply reply;
    fixture_start(&fixture);
    client_open(&client, &fixture);
    client_send(&client, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                         "Expect: 100-continue\r\n\r\n");
    client_wait_for_text(&client, "100 Continue\r\n\r\n");
    client.at = client.in.len;
    http_server_quiesce(fixture.server);

    client_send(&client, "{}");

    client_read(&client, true, &reply);
    assert_int_equal(reply.status, 503);
    assert_non_null(header_of(&reply, "Retry-After"));
    client_wait_until_closed(&client);
    assert_int_equal(fixture.n_handled, 0);
    reply_release(&reply);
    client_close(&client);
    fixture_stop(&fixture);
}

static void quiesce__returns_when_a_request_keeps_libmicrohttpd_busy(void **state) {
    (void)state;
    static char extension[32 * 1024];
    struct fixture fixture;
    struct client client;
    fixture_start(&fixture);
    client_open(&client, &fixture);
    client_send(&client,
                "POST /orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;");
    memset(extension, 'x', sizeof extension);
    client_send_bytes(&client, extension, sizeof extension);
    struct error err;

    http_server_quiesce(fixture.server);

    assert_int_equal(http_server_drain(fixture.server, 10, &err), ERR_UNAVAILABLE);
    http_server_close(fixture.server);
    client_close(&client);
}

static void quiesce__may_be_called_twice(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture);

    http_server_quiesce(fixture.server);
    http_server_quiesce(fixture.server);

    fixture_stop(&fixture);
}

static void drain__says_how_many_are_open_when_time_is_over(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    struct error err;
    fixture_start(&fixture);
    client_open(&client, &fixture);
    client_send(&client, LATER);
    wait_for(&fixture, &fixture.n_handled, 1);

    enum status status = http_server_drain(fixture.server, 50, &err);

    assert_int_equal(status, ERR_UNAVAILABLE);
    assert_string_equal(err.text, "1 requests are still open after 50 ms");
    fixture_stop(&fixture);
    client_expect(&client, "", 200);
    client_close(&client);
}

static void drain__waits_until_large_answer_is_sent(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    struct reply reply;
    struct error err;
    fixture_start(&fixture);
    client_open(&client, &fixture);
    client_send(&client, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for(&fixture, &fixture.n_handled, 1);
    assert_int_equal(http_server_drain(fixture.server, 10, &err), ERR_UNAVAILABLE);

    client_read(&client, true, &reply);

    assert_int_equal(http_server_drain(fixture.server, PATIENCE_MS, &err), OK);
    assert_int_equal(reply.body.len, LARGE_ANSWER);
    http_server_close(fixture.server);
    reply_release(&reply);
    client_close(&client);
}

static void drain__is_quick_when_connections_are_idle(void **state) {
    (void)state;
    struct fixture fixture;
    struct client clients[20];
    struct error err;
    fixture_start(&fixture);
    for (size_t i = 0; i < 20; i++) {
        client_open(&clients[i], &fixture);
        client_expect(&clients[i], PING, 200);
    }
    int64_t begin_ms = clock_monotonic_ms();

    enum status status = http_server_drain(fixture.server, PATIENCE_MS, &err);

    assert_int_equal(status, OK);
    assert_true(clock_monotonic_ms() - begin_ms < PATIENCE_MS / 2);
    http_server_close(fixture.server);
    for (size_t i = 0; i < 20; i++)
        client_close(&clients[i]);
}

static void close__is_clean_when_connections_and_requests_are_open(void **state) {
    (void)state;
    struct fixture fixture;
    struct client silent, partial, reading;
    fixture_start(&fixture);
    client_open(&silent, &fixture);
    client_open(&partial, &fixture);
    client_send(&partial, "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
    client_open(&reading, &fixture);
    client_send(&reading, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for(&fixture, &fixture.n_handled, 1);

    http_server_close(fixture.server);

    client_wait_until_closed(&silent);
    client_wait_until_closed(&partial);
    client_wait_until_closed(&reading);
    client_close(&silent);
    client_close(&partial);
    client_close(&reading);
}

static void close__sends_answers_that_were_given_just_before(void **state) {
    (void)state;
    enum { N = 20 };
    struct fixture fixture;
    struct client clients[N];
    fixture_start(&fixture);
    for (size_t i = 0; i < N; i++) {
        client_open(&clients[i], &fixture);
        client_send(&clients[i], LATER);
    }
    wait_for(&fixture, &fixture.n_handled, N);
    http_server_quiesce(fixture.server);
    for (size_t i = 0; i < N; i++)
        continue_late(fixture.kept[i]);

    http_server_close(fixture.server);

    for (size_t i = 0; i < N; i++) {
        client_expect(&clients[i], "", 200);
        client_close(&clients[i]);
    }
}

static void close__takes_null(void **state) {
    (void)state;
    http_server_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quiesce__refuses_connections_when_it_returns),
        cmocka_unit_test(quiesce__has_all_requests_handled_that_have_arrived),
        cmocka_unit_test(quiesce__closes_connection_when_it_is_idle),
        cmocka_unit_test(quiesce__lets_kept_request_be_answered_with_close),
        cmocka_unit_test(quiesce__has_no_handler_called_when_request_is_completed_later),
        cmocka_unit_test(quiesce__returns_when_a_request_keeps_libmicrohttpd_busy),
        cmocka_unit_test(quiesce__may_be_called_twice),
        cmocka_unit_test(drain__says_how_many_are_open_when_time_is_over),
        cmocka_unit_test(drain__waits_until_large_answer_is_sent),
        cmocka_unit_test(drain__is_quick_when_connections_are_idle),
        cmocka_unit_test(close__is_clean_when_connections_and_requests_are_open),
        cmocka_unit_test(close__sends_answers_that_were_given_just_before),
        cmocka_unit_test(close__takes_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
