/* Kept requests: who continues them, and when and where they are answered. */
#include "fixture.h"

enum { N_CLIENTS = 100 };

/* What the answers of a test have in common. */
struct desk {
    struct fixture fixture;
    struct client clients[N_CLIENTS];
    pthread_t thread; /* that answered last */
    bool is_held;     /* answers wait until it is not */
    unsigned n_waiting, n_answered;
    size_t answered[N_CLIENTS]; /* numbers, in the order of the answers */
};

/* An answer, with its number. */
struct late_answer {
    struct desk *desk;
    struct http_request *request;
    size_t number;
};

static void desk_open(struct desk *desk) {
    memset(desk, 0, sizeof *desk);
    fixture_start(&desk->fixture);
    for (size_t i = 0; i < N_CLIENTS; i++)
        client_open(&desk->clients[i], &desk->fixture);
}

static void desk_close(struct desk *desk) {
    desk->fixture.n_kept = 0;
    fixture_stop(&desk->fixture);
    for (size_t i = 0; i < N_CLIENTS; i++)
        client_close(&desk->clients[i]);
}

/* Has a request kept on each connection. */
static void keep_all(struct desk *desk) {
    for (size_t i = 0; i < N_CLIENTS; i++)
        client_send(&desk->clients[i], LATER);
    wait_for(&desk->fixture, &desk->fixture.n_handled, N_CLIENTS);
}

static void expect_all(struct desk *desk) {
    for (size_t i = 0; i < N_CLIENTS; i++)
        client_expect(&desk->clients[i], "", 200);
}

static void answer_numbered(void *context) {
    struct late_answer *late = context;
    struct desk *desk = late->desk;
    struct fixture *fixture = &desk->fixture;
    pthread_mutex_lock(&fixture->lock);
    desk->n_waiting++;
    pthread_cond_broadcast(&fixture->changed);
    while (desk->is_held)
        pthread_cond_wait(&fixture->changed, &fixture->lock);
    desk->thread = pthread_self();
    desk->answered[desk->n_answered++] = late->number;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
    answer_text(late->request, "numbered");
    free(late);
}

static void continue_numbered(struct desk *desk, size_t number) {
    struct late_answer *late = malloc(sizeof *late);
    assert_non_null(late);
    *late = (struct late_answer){desk, desk->fixture.kept[number], number};
    http_request_continue(late->request, answer_numbered, late);
}

static void hold(struct desk *desk, bool is_held) {
    pthread_mutex_lock(&desk->fixture.lock);
    desk->is_held = is_held;
    pthread_cond_broadcast(&desk->fixture.changed);
    pthread_mutex_unlock(&desk->fixture.lock);
}

static void note_thread(void *service, struct http_request *request) {
    *(pthread_t *)service = pthread_self();
    answer_text(request, "noted");
}

