#include "fixture.h"

#include <sys/resource.h>

/* The reply to one request on a connection of its own. */
static void ask(struct fixture *fixture, const char *text, bool has_body, struct reply *reply) {
    struct client client;
    client_open(&client, fixture);
    client_send(&client, text);
    client_read(&client, has_body, reply);
    client_close(&client);
}

static void assert_header(const struct reply *reply, const char *name, const char *value) {
    const char *found = header_of(reply, name);
    if (!found || strcmp(found, value) != 0)
        fail_msg("%s is %s instead of %s", name, found ? found : "missing", value);
}

static void server__answers_with_safe_headers_when_route_matches(void **state) {
    (void)state;
    struct fixture fixture;
    struct reply reply;
    fixture_start(&fixture);

    ask(&fixture, PING, true, &reply);

    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body.data, "pong");
    assert_header(&reply, "Content-Type", "text/plain");
    assert_header(&reply, "X-Content-Type-Options", "nosniff");
    assert_header(&reply, "Cache-Control", "no-store");
    assert_non_null(header_of(&reply, "Date"));
    assert_null(header_of(&reply, "Location"));
    assert_null(header_of(&reply, "Retry-After"));
    assert_null(header_of(&reply, "Connection"));
    reply_release(&reply);
    fixture_stop(&fixture);
}

static void server__sends_headers_only_when_method_is_head(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    struct reply reply;
    fixture_start(&fixture);
    client_open(&client, &fixture);

    client_send(&client, "HEAD /ping HTTP/1.1\r\nHost: localhost\r\n\r\n" PING);

    client_read(&client, false, &reply);
    assert_int_equal(reply.status, 200);
    assert_header(&reply, "Content-Length", "4");
    reply_release(&reply);
    client_read(&client, true, &reply);
    assert_string_equal(reply.body.data, "pong");
    reply_release(&reply);
    client_close(&client);
    fixture_stop(&fixture);
}

static void server__gives_handler_decoded_parameters(void **state) {
    (void)state;
    struct fixture fixture;
    struct reply reply;
    fixture_start(&fixture);

    ask(&fixture, "GET /orders/A%2FB%20c HTTP/1.1\r\nHost: x\r\n\r\n", true, &reply);
    assert_string_equal(reply.body.data, "A/B c");
    reply_release(&reply);

    ask(&fixture, "GET /orders?limit=7&customerId=%C3%A9%26+x HTTP/1.1\r\nHost: x\r\n\r\n", true,
        &reply);
    assert_string_equal(reply.body.data, "\xc3\xa9& x 7");
    reply_release(&reply);
    fixture_stop(&fixture);
}

static void server__reads_numbers_in_query_strictly(void **state) {
    (void)state;
    static const struct {
        const char *query;
        int status;
    } cases[] = {
        {"", 200},
        {"?limit=1", 200},
        {"?limit=100", 200},
        {"?limit=0", 400},
        {"?limit=101", 400},
        {"?limit=", 400},
        {"?limit", 400},
        {"?limit=1x", 400},
        {"?limit=+1", 400},
        {"?limit=%201", 400},
        {"?limit=-", 400},
        {"?limit=1e1", 400},
        {"?limit=99999999999999999999", 400},
    };
    struct fixture fixture;
    fixture_start(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reply reply;
        char text[256];
        snprintf(text, sizeof text, "GET /orders%s HTTP/1.1\r\nHost: x\r\n\r\n", cases[i].query);

        ask(&fixture, text, true, &reply);

        if (reply.status != cases[i].status)
            fail_msg("got %d for %s", reply.status, cases[i].query);
        reply_release(&reply);
    }
    fixture_stop(&fixture);
}

