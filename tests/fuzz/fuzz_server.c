/*
 * All that a client sends on one connection, to the order-service's handlers
 * through the real server; libmicrohttpd itself is not instrumented.
 *
 * The bytes are read a second time, by http_text.h. What that finds whole and
 * clear has to reach its handler as it was sent, in its order, and to be
 * answered; nothing else may reach one.
 */
#include "event/codec.h"
#include "fuzz/answer_rules.h"
#include "fuzz/expectation.h"
#include "fuzz/fuzz.h"
#include "fuzz/order_service.h"
#include "fuzz/raw_client.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    INPUT_MAX = 32 * 1024, /* fits into the sockets' buffers */
    NAME_SIZE = 256,
    HOUR_MS = 3600 * 1000,
    /* A connection that only the server can end has to be free again before
     * raw_client.h loses patience. */
    REQUEST_TIMEOUT_MS = 5000,
    N_EVENTS = 3, /* that a stream has for the client */
};

static struct http_server *server;
static struct expectation input;

/* What handlers find here. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t n_met; /* of the expected requests */
static atomic_bool has_left, has_orders;
static atomic_int n_streams;

static void check_target(const struct http_request *request,
                         const struct expected_request *expected) {
    const struct target *target = &expected->target;
    assert(strcmp(http_request_path(request), target->path) == 0);
    for (size_t i = 0; i < target->n_fields; i++) {
        const char *name = target->fields[i].name;
        assert(strcmp(http_request_query(request, name), target_query(target, name)) == 0);
    }
    static const char *const parameters[] = {"orderId", "productId"};
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        const char *value = http_request_parameter(request, parameters[i]);
        assert(!value || strcmp(value, target->segments[1]) == 0);
    }
}

static void check_fields(const struct http_request *request,
                         const struct expected_request *expected) {
    const struct http_head *head = &expected->sent.head;
    for (size_t i = 0; i < head->n_fields; i++) {
        char name[NAME_SIZE];
        struct bytes sent = head->fields[i].name;
        if (sent.len >= sizeof name)
            continue;
        memcpy(name, sent.data, sent.len);
        name[sent.len] = '\0';
        const char *value = http_request_header(request, name);
        assert(value && http_bytes_are(http_find_field(head, name), value));
    }
}

/* Every handler begins with this: the request is the next one that was sent. */
static void meet(const struct http_request *request, http_handler *handle) {
    size_t len;
    const char *body = http_request_body(request, &len);
    if (http_request_header(request, SYNC_FIELD))
        return;
    pthread_mutex_lock(&lock);
    while (n_met < input.n_requests &&
           (input.requests[n_met].status != 0 || input.requests[n_met].is_sync))
        n_met++;
    assert(n_met < input.n_requests);
    struct expected_request *expected = &input.requests[n_met++];
    expected->is_met = true;
    pthread_mutex_unlock(&lock);

    assert(expected->route->handle == handle);
    assert(len == expected->sent.body.len && memcmp(body, expected->sent.body.data, len) == 0);
    check_target(request, expected);
    check_fields(request, expected);
}

static void take_order(void *service, struct http_request *request) {
    meet(request, take_order);
    atomic_store(&has_orders, true);
    handle_checkout(service, request);
}

static void get_order(void *service, struct http_request *request) {
    meet(request, get_order);
    handle_get_order(service, request);
}

static void list_orders(void *service, struct http_request *request) {
    meet(request, list_orders);
    handle_list_orders(service, request);
}

static void get_product(void *service, struct http_request *request) {
    meet(request, get_product);
    handle_get_product(service, request);
}

static void list_products(void *service, struct http_request *request) {
    meet(request, list_products);
    handle_list_products(service, request);
}

/* The last one is more than libmicrohttpd can send at once. */
static void add_event(int number, struct strbuf *out) {
    static const int widths[N_EVENTS] = {1, 100, 10000};
    strbuf_printf(out, "data: %0*d\n\n", widths[number % N_EVENTS], number);
}

static enum status next_events(void *state, struct strbuf *out, struct error *err) {
    int *n_sent = state;
    (void)err;
    if (*n_sent < N_EVENTS || atomic_load(&has_left)) /* whom it is sent to in vain */
        add_event((*n_sent)++, out);
    return OK;
}

