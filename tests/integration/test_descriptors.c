/* The file descriptors of a service are used up: what it has taken is answered
 * and kept, and it goes on by itself when there are some again. */
#include "support/auditor.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { N_CROWD = 60, N_FREE = 8, N_ORDERS = 10, ANSWER_TIMEOUT_S = 20 };

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static int open_shop(void **state) {
    struct shop *shop = shop_open(BROKER_GOES_AWAY);
    *state = shop;
    shop_start(shop, EVERY_SERVICE);
    shop_wait_ready(shop, EVERY_SERVICE);
    return 0;
}

static rlim_t n_descriptors(struct process *process) {
    const char *path = scratch_printf("/proc/%d/fd", (int)process_pid(process));
    DIR *folder = opendir(path);
    rlim_t n = 0;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n;
}

static void limit_descriptors(struct process *process, rlim_t n) {
    struct rlimit limit;
    assert_int_equal(prlimit(process_pid(process), RLIMIT_NOFILE, NULL, &limit), 0);
    limit.rlim_cur = n;
    assert_int_equal(prlimit(process_pid(process), RLIMIT_NOFILE, &limit, NULL), 0);
}

/* Connections that a test holds open; they are closed with it. */
static void close_connection(void *fd) {
    int *open_fd = fd;
    if (*open_fd >= 0)
        close(*open_fd);
    *open_fd = -1;
}

static int *connect_to(struct shop *shop, enum shop_service service) {
    const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)shop_port(shop, service)),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int *fd = scratch_alloc(sizeof *fd);
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(*fd, (const struct sockaddr *)&address, sizeof address), 0);
    setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    scratch_keep(fd, close_connection);
    return fd;
}