static void server__gives_handler_body_and_headers(void **state) {
    (void)state;
    struct fixture fixture;
    struct reply reply;
    fixture_start(&fixture);

    ask(&fixture,
        "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: Application/JSON ;charset=utf-8\r\n"
        "Content-Length: 7\r\n\r\n{\"a\":1}",
        true, &reply);

    assert_int_equal(reply.status, 201);
    assert_string_equal(reply.body.data, "{\"a\":1}");
    assert_header(&reply, "Content-Type", "Application/JSON ;charset=utf-8");
    assert_header(&reply, "Location", "/orders");
    assert_header(&reply, "Retry-After", "7"); /* the handler saw that it is JSON */
    reply_release(&reply);

    ask(&fixture,
        "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/jsonx\r\n"
        "Content-Length: 0\r\n\r\n",
        true, &reply);
    assert_null(header_of(&reply, "Retry-After"));
    assert_int_equal(reply.body.len, 0);
    reply_release(&reply);
    fixture_stop(&fixture);
}

static void server__assembles_body_when_it_comes_in_chunks_byte_by_byte(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    struct reply reply;
    fixture_start(&fixture);
    client_open(&client, &fixture);
    const char *text = "POST /orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "4\r\nabcd\r\n3\r\nefg\r\n0\r\n\r\n";

    for (; *text != '\0'; text++)
        client_send_bytes(&client, text, 1);

    client_read(&client, true, &reply);
    assert_int_equal(reply.status, 201);
    assert_string_equal(reply.body.data, "abcdefg");
    reply_release(&reply);
    client_close(&client);
    fixture_stop(&fixture);
}

static void server__answers_in_order_when_requests_are_pipelined(void **state) {
    (void)state;
    enum { N = 50 };
    struct fixture fixture;
    struct client client;
    struct strbuf all;
    fixture_start(&fixture);
    client_open(&client, &fixture);
    strbuf_init(&all);
    for (int i = 0; i < N; i++)
        strbuf_printf(&all, "GET /orders/ORDER-%d HTTP/1.1\r\nHost: localhost\r\n\r\n", i);

    client_send_bytes(&client, all.data, all.len);

    for (int i = 0; i < N; i++) {
        struct reply reply;
        char expected[32];
        snprintf(expected, sizeof expected, "ORDER-%d", i);
        client_read(&client, true, &reply);
        assert_string_equal(reply.body.data, expected);
        reply_release(&reply);
    }
    strbuf_release(&all);
    client_close(&client);
    fixture_stop(&fixture);
}