static void close_stream(void *state) {
    free(state);
    atomic_fetch_sub(&n_streams, 1);
}

static void stream_events(void *service, struct http_request *request) {
    (void)service;
    meet(request, stream_events);
    int *n_sent = calloc(1, sizeof *n_sent);
    assert(n_sent);
    atomic_fetch_add(&n_streams, 1);
    http_respond_stream(request, &(struct http_stream){next_events, close_stream, n_sent});
}

static const char stream_path[] = "/actions/stream";

/* The paths of the order-service, and one of the logging-service. */
static const struct http_route routes[] = {
    {"POST", "/orders", take_order},     {"POST", "/", take_order},
    {"GET", "/orders", list_orders},     {"GET", "/orders/{orderId}", get_order},
    {"GET", "/products", list_products}, {"GET", "/products/{productId}", get_product},
    {"GET", stream_path, stream_events},
};
static struct http_routes table = {routes, sizeof routes / sizeof routes[0], NULL};

/* Two connections: one for the input, and one that sync_with_server keeps. */
static void open_server(void) {
    const struct http_config config = {
        .address = "127.0.0.1",
        .body_max = EXPECTED_BODY_MAX,
        .connections_max = 2,
        .request_timeout_ms = REQUEST_TIMEOUT_MS,
        .idle_timeout_ms = HOUR_MS,
        .stream_alive_ms = HOUR_MS,
    };
    struct error err;
    table.context = order_service();
    assert(http_server_open(&config, &table, 1, &server, &err) == OK);
}

static bool is_json(const struct http_sent *sent) {
    static const char json[] = "application/json";
    struct bytes type = http_find_field(&sent->head, "Content-Type");
    size_t len = strlen(json);
    if (type.len < len || !http_bytes_are_like((struct bytes){type.data, len}, json))
        return false;
    const char *rest = type.data;
    while (len < type.len && (rest[len] == ' ' || rest[len] == '\t'))
        len++;
    return len == type.len || rest[len] == ';';
}

/* What the checkout's handler has to answer; 0: that depends on other orders. */
static int checkout_status(const struct http_sent *sent) {
    struct order order;
    struct contract_faults faults;
    if (!is_json(sent))
        return 415;
    if (order_decode(sent->body.data, sent->body.len, ORDER_REQUEST, &order, &faults) != OK)
        return faults.is_syntax ? 400 : 422;
    return 0;
}

static bool is_one_of(int status, const int *statuses) {
    while (*statuses != 0 && *statuses != status)
        statuses++;
    return *statuses != 0;
}

static void check_handled(const struct expected_request *expected,
                          const struct http_answer *answer) {
    static const int of_checkout[] = {200, 201, 409, 422, 0};
    static const int of_list[] = {200, 400, 0};
    static const int of_one[] = {200, 404, 0};
    http_handler *handle = expected->route->handle;
    int status = handle == take_order ? checkout_status(&expected->sent) : 0;
    assert(expected->is_met || expected->is_sync);
    if (status != 0)
        assert(answer->status == status);
    else if (handle == take_order)
        assert(is_one_of(answer->status, of_checkout));
    else
        assert(is_one_of(answer->status,
                         handle == list_orders || handle == list_products ? of_list : of_one));
    bool is_stored = handle == take_order && answer->status <= 201;
    assert(http_count_fields(&answer->head, "Location") == is_stored);
}

static void check_answer(const struct expected_request *expected,
                         const struct http_answer *answer) {
    answer_check_fields(answer);
    assert(answer_is_closing(answer) == expected->closes);
    assert(http_count_fields(&answer->head, "Allow") == (answer->status == 405));
    if (expected->status != 0)
        assert(answer->status == expected->status);
    else
        check_handled(expected, answer);
    if (expected->is_head)
        return;
    if (answer->status >= 400)
        answer_check_problem(answer);
    else
        answer_check_document(answer);
}

/*
 * Returns when the server has read what other clients had sent before. It may
 * answer the first request in the round in which it reads that, and before it:
 * the second one is in another round.
 */