static void continue__answers_in_thread_of_handlers(void **state) {
    (void)state;
    static const struct http_route route = {"GET", "/thread", note_thread};
    static struct desk desk;
    pthread_t handlers;
    struct error err;
    memset(&desk, 0, sizeof desk);
    fixture_init(&desk.fixture);
    const struct http_routes tables[] = {
        {&route, 1, &handlers},
        {fixture_routes, sizeof fixture_routes / sizeof *fixture_routes, &desk.fixture},
    };
    assert_int_equal(http_server_open(&desk.fixture.config, tables, 2, &desk.fixture.server, &err),
                     OK);
    client_open(&desk.clients[0], &desk.fixture);
    client_expect(&desk.clients[0], "GET /thread HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    client_send(&desk.clients[0], LATER);
    wait_for(&desk.fixture, &desk.fixture.n_handled, 1);

    continue_numbered(&desk, 0);

    client_expect(&desk.clients[0], "", 200);
    assert_true(pthread_equal(desk.thread, handlers));
    assert_false(pthread_equal(desk.thread, pthread_self()));
    client_close(&desk.clients[0]);
    desk.fixture.n_kept = 0;
    fixture_stop(&desk.fixture);
}

static void continue__answers_in_order_of_calls(void **state) {
    (void)state;
    static struct desk desk;
    desk_open(&desk);
    keep_all(&desk);

    for (size_t i = 0; i < N_CLIENTS; i++)
        continue_numbered(&desk, i);

    expect_all(&desk);
    for (size_t i = 0; i < N_CLIENTS; i++)
        assert_int_equal(desk.answered[i], i);
    desk_close(&desk);
}

static void continue__keeps_order_when_calls_come_while_answers_are_made(void **state) {
    (void)state;
    static struct desk desk;
    desk_open(&desk);
    keep_all(&desk);
    hold(&desk, true);
    continue_numbered(&desk, 0);
    wait_for(&desk.fixture, &desk.n_waiting, 1);

    for (size_t i = 1; i < N_CLIENTS; i++)
        continue_numbered(&desk, i);
    hold(&desk, false);

    expect_all(&desk);
    for (size_t i = 0; i < N_CLIENTS; i++)
        assert_int_equal(desk.answered[i], i);
    desk_close(&desk);
}

static void continue_before_return(void *service, struct http_request *request) {
    (void)service;
    continue_late(request);
}

static void continue__answers_when_handler_itself_calls_it(void **state) {
    (void)state;
    static const struct http_route route = {"POST", "/later", continue_before_return};
    const struct http_routes table = {&route, 1, NULL};
    struct fixture fixture;
    struct client client;
    struct error err;
    fixture_init(&fixture);
    assert_int_equal(http_server_open(&fixture.config, &table, 1, &fixture.server, &err), OK);
    client_open(&client, &fixture);

    client_expect(&client, LATER LATER, 200);

    client_expect(&client, "", 200);
    client_close(&client);
    fixture_stop(&fixture);
}

/* However the client's end falls among its requests and their answers. */
static void continue__lets_connection_close_when_client_ends_it(void **state) {
    (void)state;
    static const char *const texts[] = {LATER, LATER LATER, LATER PING, PING LATER};
    static const struct http_route routes[] = {
        {"POST", "/later", continue_before_return},
        {"GET", "/ping", handle_ping},
    };
    struct fixture fixture;
    struct error err;
    fixture_init(&fixture);
    const struct http_routes table = {routes, 2, &fixture};
    assert_int_equal(http_server_open(&fixture.config, &table, 1, &fixture.server, &err), OK);
    for (size_t i = 0; i < 1000; i++) {
        struct client client;
        struct timespec pause = {.tv_nsec = (long)(i % 100) * 2000};
        client_open(&client, &fixture);

        client_send(&client, texts[i % 4]);
        nanosleep(&pause, NULL);
        shutdown(client.fd, SHUT_WR);

        client_wait_until_closed(&client);
        client_close(&client);
    }
    fixture_stop(&fixture);
}

/* A thread of several that continue requests at once: every fourth is its own. */
struct continuer {
    struct desk *desk;
    size_t first;
};

enum { N_CONTINUERS = 4 };

static void *continue_own(void *cls) {
    const struct continuer *continuer = cls;
    for (size_t i = continuer->first; i < N_CLIENTS; i += N_CONTINUERS)
        continue_numbered(continuer->desk, i);
    return NULL;
}

static void race(struct desk *desk) {
    struct continuer continuers[N_CONTINUERS];
    pthread_t threads[N_CONTINUERS];
    for (size_t i = 0; i < N_CONTINUERS; i++) {
        continuers[i] = (struct continuer){desk, i};
        assert_int_equal(pthread_create(&threads[i], NULL, continue_own, &continuers[i]), 0);
    }
    for (size_t i = 0; i < N_CONTINUERS; i++)
        pthread_join(threads[i], NULL);
}

static void assert_each_thread_kept_its_order(const struct desk *desk) {
    size_t next[N_CONTINUERS];
    for (size_t i = 0; i < N_CONTINUERS; i++)
        next[i] = i;
    for (size_t i = 0; i < N_CLIENTS; i++) {
        size_t number = desk->answered[i];
        assert_int_equal(number, next[number % N_CONTINUERS]);
        next[number % N_CONTINUERS] += N_CONTINUERS;
    }
}

static void continue__loses_none_when_threads_race(void **state) {
    (void)state;
    static struct desk desk;
    desk_open(&desk);
    for (int round = 0; round < 20; round++) {
        desk.fixture.n_kept = desk.fixture.n_handled = 0;
        desk.n_answered = 0;
        keep_all(&desk);

        race(&desk);

        expect_all(&desk);
        assert_int_equal(desk.n_answered, N_CLIENTS);
        assert_each_thread_kept_its_order(&desk);
    }
    desk_close(&desk);
}

/* Closes so that the server meets an error, not an end. */
static void client_reset(struct client *client) {
    const struct linger at_once = {.l_onoff = 1};
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    client_close(client);
}

static void continue__calls_answer_when_client_has_gone(void **state) {
    (void)state;
    static struct desk desk;
    struct error err = {""};
    desk_open(&desk);
    keep_all(&desk);
    for (size_t i = 0; i < N_CLIENTS; i++)
        client_reset(&desk.clients[i]);

    for (size_t i = 0; i < N_CLIENTS; i++)
        continue_numbered(&desk, i);

    wait_for(&desk.fixture, &desk.n_answered, N_CLIENTS);
    assert_int_equal(http_server_drain(desk.fixture.server, PATIENCE_MS, &err), OK);
    assert_int_equal(desk.n_answered, N_CLIENTS);
    http_server_close(desk.fixture.server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(continue__answers_in_thread_of_handlers),
        cmocka_unit_test(continue__answers_in_order_of_calls),
        cmocka_unit_test(continue__keeps_order_when_calls_come_while_answers_are_made),
        cmocka_unit_test(continue__answers_when_handler_itself_calls_it),
        cmocka_unit_test(continue__lets_connection_close_when_client_ends_it),
        cmocka_unit_test(continue__loses_none_when_threads_race),
        cmocka_unit_test(continue__calls_answer_when_client_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