static void server__asks_for_body_when_client_expects_that(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_start(&fixture);
    client_open(&client, &fixture);
    client_send(&client, "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                         "Expect: 100-continue\r\n\r\n");

    client_wait_for_text(&client, "HTTP/1.1 100 Continue\r\n\r\n");

    client.at = client.in.len;
    client_expect(&client, "hello", 201);
    client_close(&client);
    fixture_stop(&fixture);
}

static void server__writes_problem_document_when_handler_finds_faults(void **state) {
    (void)state;
    struct fixture fixture;
    struct reply reply;
    fixture_start(&fixture);

    ask(&fixture, "POST /fault?x=%22 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", true,
        &reply);

    assert_int_equal(reply.status, 422);
    assert_header(&reply, "Content-Type", "application/problem+json");
    assert_header(&reply, "Retry-After", "3");
    assert_string_equal(
        reply.body.data,
        "{\"type\":\"urn:orderflow:problem:unknown-product\",\"title\":\"Unknown \\\"product\\\"\","
        "\"status\":422,\"detail\":\"two faults\",\"instance\":\"/fault\",\"errors\":["
        "{\"pointer\":\"/products/0\",\"detail\":\"is \xef\xbf\xbd not known\"},"
        "{\"pointer\":\"/products/1\",\"detail\":\"is not known\"}]}\n");
    reply_release(&reply);
    fixture_stop(&fixture);
}

static void server__answers_404_when_path_is_unknown(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    struct reply reply;
    fixture_start(&fixture);
    client_open(&client, &fixture);

    client_send(&client, "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");

    client_read(&client, true, &reply);
    assert_int_equal(reply.status, 404);
    assert_header(&reply, "Content-Type", "application/problem+json");
    assert_non_null(strstr(reply.body.data, "\"instance\":\"/nowhere\""));
    reply_release(&reply);
    client_expect(&client, PING, 200); /* the body was read, the connection goes on */
    client_close(&client);
    fixture_stop(&fixture);
}

static void server__answers_405_with_allow_when_path_has_other_methods(void **state) {
    (void)state;
    struct fixture fixture;
    struct reply reply;
    fixture_start(&fixture);

    ask(&fixture, "DELETE /orders HTTP/1.1\r\nHost: x\r\n\r\n", true, &reply);
    assert_int_equal(reply.status, 405);
    assert_header(&reply, "Allow", "GET, HEAD, POST");
    reply_release(&reply);

    ask(&fixture, "HEAD /later HTTP/1.1\r\nHost: x\r\n\r\n", false, &reply);
    assert_int_equal(reply.status, 405);
    assert_header(&reply, "Allow", "POST");
    reply_release(&reply);
    fixture_stop(&fixture);
}

/* A request with a body of `n` bytes, declared or in one chunk. */
static void send_body(struct client *client, bool in_chunks, size_t n) {
    struct strbuf text;
    strbuf_init(&text);
    strbuf_add_str(&text, "POST /orders HTTP/1.1\r\nHost: x\r\n");
    strbuf_printf(
        &text,
        in_chunks ? "Transfer-Encoding: chunked\r\n\r\n%zx\r\n" : "Content-Length: %zu\r\n\r\n", n);
    for (size_t i = 0; i < n; i++)
        strbuf_add_char(&text, 'b');
    if (in_chunks)
        strbuf_add_str(&text, "\r\n0\r\n\r\n");
    client_send_bytes(client, text.data, text.len);
    strbuf_release(&text);
}

static void server__takes_body_when_it_is_as_large_as_allowed(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture);
    for (int in_chunks = 0; in_chunks < 2; in_chunks++) {
        struct client client;
        struct reply reply;
        client_open(&client, &fixture);

        send_body(&client, in_chunks, BODY_MAX);

        client_read(&client, true, &reply);
        assert_int_equal(reply.status, 201);
        assert_int_equal(reply.body.len, BODY_MAX);
        reply_release(&reply);
        client_close(&client);
    }
    fixture_stop(&fixture);
}

static void server__answers_413_and_goes_on_when_body_is_too_large(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture);
    for (int in_chunks = 0; in_chunks < 2; in_chunks++) {
        struct client client;
        struct reply reply;
        client_open(&client, &fixture);

        send_body(&client, in_chunks, BODY_MAX + 1);

        client_read(&client, true, &reply);
        assert_int_equal(reply.status, 413);
        assert_header(&reply, "Content-Type", "application/problem+json");
        reply_release(&reply);
        if (in_chunks)
            client_wait_until_closed(&client);
        else
            client_expect(&client, PING, 200);
        client_close(&client);
    }
    assert_int_equal(fixture.n_handled, 1); /* the ping */
    fixture_stop(&fixture);
}

static void server__answers_413_at_once_when_declared_length_is_far_too_large(void **state) {
    (void)state;
    static const char *const lengths[] = {"1073741824", "18446744073709551615",
                                          "18446744073709551616"};
    struct fixture fixture;
    fixture_start(&fixture);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct client client;
        char text[256];
        client_open(&client, &fixture);
        snprintf(text, sizeof text,
                 "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\n", lengths[i]);

        client_expect(&client, text, 413);

        client_wait_until_closed(&client);
        client_close(&client);
    }
    fixture_stop(&fixture);
}

static void server__answers_413_at_once_when_client_asks_before_sending(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_start(&fixture);
    client_open(&client, &fixture);

    client_expect(&client,
                  "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n"
                  "Expect: 100-continue\r\n\r\n",
                  413);

    client_wait_until_closed(&client);
    client_close(&client);
    fixture_stop(&fixture);
}