static void sync_with_server(void) {
    static const char request[] =
        "GET /products/PRODUCT-123 HTTP/1.1\r\nHost: x\r\n" SYNC_FIELD ": 1\r\n\r\n";
    static struct raw_client client = {.fd = -1};
    struct http_answer answer;
    if (client.fd < 0)
        raw_client_open(&client, http_server_port(server));
    for (int i = 0; i < 2; i++) {
        strbuf_reset(&client.in);
        client.at = 0;
        raw_client_send(&client, request, sizeof request - 1);
        assert(raw_client_take_answer(&client, true, &answer));
        assert(answer.status == 200 && raw_client_unread(&client).len == 0);
    }
}

static void send_pieces(const struct raw_client *client) {
    size_t at = 0;
    for (size_t i = 0; i < input.n_pieces; i++) {
        raw_client_send(client, input.bytes.data + at, input.piece_ends[i] - at);
        at = input.piece_ends[i];
        if (i + 1 < input.n_pieces)
            sync_with_server();
    }
}

static void check_end(struct raw_client *client) {
    while (!client->has_ended)
        raw_client_receive(client);
    assert(raw_client_unread(client).len == 0);
}

/* What has come of a stream that does not end. */
static void read_content(const struct raw_client *client, bool is_chunked, struct strbuf *out) {
    struct bytes text = raw_client_unread(client), trailer;
    strbuf_reset(out);
    if (is_chunked)
        assert(http_read_chunks(text, out, &trailer) == READ_CUT);
    else
        strbuf_add(out, text.data, text.len);
}

/* Several pieces may come; libmicrohttpd sends each as a chunk. */
static void check_stream(struct raw_client *client, const struct expected_request *expected) {
    struct http_answer answer;
    struct strbuf content, events;
    assert(raw_client_read_head(client, &answer) && answer.status == 200);
    answer_check_fields(&answer);
    assert(answer_field_is(&answer, "Content-Type", "text/event-stream"));
    bool is_chunked = http_count_fields(&answer.head, "Transfer-Encoding") > 0;
    assert(is_chunked == !expected->sent.is_http_1_0);
    client->at += answer.head.size;
    strbuf_init(&content);
    strbuf_init(&events);
    for (int i = 0; i < N_EVENTS; i++)
        add_event(i, &events);
    read_content(client, is_chunked, &content);
    while (content.len < events.len) {
        assert(raw_client_receive(client));
        read_content(client, is_chunked, &content);
    }
    assert(strcmp(content.data, events.data) == 0);
    strbuf_release(&content);
    strbuf_release(&events);
}

/* An order that was answered with 200 or 201: where it is said to be, and what it is. */
static struct strbuf location, stored;

static void note_order(const struct http_answer *answer) {
    struct bytes field = http_find_field(&answer->head, "Location");
    if (!field.data)
        return;
    strbuf_reset(&location);
    strbuf_add(&location, field.data, field.len);
    strbuf_reset(&stored);
    strbuf_add(&stored, answer->body.data, answer->body.len);
}

/* libmicrohttpd sends the head of its page twice when it is a Content-Length or
 * a cookie that it cannot take; it closes the connection then. */
static void pass_over_doubled_head(struct raw_client *client) {
    struct http_head head;
    while (!client->has_ended)
        raw_client_receive(client);
    struct bytes text = raw_client_unread(client);
    if (http_read_head(text, &head) == READ_WHOLE && text.len >= 2 * head.size &&
        memcmp(text.data, (const char *)text.data + head.size, head.size) == 0)
        client->at += head.size;
}

/* Of a line that is too long, libmicrohttpd does not know that it begins with HEAD. */
static void check_refusal(struct raw_client *client, bool is_head) {
    struct http_answer answer;
    pass_over_doubled_head(client);
    bool is_there = raw_client_read_head(client, &answer);
    if (is_there && answer.status == 100) {
        client->at += answer.head.size;
        is_there = raw_client_read_head(client, &answer);
    }
    if (!is_there)
        return;
    bool has_body =
        !is_head || (answer.status == 414 && raw_client_unread(client).len > answer.head.size);
    assert(raw_client_take_answer(client, has_body, &answer));
    answer_check_refusal(&answer, has_body);
}

/* False: it was refused for its size, and the connection has ended; not even
 * with an answer, if there was no memory for its head. */
