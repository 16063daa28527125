#include "fixture.h"

#define STREAM "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define FLOOD "GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void publish(struct fixture *fixture, const char *events) {
    pthread_mutex_lock(&fixture->lock);
    strncat(fixture->events, events, sizeof fixture->events - strlen(fixture->events) - 1);
    pthread_mutex_unlock(&fixture->lock);
    http_server_notify(fixture->server);
}

static void open_stream(struct fixture *fixture, struct client *client, const char *text) {
    client_open(client, fixture);
    client_send(client, text);
    client_wait_for_text(client, "\r\n\r\n");
    client_wait_for_text(client, ":\n\n");
}

static void stream__sends_events_when_notified(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_start(&fixture);
    open_stream(&fixture, &client, STREAM);
    client_wait_for_text(&client, "Content-Type: text/event-stream\r\n");

    publish(&fixture, "data: one\n\n");
    client_wait_for_text(&client, "data: one\n\n");
    publish(&fixture, "data: two\n\ndata: three\n\n");
    client_wait_for_text(&client, "data: two\n\ndata: three\n\n");

    client_close(&client);
    fixture_stop(&fixture);
    assert_int_equal(fixture.n_streams_closed, 1);
}

static void stream__loses_no_event_when_notified_thousands_of_times(void **state) {
    (void)state;
    enum { N = 2000 };
    struct fixture fixture;
    struct client client;
    fixture_start(&fixture);
    open_stream(&fixture, &client, STREAM);

    for (int i = 0; i < N; i++) {
        char event[32];
        snprintf(event, sizeof event, "data: %d;\n\n", i);
        publish(&fixture, event);
        client_wait_for_text(&client, event);
        client.at = client.in.len;
    }

    client_close(&client);
    fixture_stop(&fixture);
}

static void stream__ends_without_chunks_when_client_speaks_http_1_0(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_start(&fixture);
    open_stream(&fixture, &client, "GET /stream HTTP/1.0\r\n\r\n");
    publish(&fixture, "data: one\n\n");
    client_wait_for_text(&client, "\r\n\r\n:\n\ndata: one\n\n");

    fixture_stop(&fixture);

    client_wait_until_closed(&client);
    assert_null(strstr(client.in.data, "chunked"));
    client_close(&client);
}

static void stream__sends_comment_when_it_is_idle(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_init(&fixture);
    fixture.config.stream_alive_ms = 50;
    fixture.config.request_timeout_ms = fixture.config.idle_timeout_ms = 100;
    fixture_open(&fixture);
    open_stream(&fixture, &client, STREAM);

    for (int i = 0; i < 4; i++) { /* longer than any timeout */
        client.at = client.in.len;
        client_wait_for_text(&client, ":\n\n");
    }

    client_close(&client);
    fixture_stop(&fixture);
}

static void stream__is_closed_when_client_goes_while_it_is_idle(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_init(&fixture);
    fixture.config.stream_alive_ms = 20;
    fixture_open(&fixture);
    open_stream(&fixture, &client, STREAM);

    client_close(&client);

    wait_for(&fixture, &fixture.n_streams_closed, 1);
    fixture_stop(&fixture);
    assert_int_equal(fixture.n_streams_closed, 1);
}

static void stream__is_closed_when_client_does_not_read(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_init(&fixture);
    fixture.config.request_timeout_ms = 200;
    fixture_open(&fixture);
    client_open(&client, &fixture);

    client_send(&client, FLOOD);

    wait_for(&fixture, &fixture.n_streams_closed, 1);
    client_close(&client);
    fixture_stop(&fixture);
    assert_int_equal(fixture.n_streams_closed, 1);
}

static void stream__outlasts_request_timeout_when_client_reads(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_init(&fixture);
    fixture.config.request_timeout_ms = 50;
    fixture_open(&fixture);
    client_open(&client, &fixture);
    client_send(&client, FLOOD);

    int64_t end_ms = clock_monotonic_ms() + 200;
    while (clock_monotonic_ms() < end_ms) {
        assert_true(client_receive(&client) > 0);
        strbuf_reset(&client.in);
    }

    assert_int_equal(fixture.n_streams_closed, 0);
    client_close(&client);
    fixture_stop(&fixture);
}