static void server__cuts_off_client_when_chunked_body_does_not_end(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_start(&fixture);
    client_open(&client, &fixture);

    send_body(&client, true, 4 * 1024 * 1024);

    client_wait_until_closed(&client);
    assert_int_equal(fixture.n_handled, 0);
    client_close(&client);
    fixture_stop(&fixture);
}

static void server__sends_late_answer_when_other_thread_gives_it(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    struct reply reply;
    fixture_start(&fixture);
    client_open(&client, &fixture);
    client_send(&client, LATER PING);
    struct http_request *request = take_kept(&fixture);
    assert_string_equal(http_request_header(request, "host"), "localhost");

    continue_late(request);

    client_read(&client, true, &reply);
    assert_string_equal(reply.body.data, "late");
    reply_release(&reply);
    client_read(&client, true, &reply); /* what was pipelined behind it */
    assert_string_equal(reply.body.data, "pong");
    reply_release(&reply);
    client_close(&client);
    fixture_stop(&fixture);
}

static void server__drops_late_answer_when_client_has_gone(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    fixture_start(&fixture);
    client_open(&client, &fixture);
    client_send(&client, LATER);
    struct http_request *request = take_kept(&fixture);
    client_close(&client);

    continue_late(request);

    struct reply reply;
    ask(&fixture, PING, true, &reply);
    assert_int_equal(reply.status, 200);
    reply_release(&reply);
    fixture_stop(&fixture);
}

/* Answers kept requests as fast as they come, until `n_left` are answered. */
struct answerer {
    struct fixture *fixture;
    unsigned n_left;
};

static void *answer_all(void *cls) {
    struct answerer *answerer = cls;
    struct fixture *fixture = answerer->fixture;
    while (answerer->n_left > 0) {
        pthread_mutex_lock(&fixture->lock);
        while (fixture->n_kept == 0)
            pthread_cond_wait(&fixture->changed, &fixture->lock);
        struct http_request *batch[KEPT_MAX];
        size_t n = fixture->n_kept;
        memcpy(batch, fixture->kept, n * sizeof batch[0]);
        fixture->n_kept = 0;
        pthread_mutex_unlock(&fixture->lock);
        for (size_t i = 0; i < n; i++)
            continue_late(batch[i]);
        answerer->n_left -= (unsigned)n;
    }
    return NULL;
}

static void server__loses_no_late_answer_when_thousands_race(void **state) {
    (void)state;
    enum { N_CLIENTS = 100, N_ROUNDS = 50 };
    struct fixture fixture;
    static struct client clients[N_CLIENTS];
    fixture_start(&fixture);
    struct answerer answerer = {&fixture, N_CLIENTS * N_ROUNDS};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer_all, &answerer), 0);
    for (size_t i = 0; i < N_CLIENTS; i++)
        client_open(&clients[i], &fixture);

    for (int round = 0; round < N_ROUNDS; round++) {
        for (size_t i = 0; i < N_CLIENTS; i++)
            client_send(&clients[i], LATER);
        for (size_t i = 0; i < N_CLIENTS; i++)
            client_expect(&clients[i], "", 200);
    }

    assert_int_equal(fixture.n_handled, N_CLIENTS * N_ROUNDS);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < N_CLIENTS; i++)
        client_close(&clients[i]);
    fixture_stop(&fixture);
}

/* Sends `text` a byte at a time for as long as the server takes it; true: it
 * closed the connection before the end. */
static bool is_cut_off_while_dripping(struct fixture *fixture, const char *start,
                                      const char *drip) {
    struct client client;
    client_open(&client, fixture);
    client_send(&client, start);
    bool is_closed = false;
    for (; *drip != '\0' && !is_closed; drip++) {
        client_send_bytes(&client, drip, 1);
        struct pollfd fds = {.fd = client.fd, .events = POLLIN};
        is_closed = poll(&fds, 1, 20) == 1; /* nothing else can come */
    }
    client_close(&client);
    return is_closed;
}