static bool check_expected(struct raw_client *client, const struct expected_request *expected) {
    struct http_answer answer;
    bool has_answer = raw_client_read_head(client, &answer);
    if (expected->is_large && !has_answer)
        return false;
    if (expected->is_large && answer_is_of_library(&answer) && answer_is_closing(&answer)) {
        check_refusal(client, expected->is_head);
        return false;
    }
    assert(raw_client_take_answer(client, !expected->is_head, &answer));
    if (answer.status == 100) {
        struct bytes expectation = http_find_field(&expected->sent.head, "Expect");
        assert(!expected->is_early && !expected->sent.is_http_1_0);
        assert(http_bytes_are_like(expectation, "100-continue"));
        assert(raw_client_take_answer(client, !expected->is_head, &answer) && answer.status != 100);
    }
    if (expected->is_large && answer_is_of_library(&answer)) {
        answer_check_refusal(&answer, !expected->is_head);
        return false;
    }
    check_answer(expected, &answer);
    note_order(&answer);
    return true;
}

/*
 * Neither need the server have read all of it when this looks, nor need it see
 * the client's end: connection.c says what libmicrohttpd forgets. But what it
 * refuses it has to end.
 */
static void check_cut(struct raw_client *client) {
    sync_with_server();
    shutdown(client->fd, SHUT_WR);
    sync_with_server();
    raw_client_receive_rest(client);
    struct bytes unread = raw_client_unread(client);
    bool is_refused = unread.len > 0 && !http_bytes_are(unread, "HTTP/1.1 100 Continue\r\n\r\n");
    if (is_refused || client->has_ended)
        check_refusal(client, input.rest_is_head);
}

static void check_answers(struct raw_client *client) {
    for (size_t i = 0; i < input.n_requests; i++) {
        bool is_last = i + 1 == input.n_requests;
        if (is_last && input.ending == ENDS_STREAM) {
            check_stream(client, &input.requests[i]);
            return;
        }
        if (!check_expected(client, &input.requests[i])) {
            check_end(client);
            return;
        }
    }
    if (input.ending == ENDS_CUT) {
        check_cut(client);
        return;
    }
    if (input.ending == ENDS_IDLE)
        shutdown(client->fd, SHUT_WR);
    if (input.ending == ENDS_REFUSED)
        check_refusal(client, input.rest_is_head);
    check_end(client);
}

/* The connection is free for another client, who can have the order that was stored. */
static void check_server_lives(void) {
    struct raw_client client;
    struct http_answer answer;
    struct strbuf request;
    strbuf_init(&request);
    strbuf_printf(&request,
                  "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" SYNC_FIELD ": 1\r\n\r\n",
                  location.len > 0 ? location.data : "/products");
    raw_client_open(&client, http_server_port(server));
    raw_client_send(&client, request.data, request.len);
    assert(raw_client_take_answer(&client, true, &answer) && answer.status == 200);
    if (location.len > 0)
        assert(http_bytes_are(answer.body, stored.data));
    check_end(&client);
    raw_client_close(&client);
    strbuf_release(&request);
}

/* A stream that waits for events learns with the next one that nobody reads it. */
static void leave(struct raw_client *client) {
    raw_client_close(client);
    if (!input.hangs_up && input.ending != ENDS_STREAM)
        return;
    sync_with_server();
    atomic_store(&has_left, true);
    http_server_notify(server);
}

static void begin_all(void) {
    strbuf_init(&location);
    strbuf_init(&stored);
    open_server();
}

static void begin_run(const uint8_t *data, size_t size) {
    strbuf_reset(&location);
    atomic_store(&has_left, false);
    pthread_mutex_lock(&lock);
    expectation_read(&input, data, size, &table, stream_path);
    n_met = 0;
    pthread_mutex_unlock(&lock);
}

static void end_run(void) {
    pthread_mutex_lock(&lock);
    expectation_release(&input);
    pthread_mutex_unlock(&lock);
    assert(atomic_load(&n_streams) == 0);
    if (atomic_exchange(&has_orders, false))
        order_service_forget();
}

void fuzz_server(const uint8_t *data, size_t size) {
    struct raw_client client;
    if (size > INPUT_MAX)
        return;
    if (!server)
        begin_all();
    begin_run(data, size);
    raw_client_open(&client, http_server_port(server));
    send_pieces(&client);
    if (!input.hangs_up)
        check_answers(&client);
    leave(&client);
    check_server_lives();
    end_run();
}
