/* Requests that two servers could read differently must not be taken. */
#include "fixture.h"

/* Sends bytes, and says whether the answer is `status` on a connection that
 * closes after it, and whether no handler was called. */
static void expect_refusal(struct fixture *fixture, const void *bytes, size_t n, int status) {
    struct client client;
    struct reply reply;
    client_open(&client, fixture);
    unsigned n_handled = fixture->n_handled;
    client_send_bytes(&client, bytes, n);
    client_send(&client, PING); /* smuggled, if it is answered */

    client_read(&client, true, &reply);
    client_wait_until_closed(&client);

    if (reply.status != status || fixture->n_handled != n_handled)
        fail_msg("got %.*s for:\n%s", (int)strcspn(reply.head, "\r"), reply.head,
                 (const char *)bytes);
    const char *connection = header_of(&reply, "Connection");
    assert_non_null(connection);
    assert_string_equal(connection, "close");
    reply_release(&reply);
    client_close(&client);
}

#define POST "POST /orders HTTP/1.1\r\n"
#define HOST "Host: localhost\r\n"

static void server__refuses_request_when_its_length_is_ambiguous(void **state) {
    (void)state;
    static const char *const requests[] = {
        POST HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        POST HOST "Content-Length: 5\r\ncontent-length: 6\r\n\r\nhello",
        POST HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        POST HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        POST HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST HOST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST HOST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
        POST HOST "Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n",
        POST HOST "Transfer-Encoding:\tchunked\v\r\n\r\n0\r\n\r\n",
        POST HOST "Transfer-Encoding:\r\n\r\n",
        POST HOST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        POST HOST "Content-Length : 5\r\n\r\nhello",
        POST HOST " Content-Length: 5\r\n\r\nhello",
        POST HOST "X: y\r\n Content-Length: 5\r\n\r\nhello",
        POST HOST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "POST /orders HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    };
    struct fixture fixture;
    fixture_start(&fixture);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        expect_refusal(&fixture, requests[i], strlen(requests[i]), 400);
    fixture_stop(&fixture);
}

static void server__refuses_request_when_content_length_is_malformed(void **state) {
    (void)state;
    static const char *const lengths[] = {"abc", "-1", "+5", "5 5", "5, 5", "0x5", "", "5a"};
    struct fixture fixture;
    fixture_start(&fixture);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char request[256];
        snprintf(request, sizeof request, POST HOST "Content-Length: %s\r\n\r\nhello", lengths[i]);
        expect_refusal(&fixture, request, strlen(request), 400);
    }
    fixture_stop(&fixture);
}

static void server__refuses_request_when_host_is_ambiguous(void **state) {
    (void)state;
    static const char *const requests[] = {
        "GET /ping HTTP/1.1\r\n\r\n",
        "GET /ping HTTP/1.1\r\nX: y\r\n\r\n",
        "GET /ping HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET /ping HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n",
    };
    struct fixture fixture;
    fixture_start(&fixture);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        expect_refusal(&fixture, requests[i], strlen(requests[i]), 400);
    fixture_stop(&fixture);
}

/* Bytes that have a NUL, so that their length cannot be told from them. */
#define BYTES(text)                                                                                \
    { text, sizeof(text) - 1 }

