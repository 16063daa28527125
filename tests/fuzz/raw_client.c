#include "fuzz/raw_client.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_TIMEOUT_MS = 8000 };

/* libFuzzer's timer interrupts calls. */
static bool wait_for(int fd, short events, int timeout_ms) {
    struct pollfd poll_fd = {.fd = fd, .events = events};
    int64_t due_ms = clock_monotonic_ms() + timeout_ms;
    int64_t left_ms = timeout_ms;
    int n_ready = -1;
    while (n_ready < 0 && left_ms >= 0) {
        n_ready = poll(&poll_fd, 1, (int)left_ms);
        left_ms = due_ms - clock_monotonic_ms();
    }
    return n_ready == 1;
}

void raw_client_open(struct raw_client *client, uint16_t port) {
    const struct sockaddr_in name = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const struct linger reset = {.l_onoff = 1};
    const int on = 1;
    *client = (struct raw_client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert(client->fd >= 0);
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    /* An interrupted connect goes on. */
    if (connect(client->fd, (const struct sockaddr *)&name, sizeof name) != 0)
        assert(errno == EINTR && wait_for(client->fd, POLLOUT, ANSWER_TIMEOUT_MS));
    strbuf_init(&client->in);
}

void raw_client_close(struct raw_client *client) {
    close(client->fd);
    strbuf_release(&client->in);
}

void raw_client_send(const struct raw_client *client, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t sent = send(client->fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return;
        bytes += sent;
        n -= (size_t)sent;
    }
}

void raw_client_receive_rest(struct raw_client *client) {
    while (!client->has_ended && wait_for(client->fd, POLLIN, 0))
        raw_client_receive(client);
}

bool raw_client_receive(struct raw_client *client) {
    char bytes[16 * 1024];
    assert(wait_for(client->fd, POLLIN, ANSWER_TIMEOUT_MS) &&
           "the server neither answers nor closes");
    ssize_t n = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0)
        strbuf_add(&client->in, bytes, (size_t)n);
    client->has_ended = n <= 0;
    return n > 0;
}

struct bytes raw_client_unread(const struct raw_client *client) {
    return (struct bytes){client->in.data + client->at, client->in.len - client->at};
}

/* RFC 9112, section 4. */
static int read_status(struct bytes line) {
    const char *text = line.data;
    assert(line.len >= strlen("HTTP/1.1 200 ") && memcmp(text, "HTTP/1.1 ", 9) == 0);
    uint64_t status;
    assert(http_read_number((struct bytes){text + 9, 3}, &status) && text[12] == ' ');
    return (int)status;
}

bool raw_client_read_head(struct raw_client *client, struct http_answer *out) {
    enum reading reading;
    while ((reading = http_read_head(raw_client_unread(client), &out->head)) == READ_CUT) {
        if (client->has_ended || !raw_client_receive(client)) {
            assert(raw_client_unread(client).len == 0);
            return false;
        }
    }
    assert(reading == READ_WHOLE && !memchr(raw_client_unread(client).data, '\0', out->head.size));
    out->status = read_status(out->head.line);
    return true;
}

bool raw_client_take_answer(struct raw_client *client, bool has_body, struct http_answer *out) {
    if (!raw_client_read_head(client, out))
        return false;
    if (out->status == 100) {
        client->at += out->head.size;
        return true;
    }
    uint64_t len;
    struct bytes length = http_find_field(&out->head, "Content-Length");
    assert(length.data && http_read_number(length, &len));
    assert(http_count_fields(&out->head, "Transfer-Encoding") == 0);
    size_t size = out->head.size + (has_body ? len : 0);
    while (raw_client_unread(client).len < size)
        assert(raw_client_receive(client));
    http_read_head(raw_client_unread(client), &out->head); /* where it is now */
    out->body.data = client->in.data + client->at + out->head.size;
    out->body.len = size - out->head.size;
    client->at += size;
    return true;
}
