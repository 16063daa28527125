#include "support/http_raw.h"

#include "base/strbuf.h"
#include "support/exchange_log.h"
#include "support/scratch.h"
#include "support/testing.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { TIMEOUT_S = 10 };

struct http_raw {
    int fd, port;
    struct strbuf in;
};

static void raw_close(void *context) {
    struct http_raw *client = context;
    close(client->fd);
    strbuf_release(&client->in);
    free(client);
}

struct http_raw *http_raw_open(int port) {
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    struct http_raw *client = calloc(1, sizeof *client);
    if (!client)
        abort();
    client->port = port;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strbuf_init(&client->in);
    scratch_keep(client, raw_close);
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    assert_int_equal(connect(client->fd, (const struct sockaddr *)&address, sizeof address), 0);
    return client;
}

void http_raw_send(struct http_raw *client, const char *text) {
    assert_int_equal(send(client->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static struct http_answer answer_of(const struct strbuf *in) {
    struct http_answer answer = {.error = "no whole answer", .headers = "", .body = ""};
    const char *end = strstr(in->data, "\r\n\r\n");
    if (!end || sscanf(in->data, "HTTP/1.%*d %d", &answer.status) != 1)
        return answer;
    size_t n_headers = (size_t)(end - in->data) + strlen("\r\n\r\n");
    answer.headers = scratch_printf("%.*s", (int)n_headers, in->data);
    answer.body = scratch_printf("%s", in->data + n_headers);
    return answer;
}

struct http_answer http_raw_end(struct http_raw *client, const char *method, const char *target) {
    char chunk[4096];
    ssize_t n;
    while ((n = recv(client->fd, chunk, sizeof chunk, 0)) > 0)
        strbuf_add(&client->in, chunk, (size_t)n);
    if (n < 0)
        fail_msg("%s %s: the connection was not closed: %s", method, target, client->in.data);
    const struct http_answer answer = answer_of(&client->in);
    exchange_log_add(&(struct exchange){
        .status = answer.status,
        .method = method,
        .url = scratch_printf("http://127.0.0.1:%d%s", client->port, target),
        .request_headers = "",
        .answer_headers = answer.headers,
        .answer = answer.body,
        .answer_len = strlen(answer.body),
    });
    return answer;
}