static void server__refuses_request_when_it_has_a_nul_or_control_character(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t n;
    } requests[] = {
        BYTES("GET /ping HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n"),
        BYTES("GET /ping HTTP/1.1\r\n" HOST "X:\0\r\n\r\n"),
        BYTES("GET /ping HTTP/1.1\r\n" HOST "X: \0\r\nY: z\r\n\r\n"),
        BYTES("GET /ping HTTP/1.1\r\n" HOST "X: y\0\r\n\r\n"),
        BYTES("GET /ping HTTP/1.1\r\n" HOST "X: y\0z\n\n"),
        BYTES("GET /ping HTTP/1.0\r\nX: y\0:\n\n"),
        BYTES("GET /ping HTTP/1.1\r\nHost: localhost\0.example\r\n\r\n"),
        BYTES("GET /ping HTTP/1.1\r\n" HOST "X\0Y: z\r\n\r\n"),
        BYTES("GET /ping\0x HTTP/1.1\r\n" HOST "\r\n"),
        BYTES("GET /orders?a=b\0c HTTP/1.1\r\n" HOST "\r\n"),
        BYTES("GET\0X /ping HTTP/1.1\r\n" HOST "\r\n"),
        BYTES(POST HOST "Content-Length: 5\0 6\r\n\r\nhello"),
        BYTES(POST HOST "Transfer-Encoding: chunked\0x\r\n\r\n0\r\n\r\n"),
        BYTES("GET /ping HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n"),
        BYTES("GET /ping HTTP/1.1\r\n" HOST "X: a\x01"
              "b\r\n\r\n"),
        BYTES("GET /ping HTTP/1.1\r\n" HOST "X: a\x7f\r\n\r\n"),
        BYTES("GET /ping HTTP/1.1\r\n" HOST "X(y): z\r\n\r\n"),
        BYTES("GET /ping HTTP/1.1\r\n" HOST ": z\r\n\r\n"),
        BYTES("GET /ping HTTP/1.1\r\n" HOST "X-\xc3\xa9: z\r\n\r\n"),
        BYTES("G(T /ping HTTP/1.1\r\n" HOST "\r\n"),
    };
    struct fixture fixture;
    fixture_start(&fixture);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        expect_refusal(&fixture, requests[i].text, requests[i].n, 400);
    fixture_stop(&fixture);
}

static void server__refuses_request_when_its_lines_are_irregular(void **state) {
    (void)state;
    static const char *const requests[] = {
        "GET /ping HTTP/1.1\nHost: localhost\n\n",
        "GET /ping HTTP/1.1\nHost: localhost\r\n\r\n",
        "GET /ping HTTP/1.1\r\nHost: localhost\n\r\n",
        "GET /ping HTTP/1.1\r\nHost: localhost\r\n\n",
        "GET /ping HTTP/1.1\r\nHost: localhost\n:z\n",
        "GET /ping HTTP/1.1\r\nHost: localhost\r\nX: y\nY: z\r\n\r\n",
        "GET /ping HTTP/1.1\r\nHost: localhost\r\nX: y\r\n z\r\n\r\n",
        "GET /ping HTTP/1.1\r\nHost: localhost\r\nX: y\r\n\tz\r\nY: z\r\n\r\n",
        "GET /ping HTTP/1.1\r\nHost: localhost\r\nnocolon\r\n\r\n",
        "GET  /ping HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /ping  HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /ping HTTP/1.1 \r\nHost: localhost\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET ping HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /orders/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /orders/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /orders?limit=%f HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /orders/%c3%28 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /ping\r\nHost: localhost\r\n\r\n",
    };
    struct fixture fixture;
    fixture_start(&fixture);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        expect_refusal(&fixture, requests[i], strlen(requests[i]), 400);
    fixture_stop(&fixture);
}

static void server__refuses_request_when_a_chunk_is_malformed(void **state) {
    (void)state;
    static const char *const chunks[] = {"x\r\nhello\r\n", "-5\r\nhello\r\n", "0x5\r\nhello\r\n",
                                         "5\r\nhelloX", " 5\r\nhello\r\n"};
    struct fixture fixture;
    fixture_start(&fixture);
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        char request[256];
        snprintf(request, sizeof request, POST HOST "Transfer-Encoding: chunked\r\n\r\n%s",
                 chunks[i]);
        expect_refusal(&fixture, request, strlen(request), 400);
    }
    fixture_stop(&fixture);
}

/* libmicrohttpd reads a chunk's line to a bare LF; a proxy in front of it may not. */
static void server__takes_no_further_request_when_one_was_chunked(void **state) {
    (void)state;
    static const char *const bodies[] = {"5\r\nhello\r\n0\r\n\r\n", "5;\nhello\n0\n\n"};
    struct fixture fixture;
    fixture_start(&fixture);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct client client;
        struct reply reply;
        client_open(&client, &fixture);
        client_send(&client, POST HOST "Transfer-Encoding: chunked\r\n\r\n");
        client_send(&client, bodies[i]);
        client_send(&client, PING);

        client_read(&client, true, &reply);
        client_wait_until_closed(&client);

        assert_int_equal(reply.status, 201);
        assert_string_equal(header_of(&reply, "Connection"), "close");
        assert_int_equal(fixture.n_handled, i + 1);
        assert_int_equal(client.at, client.in.len);
        reply_release(&reply);
        client_close(&client);
    }
    fixture_stop(&fixture);
}

