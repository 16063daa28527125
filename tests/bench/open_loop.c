/*
 * open_loop PORT RATE SECONDS CONNECTIONS PREFIX: orders at a fixed rate,
 * whatever the service does. Each order has a moment at which it is meant to be
 * sent, and its latency runs from that moment: one that had to wait for a free
 * connection has waited (coordinated omission). Prints a line of JSON.
 *
 * Of the load generators in Debian, wrk and ab send the next request when the
 * last was answered, and those with a rate (h2load, hey) measure from the moment
 * at which a late request was sent at last.
 */
#include "bench/sample_order.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1024, ANSWER_MAX = 16384, LAST_ANSWERS_S = 60 };
#define NS_A_SECOND INT64_C(1000000000)

struct connection {
    int fd;
    int64_t intended_ns;
    size_t len; /* of the answer, as far as it is here */
    char answer[ANSWER_MAX + 1];
};

struct run {
    const char *prefix;
    int64_t began_ns, interval_ns;
    size_t n_orders, n_sent, n_answered, n_refused;
    size_t n_connections, n_idle;
    struct connection *connections;
    struct connection *idle[CONNECTIONS_MAX];
    int32_t *latencies_us;
    int epoll_fd;
    struct strbuf body, request;
};

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_A_SECOND + now.tv_nsec;
}

static void fail(const char *what) {
    fprintf(stderr, "open_loop: ");
    perror(what);
    exit(1);
}

static void connect_all(struct run *run, uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (size_t i = 0; i < run->n_connections; i++) {
        struct connection *connection = &run->connections[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        int at_once = 1;
        connection->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connection->fd < 0 ||
            connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0)
            fail("connect");
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
        if (epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0)
            fail("epoll_ctl");
        run->idle[run->n_idle++] = connection;
    }
}

static int64_t intended_ns(const struct run *run, size_t order) {
    return run->began_ns + (int64_t)order * run->interval_ns;
}

static void send_next(struct run *run) {
    struct connection *connection = run->idle[--run->n_idle];
    strbuf_reset(&run->body);
    strbuf_reset(&run->request);
    sample_order_body(run->prefix, run->n_sent, &run->body);
    strbuf_printf(&run->request,
                  "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  "Content-Length: %zu\r\n\r\n",
                  run->body.len);
    strbuf_add(&run->request, run->body.data, run->body.len);
    connection->intended_ns = intended_ns(run, run->n_sent);
    connection->len = 0;
    run->n_sent++;
    if (send(connection->fd, run->request.data, run->request.len, MSG_NOSIGNAL) !=
        (ssize_t)run->request.len)
        fail("send");
}

/* Is the answer complete? */
static bool is_complete(const struct connection *connection) {
    const char *end = strstr(connection->answer, "\r\n\r\n");
    const char *length = strcasestr(connection->answer, "\r\nContent-Length:");
    if (!end || !length || length > end)
        return false;
    return connection->len >=
           (size_t)(end + 4 - connection->answer) + strtoul(length + 17, NULL, 10);
}

static void receive(struct run *run, struct connection *connection) {
    ssize_t n =
        recv(connection->fd, connection->answer + connection->len, ANSWER_MAX - connection->len, 0);
    if (n <= 0) {
        fprintf(stderr, "open_loop: the service has closed a connection\n");
        exit(1);
    }
    connection->len += (size_t)n;
    connection->answer[connection->len] = '\0';
    if (!is_complete(connection))
        return;
    run->n_refused += strncmp(connection->answer, "HTTP/1.1 201", 12) != 0;
    run->latencies_us[run->n_answered++] = (int32_t)((now_ns() - connection->intended_ns) / 1000);
    run->idle[run->n_idle++] = connection;
}

/* Until an answer comes or the next order is due. */
static void wait_and_receive(struct run *run) {
    struct epoll_event events[64];
    int64_t until = NS_A_SECOND;
    if (run->n_sent < run->n_orders && run->n_idle > 0)
        until = intended_ns(run, run->n_sent) - now_ns();
    if (until < 0)
        until = 0;
    const struct timespec timeout = {until / NS_A_SECOND, until % NS_A_SECOND};
    int n = epoll_pwait2(run->epoll_fd, events, 64, &timeout, NULL);
    for (int i = 0; i < n; i++)
        receive(run, events[i].data.ptr);
}

static void run_all(struct run *run) {
    run->began_ns = now_ns();
    int64_t deadline = intended_ns(run, run->n_orders) + LAST_ANSWERS_S * NS_A_SECOND;
    while (run->n_answered < run->n_orders && now_ns() < deadline) {
        while (run->n_idle > 0 && run->n_sent < run->n_orders &&
               intended_ns(run, run->n_sent) <= now_ns())
            send_next(run);
        wait_and_receive(run);
    }
}

static int compare(const void *a, const void *b) {
    const int32_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static double percentile_ms(const struct run *run, double share) {
    size_t at = (size_t)(share * (double)(run->n_answered - 1) + 0.5);
    return run->latencies_us[at] / 1000.0;
}

static void print_result(struct run *run) {
    double seconds = (double)(now_ns() - run->began_ns) / 1e9;
    qsort(run->latencies_us, run->n_answered, sizeof *run->latencies_us, compare);
    printf("{\"seconds\": %f, \"requests\": %zu, \"refused\": %zu, \"failed\": %zu, "
           "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f}\n",
           seconds, run->n_answered, run->n_refused, run->n_orders - run->n_answered,
           percentile_ms(run, 0.5), percentile_ms(run, 0.99), percentile_ms(run, 0.999));
}

int main(int argc, char **argv) {
    struct run run = {.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    long rate = argc == 6 ? atol(argv[2]) : 0;
    double duration_s = argc == 6 ? atof(argv[3]) : 0;
    run.n_connections = argc == 6 ? strtoul(argv[4], NULL, 10) : 0;
    run.n_orders = (size_t)((double)rate * duration_s);
    if (run.n_orders == 0 || run.n_connections < 1 || run.n_connections > CONNECTIONS_MAX) {
        fputs("usage: open_loop PORT RATE SECONDS CONNECTIONS PREFIX\n", stderr);
        return 2;
    }
    run.prefix = argv[5];
    run.interval_ns = NS_A_SECOND / rate;
    run.connections = calloc(run.n_connections, sizeof *run.connections);
    run.latencies_us = calloc(run.n_orders, sizeof *run.latencies_us);
    if (!run.connections || !run.latencies_us || run.epoll_fd < 0)
        fail("start");
    strbuf_init(&run.body);
    strbuf_init(&run.request);
    connect_all(&run, (uint16_t)atoi(argv[1]));
    run_all(&run);
    if (run.n_answered == 0) {
        fputs("open_loop: nothing was answered\n", stderr);
        return 1;
    }
    print_result(&run);
    return 0;
}