static void say(int fd, const char *text) {
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* The status of the answer; the connection stays open. */
static int hear(int fd) {
    char answer[8192];
    ssize_t n = recv(fd, answer, sizeof answer - 1, 0);
    assert_true(n > 12);
    answer[n] = '\0';
    return atoi(answer + strlen("HTTP/1.1 "));
}

static int order_on(int fd, const char *order) {
    say(fd, scratch_printf("POST /orders HTTP/1.1\r\nHost: localhost\r\n"
                           "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                           strlen(order), order));
    return hear(fd);
}

struct crowd {
    int *regular; /* was there before the others, and was answered last: while clients
                   * wait, they get the places of the longest idle connections */
    int *others[N_CROWD];
};

/* Leaves the service as many descriptors as it has now, with its connections to
 * Kafka, and a few. */
static rlim_t leave_few(struct shop *shop, enum shop_service service) {
    struct process *process = shop_process(shop, service);
    rlim_t max = n_descriptors(process) + N_FREE;
    limit_descriptors(process, max);
    return max;
}

/* Has more clients come than there are descriptors left. */
static struct crowd fill_up(struct shop *shop, enum shop_service service, rlim_t max) {
    struct crowd crowd = {.regular = connect_to(shop, service)};
    say(*crowd.regular, "GET /healthz HTTP/1.1\r\n");
    for (int i = 0; i < N_CROWD; i++)
        crowd.others[i] = connect_to(shop, service);
    /* Some may have numbers above the limit, from before there was one. */
    assert_soon(n_descriptors(shop_process(shop, service)) >= max);
    say(*crowd.regular, "Host: localhost\r\n\r\n");
    assert_int_equal(hear(*crowd.regular), 200);
    return crowd;
}

static void disperse(struct crowd *crowd) {
    for (int i = 0; i < N_CROWD; i++)
        close_connection(crowd->others[i]);
}

static void order_in_the_crowd(const struct crowd *crowd) {
    for (int i = 0; i < N_ORDERS; i++) {
        const char *order = load_order(scratch_printf("CROWDED-%d", i));
        assert_int_equal(order_on(*crowd->regular, order), 201);
    }
}

static void order_service__stores_and_answers_when_descriptors_are_used_up(void **state) {
    struct shop *shop = *state;
    struct crowd crowd = fill_up(shop, ORDER, leave_few(shop, ORDER));
    order_in_the_crowd(&crowd);
    wait_for_effects(shop, INVENTORY, N_ORDERS);

    disperse(&crowd);

    order_many(shop, "AFTER", N_ORDERS);
    assert_int_equal(audit_shop(shop), 2 * N_ORDERS);
}

static void
order_service__publishes_when_kafka_came_back_and_descriptors_are_free_again(void **state) {
    struct shop *shop = *state;
    rlim_t max = leave_few(shop, ORDER);
    broker_take_down(shop_broker(shop));
    struct crowd crowd = fill_up(shop, ORDER, max);
    order_in_the_crowd(&crowd);
    broker_bring_up(shop_broker(shop));

    disperse(&crowd);

    assert_int_equal(audit_shop(shop), N_ORDERS);
}

static void
inventory_service__consumes_when_kafka_came_back_and_descriptors_are_free_again(void **state) {
    struct shop *shop = *state;
    order_many(shop, "BEFORE", N_ORDERS);
    wait_for_effects(shop, INVENTORY, N_ORDERS);
    rlim_t max = leave_few(shop, INVENTORY);
    broker_take_down(shop_broker(shop));
    struct crowd crowd = fill_up(shop, INVENTORY, max);
    order_many(shop, "AWAY", N_ORDERS);
    broker_bring_up(shop_broker(shop));

    disperse(&crowd);

    assert_int_equal(audit_shop(shop), 2 * N_ORDERS);
}

/* Starts the order-service by itself, with at most so many open files. */
static struct process *start_limited(struct shop *shop, int max) {
    const char *folder = getenv("BIN_DIR");
    const char *const argv[] = {"/usr/bin/prlimit", scratch_printf("--nofile=%d:%d", max, max),
                                scratch_printf("%s/order-service", folder ? folder : "build/bin"),
                                NULL};
    const char *const settings[] = {
        scratch_printf("DATA_DIR=%s/limited", shop_folder(shop)),
        scratch_printf("KAFKA_BROKERS=%s", broker_address(shop_broker(shop))), "HTTP_PORT=0", NULL};
    struct process *process =
        process_start(argv, settings, scratch_printf("%s/limited-%d", shop_folder(shop), max));
    scratch_keep(process, (void (*)(void *))process_free);
    return process;
}

static int open_bare_shop(void **state) {
    *state = shop_open(BROKER_STEADY);
    return 0;
}

static void start__refuses_when_too_few_descriptors_are_allowed(void **state) {
    struct process *process = start_limited(*state, 40);

    assert_int_equal(process_wait(process, WAIT_TIMEOUT_MS), 1);

    assert_non_null(strstr(process_stderr(process), "only 40 open files are allowed"));
    assert_int_equal(occurrences(process_stderr(process), "\n"), 1);
}

static void start__takes_fewer_connections_when_few_descriptors_are_allowed(void **state) {
    struct process *process = start_limited(*state, 200);

    assert_soon(strstr(process_stderr(process), "listens on") || !process_is_running(process));

    assert_true(process_is_running(process));
    assert_non_null(strstr(process_stderr(process), "at most 100 HTTP connections"));
}

#define test_in_shop(test) cmocka_unit_test_setup_teardown(test, open_shop, close_shop)
#define test_in_bare_shop(test) cmocka_unit_test_setup_teardown(test, open_bare_shop, close_shop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test_in_shop(order_service__stores_and_answers_when_descriptors_are_used_up),
        test_in_shop(order_service__publishes_when_kafka_came_back_and_descriptors_are_free_again),
        test_in_shop(
            inventory_service__consumes_when_kafka_came_back_and_descriptors_are_free_again),
        test_in_bare_shop(start__refuses_when_too_few_descriptors_are_allowed),
        test_in_bare_shop(start__takes_fewer_connections_when_few_descriptors_are_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