static void server__cuts_off_client_when_it_drips(void **state) {
    (void)state;
    static const char drip[] = "0123456789012345678901234567890123456789";
    struct fixture fixture;
    fixture_init(&fixture);
    fixture.config.request_timeout_ms = fixture.config.idle_timeout_ms = 200;
    fixture_open(&fixture);

    assert_true(is_cut_off_while_dripping(&fixture, "GET /", drip));
    assert_true(is_cut_off_while_dripping(&fixture, "GET / HTTP/1.1\r\nHost: ", drip));
    assert_true(is_cut_off_while_dripping(
        &fixture, "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n", drip));
    assert_true(is_cut_off_while_dripping(
        &fixture, "POST /orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9;",
        drip));

    assert_int_equal(fixture.n_handled, 0);
    fixture_stop(&fixture);
}

static void server__cuts_off_client_when_it_does_not_read(void **state) {
    (void)state;
    struct fixture fixture;
    struct client client;
    struct reply reply;
    fixture_init(&fixture);
    fixture.config.request_timeout_ms = 200;
    fixture.config.connections_max = 1;
    fixture_open(&fixture);
    client_open(&client, &fixture);

    client_send(&client, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");

    wait_for(&fixture, &fixture.n_handled, 1);
    ask(&fixture, PING, true, &reply); /* gets the place of the only connection */
    assert_int_equal(reply.status, 200);
    reply_release(&reply);
    client_wait_until_closed(&client);
    assert_true(client.in.len < LARGE_ANSWER);
    client_close(&client);
    fixture_stop(&fixture);
}

/* Trailers of which one fills libmicrohttpd's memory to the last byte, with the
 * end of a line: it takes nothing more from that client then, nor its end. */
static void server__cuts_off_client_when_its_trailer_fills_the_memory(void **state) {
    (void)state;
    enum { LEN_MIN = 7800, LEN_MAX = 7900, REST = 2000 };
    static char text[LEN_MAX + REST];
    struct fixture fixture;
    unsigned n_unanswered = 0;
    memset(text, 'b', sizeof text);
    fixture_init(&fixture);
    fixture.config.request_timeout_ms = 200;
    fixture.config.connections_max = 1;
    fixture_open(&fixture);

    for (size_t len = LEN_MIN; len <= LEN_MAX; len++) {
        struct client client;
        client_open(&client, &fixture); /* gets the place of the one before */
        client_send(&client, "GET /ping HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "0\r\nA: ");
        client_send_bytes(&client, text, len);
        client_send(&client, "\r\nB: b\r\n");
        client_send_bytes(&client, text, REST);
        client_wait_until_closed(&client);
        n_unanswered += client.in.len == 0;
        client_close(&client);
    }

    assert_int_equal(n_unanswered, 1);
    assert_int_equal(fixture.n_handled, 0);
    fixture_stop(&fixture);
}

static struct rlimit descriptors;

static int note_descriptors(void **state) {
    (void)state;
    return getrlimit(RLIMIT_NOFILE, &descriptors);
}

static int free_descriptors(void **state) {
    (void)state;
    return setrlimit(RLIMIT_NOFILE, &descriptors);
}

static void limit_descriptors(int n) {
    const struct rlimit limit = {.rlim_cur = (rlim_t)n, .rlim_max = descriptors.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Has the server serve the first client, and try in vain to accept the second,
 * who has asked. */
static void use_up_descriptors(struct fixture *fixture, struct client *first,
                               struct client *second) {
    client_open(first, fixture);
    client_expect(first, PING, 200);
    /* One more descriptor, which the second client takes for its own side. */
    int lowest_free = dup(STDIN_FILENO);
    close(lowest_free);
    client_send(first, "GET /ping HTTP/1.1\r\n"); /* it is not idle until this is answered */
    limit_descriptors(lowest_free + 1);
    client_open(second, fixture);
    client_send(second, PING);
    client_expect(first, "Host: localhost\r\n\r\n", 200);
    wait_for(fixture, &fixture->n_handled, 2);
}

static void server__takes_connections_again_when_descriptors_were_used_up(void **state) {
    (void)state;
    struct fixture fixture;
    struct client first, second;
    struct reply reply;
    fixture_start(&fixture);
    use_up_descriptors(&fixture, &first, &second);

    client_close(&first);

    client_read(&second, true, &reply);
    assert_int_equal(reply.status, 200);
    reply_release(&reply);
    client_close(&second);
    fixture_stop(&fixture);
}

static void server__takes_client_in_place_of_idle_one_when_descriptors_are_used_up(void **state) {
    (void)state;
    struct fixture fixture;
    struct client first, second;
    struct reply reply;
    fixture_start(&fixture);

    use_up_descriptors(&fixture, &first, &second);

    client_read(&second, true, &reply);
    assert_int_equal(reply.status, 200);
    reply_release(&reply);
    client_wait_until_closed(&first);
    client_expect(&second, PING, 200); /* it stays: nobody waits */
    client_close(&first);
    client_close(&second);
    fixture_stop(&fixture);
}

static void server__sends_large_answer_when_client_reads(void **state) {
    (void)state;
    struct fixture fixture;
    struct reply reply;
    fixture_start(&fixture);

    ask(&fixture, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n", true, &reply);

    assert_int_equal(reply.body.len, LARGE_ANSWER);
    reply_release(&reply);
    fixture_stop(&fixture);
}

static void server__closes_connection_when_it_is_idle(void **state) {
    (void)state;
    struct fixture fixture;
    struct client silent, served;
    fixture_init(&fixture);
    fixture.config.idle_timeout_ms = 100;
    fixture_open(&fixture);

    client_open(&silent, &fixture);
    client_open(&served, &fixture);
    client_expect(&served, PING, 200);

    client_wait_until_closed(&silent);
    client_wait_until_closed(&served);
    client_close(&silent);
    client_close(&served);
    fixture_stop(&fixture);
}

static void server__closes_connection_when_client_ends_it_with_its_request(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture);
    for (int n_requests = 1; n_requests <= 2; n_requests++) {
        struct client client;
        struct reply reply;
        client_open(&client, &fixture);

        client_send(&client, n_requests == 1 ? PING : PING PING);
        shutdown(client.fd, SHUT_WR);

        for (int i = 0; i < n_requests; i++) {
            client_read(&client, true, &reply);
            assert_int_equal(reply.status, 200);
            reply_release(&reply);
        }
        client_wait_until_closed(&client);
        client_close(&client);
    }
    fixture_stop(&fixture);
}

static void server__waits_for_handler_when_it_keeps_a_request_past_the_timeout(void **state) {
    (void)state;
    struct fixture fixture;
    struct client kept, other;
    fixture_init(&fixture);
    fixture.config.request_timeout_ms = fixture.config.idle_timeout_ms = 100;
    fixture_open(&fixture);
    client_open(&kept, &fixture);
    client_send(&kept, LATER);
    struct http_request *request = take_kept(&fixture);
    client_open(&other, &fixture);
    client_wait_until_closed(&other); /* a timeout later than `kept` began */

    continue_late(request);

    client_expect(&kept, "", 200);
    client_close(&kept);
    client_close(&other);
    fixture_stop(&fixture);
}

static void server__serves_waiting_connection_when_one_of_the_allowed_closes(void **state) {
    (void)state;
    struct fixture fixture;
    struct client first, second, third;
    fixture_init(&fixture);
    fixture.config.connections_max = 2;
    fixture_open(&fixture);
    client_open(&first, &fixture);
    client_open(&second, &fixture);
    client_expect(&first, PING, 200);
    client_expect(&second, PING, 200);
    client_open(&third, &fixture);
    client_send(&third, PING);
    client_expect(&first, PING, 200);
    assert_int_equal(recv(third.fd, &(char){0}, 1, MSG_DONTWAIT), -1);

    client_close(&first);

    client_expect(&third, "", 200);
    client_close(&second);
    client_close(&third);
    fixture_stop(&fixture);
}

static void http_server_open__says_so_when_port_is_in_use(void **state) {
    (void)state;
    struct fixture fixture, second;
    struct error err;
    fixture_start(&fixture);
    fixture_init(&second);
    second.config.port = http_server_port(fixture.server);

    enum status status = fixture_try_open(&second, &err);

    assert_int_equal(status, ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, "is in use"));
    fixture_stop(&fixture);
}

static void http_server_open__refuses_address_when_it_is_none(void **state) {
    (void)state;
    struct fixture fixture;
    struct error err;
    fixture_init(&fixture);
    fixture.config.address = "localhost";

    enum status status = fixture_try_open(&fixture, &err);

    assert_int_equal(status, ERR_INVALID);
    assert_string_equal(err.text, "localhost is not an IPv4 address");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server__answers_with_safe_headers_when_route_matches),
        cmocka_unit_test(server__sends_headers_only_when_method_is_head),
        cmocka_unit_test(server__gives_handler_decoded_parameters),
        cmocka_unit_test(server__reads_numbers_in_query_strictly),
        cmocka_unit_test(server__gives_handler_body_and_headers),
        cmocka_unit_test(server__assembles_body_when_it_comes_in_chunks_byte_by_byte),
        cmocka_unit_test(server__answers_in_order_when_requests_are_pipelined),
        cmocka_unit_test(server__asks_for_body_when_client_expects_that),
        cmocka_unit_test(server__writes_problem_document_when_handler_finds_faults),
        cmocka_unit_test(server__answers_404_when_path_is_unknown),
        cmocka_unit_test(server__answers_405_with_allow_when_path_has_other_methods),
        cmocka_unit_test(server__takes_body_when_it_is_as_large_as_allowed),
        cmocka_unit_test(server__answers_413_and_goes_on_when_body_is_too_large),
        cmocka_unit_test(server__answers_413_at_once_when_declared_length_is_far_too_large),
        cmocka_unit_test(server__answers_413_at_once_when_client_asks_before_sending),
        cmocka_unit_test(server__cuts_off_client_when_chunked_body_does_not_end),
        cmocka_unit_test(server__sends_late_answer_when_other_thread_gives_it),
        cmocka_unit_test(server__drops_late_answer_when_client_has_gone),
        cmocka_unit_test(server__loses_no_late_answer_when_thousands_race),
        cmocka_unit_test(server__cuts_off_client_when_it_drips),
        cmocka_unit_test(server__cuts_off_client_when_it_does_not_read),
        cmocka_unit_test(server__cuts_off_client_when_its_trailer_fills_the_memory),
        cmocka_unit_test_setup_teardown(
            server__takes_connections_again_when_descriptors_were_used_up, note_descriptors,
            free_descriptors),
        cmocka_unit_test_setup_teardown(
            server__takes_client_in_place_of_idle_one_when_descriptors_are_used_up,
            note_descriptors, free_descriptors),
        cmocka_unit_test(server__sends_large_answer_when_client_reads),
        cmocka_unit_test(server__closes_connection_when_it_is_idle),
        cmocka_unit_test(server__closes_connection_when_client_ends_it_with_its_request),
        cmocka_unit_test(server__waits_for_handler_when_it_keeps_a_request_past_the_timeout),
        cmocka_unit_test(server__serves_waiting_connection_when_one_of_the_allowed_closes),
        cmocka_unit_test(http_server_open__says_so_when_port_is_in_use),
        cmocka_unit_test(http_server_open__refuses_address_when_it_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