static void server__answers_request_when_it_expects_to_send_a_body_that_it_has_not(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture);
    struct client client;
    client_open(&client, &fixture);

    client_expect(&client, "GET /ping HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n" PING, 200);

    client_wait_until_closed(&client);
    client_close(&client);
    fixture_stop(&fixture);
}

static void server__refuses_request_when_its_query_has_hundreds_of_fields(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture);
    struct strbuf request;
    strbuf_init(&request);
    strbuf_add_str(&request, "GET /orders?");
    for (int i = 0; i < 300; i++)
        strbuf_add_str(&request, "a&");
    strbuf_add_str(&request, " HTTP/1.1\r\n" HOST "\r\n");

    expect_refusal(&fixture, request.data, request.len, 400);

    strbuf_release(&request);
    fixture_stop(&fixture);
}

static void server__refuses_request_when_its_headers_are_too_large(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture);
    struct strbuf request;
    strbuf_init(&request);
    strbuf_add_str(&request, "GET /ping HTTP/1.1\r\n" HOST "Cookie: ");
    for (int i = 0; i < 8 * 1024; i++)
        strbuf_add_char(&request, 'c');
    strbuf_add_str(&request, "\r\n\r\n");

    expect_refusal(&fixture, request.data, request.len, 431);

    strbuf_release(&request);
    fixture_stop(&fixture);
}

static void server__takes_request_when_its_headers_are_a_browsers(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture);
    struct client client;
    client_open(&client, &fixture);
    struct strbuf request;
    strbuf_init(&request);
    strbuf_add_str(&request, "GET /ping HTTP/1.1\r\n" HOST "X-Large: ");
    for (int i = 0; i < 3000; i++)
        strbuf_add_char(&request, 'c');
    for (int i = 0; i < 20; i++)
        strbuf_printf(&request, "\r\nX-Header-%d: of a usual length, such as this one", i);
    strbuf_add_str(&request, "\r\n\r\n");

    client_expect(&client, request.data, 200);

    strbuf_release(&request);
    client_close(&client);
    fixture_stop(&fixture);
}

static void server__takes_request_when_it_is_unusual_but_clear(void **state) {
    (void)state;
    static const char *const requests[] = {
        "\r\n" PING,
        "GET /ping HTTP/1.1\r\nHost:\r\n\r\n",
        "GET /ping HTTP/1.1\r\nhOST:   localhost\r\nX:\r\nY:\tz\tz\r\n\r\n",
        "POST /orders HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\n\r\n"
        "3;name=value\r\nabc\r\n0\r\nTrailer: x\r\n\r\n",
    };
    static const int statuses[] = {200, 200, 200, 201};
    struct fixture fixture;
    fixture_start(&fixture);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct client client;
        client_open(&client, &fixture);
        client_expect(&client, requests[i], statuses[i]);
        client_close(&client);
    }
    fixture_stop(&fixture);
}

static void server__answers_http_1_0_when_there_is_no_host(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture);
    struct client client;
    client_open(&client, &fixture);

    client_expect(&client, "GET /ping HTTP/1.0\r\n\r\n", 200);

    client_wait_until_closed(&client);
    client_close(&client);
    fixture_stop(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server__refuses_request_when_its_length_is_ambiguous),
        cmocka_unit_test(server__refuses_request_when_content_length_is_malformed),
        cmocka_unit_test(server__refuses_request_when_host_is_ambiguous),
        cmocka_unit_test(server__refuses_request_when_it_has_a_nul_or_control_character),
        cmocka_unit_test(server__refuses_request_when_its_lines_are_irregular),
        cmocka_unit_test(server__refuses_request_when_a_chunk_is_malformed),
        cmocka_unit_test(server__takes_no_further_request_when_one_was_chunked),
        cmocka_unit_test(server__answers_request_when_it_expects_to_send_a_body_that_it_has_not),
        cmocka_unit_test(server__refuses_request_when_its_query_has_hundreds_of_fields),
        cmocka_unit_test(server__refuses_request_when_its_headers_are_too_large),
        cmocka_unit_test(server__takes_request_when_its_headers_are_a_browsers),
        cmocka_unit_test(server__takes_request_when_it_is_unusual_but_clear),
        cmocka_unit_test(server__answers_http_1_0_when_there_is_no_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