static void stream__is_cut_off_when_its_source_fails(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_start(&fixture);
    open_stream(&fixture, &client, STREAM);
    pthread_mutex_lock(&fixture.lock);
    fixture.streams_fail = true;
    pthread_mutex_unlock(&fixture.lock);

    http_server_notify(fixture.server);

    client_wait_until_closed(&client);
    assert_null(strstr(client.in.data, "\r\n0\r\n\r\n")); /* no regular end */
    wait_for(&fixture, &fixture.n_streams_closed, 1);
    client_close(&client);
    fixture_stop(&fixture);
    assert_int_equal(fixture.n_streams_closed, 1);
}

static void stream__is_refused_when_too_many_are_open(void **state) {
    (void)state;
    struct fixture fixture;
    struct client streams[2], client;
    struct reply reply;
    fixture_init(&fixture);
    fixture.config.connections_max = 4;
    fixture_open(&fixture);
    open_stream(&fixture, &streams[0], STREAM);
    open_stream(&fixture, &streams[1], STREAM);
    client_open(&client, &fixture);

    client_send(&client, STREAM);

    client_read(&client, true, &reply);
    assert_int_equal(reply.status, 503);
    assert_non_null(header_of(&reply, "Retry-After"));
    assert_int_equal(fixture.n_streams_closed, 1); /* the refused one's state */
    reply_release(&reply);
    client_expect(&client, PING, 200);
    client_close(&client);
    client_close(&streams[0]);
    client_close(&streams[1]);
    fixture_stop(&fixture);
    assert_int_equal(fixture.n_streams_closed, 3);
}

static void stream__sends_headers_only_when_method_is_head(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    struct reply reply;
    fixture_start(&fixture);
    client_open(&client, &fixture);

    client_send(&client, "HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");

    client_read(&client, false, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(header_of(&reply, "Content-Type"), "text/event-stream");
    assert_int_equal(fixture.n_streams_closed, 1);
    reply_release(&reply);
    client_expect(&client, PING, 200);
    client_close(&client);
    fixture_stop(&fixture);
}

static void stream__sends_its_last_events_and_ends_when_server_drains(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    struct error err;
    fixture_start(&fixture);
    open_stream(&fixture, &client, STREAM);
    http_server_quiesce(fixture.server);
    pthread_mutex_lock(&fixture.lock);
    strcpy(fixture.events, "data: last\n\n");
    pthread_mutex_unlock(&fixture.lock);

    enum status status = http_server_drain(fixture.server, PATIENCE_MS, &err);

    assert_int_equal(status, OK);
    assert_int_equal(fixture.n_streams_closed, 1);
    client_wait_until_closed(&client);
    assert_non_null(strstr(client.in.data, "data: last\n\n\r\n0\r\n\r\n"));
    http_server_close(fixture.server);
    client_close(&client);
}

static void stream__is_closed_when_server_closes_without_draining(void **state) {
    (void)state;
    struct fixture fixture;
    struct client idle, busy;
    fixture_start(&fixture);
    open_stream(&fixture, &idle, STREAM);
    client_open(&busy, &fixture);
    client_send(&busy, FLOOD);
    client_wait_for_text(&busy, "data: ");

    http_server_close(fixture.server);

    assert_int_equal(fixture.n_streams_closed, 2);
    client_wait_until_closed(&idle);
    client_wait_until_closed(&busy);
    client_close(&idle);
    client_close(&busy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream__sends_events_when_notified),
        cmocka_unit_test(stream__loses_no_event_when_notified_thousands_of_times),
        cmocka_unit_test(stream__ends_without_chunks_when_client_speaks_http_1_0),
        cmocka_unit_test(stream__sends_comment_when_it_is_idle),
        cmocka_unit_test(stream__is_closed_when_client_goes_while_it_is_idle),
        cmocka_unit_test(stream__is_closed_when_client_does_not_read),
        cmocka_unit_test(stream__outlasts_request_timeout_when_client_reads),
        cmocka_unit_test(stream__is_cut_off_when_its_source_fails),
        cmocka_unit_test(stream__is_refused_when_too_many_are_open),
        cmocka_unit_test(stream__sends_headers_only_when_method_is_head),
        cmocka_unit_test(stream__sends_its_last_events_and_ends_when_server_drains),
        cmocka_unit_test(stream__is_closed_when_server_closes_without_draining),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
