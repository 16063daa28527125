#include "runtime/health.h"

#include "event/json.h"
#include "runtime/openapi.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { CHECK_TIMEOUT_S = 3 };

static const char *what_is_missing(const struct health *health) {
    if (atomic_load(&health->is_stopping))
        return "the service is stopping";
    if (atomic_load(&health->cannot_write))
        return "the database cannot be written now";
    if (!health->consumes)
        return NULL;
    const struct consume_once *consumer = atomic_load(&health->consumer);
    if (!consumer || !consume_once_is_ready(consumer))
        return "the consumer has not joined its group yet";
    return NULL;
}

static void respond_state(const struct health *health, struct http_request *request, int status,
                          const char *state, const char *reason) {
    struct strbuf body;
    strbuf_init(&body);
    strbuf_printf(&body, "{\"status\":\"%s\",\"service\":\"%s\"", state, health->service);
    if (reason) {
        strbuf_add_str(&body, ",\"reason\":");
        json_add_string(&body, reason);
    }
    strbuf_add_char(&body, '}');
    http_respond(request, &(struct http_response){.status = status}, &body);
}

static void answer_alive(void *context, struct http_request *request) {
    respond_state(context, request, 200, "alive", NULL);
}

static void answer_ready(void *context, struct http_request *request) {
    const struct health *health = context;
    const char *reason = what_is_missing(health);
    respond_state(health, request, reason ? 503 : 200, reason ? "not ready" : "ready", reason);
}

static void answer_metrics(void *context, struct http_request *request) {
    const struct health *health = context;
    struct strbuf body;
    strbuf_init(&body);
    metrics_render(health->metrics, &body);
    const struct http_response response = {
        .status = 200, .content_type = "text/plain; version=0.0.4; charset=utf-8"};
    http_respond(request, &response, &body);
}

static void answer_document(void *context, struct http_request *request) {
    (void)context;
    struct strbuf body;
    strbuf_init(&body);
    strbuf_add(&body, openapi_document, (size_t)(openapi_document_end - openapi_document));
    http_respond(request, &(struct http_response){.status = 200}, &body);
}

const struct http_route health_routes[] = {
    {"GET", "/healthz", answer_alive},
    {"GET", "/readyz", answer_ready},
    {"GET", "/metrics", answer_metrics},
    {"GET", "/openapi.json", answer_document},
};
const size_t health_n_routes = sizeof health_routes / sizeof *health_routes;

static enum status connect_to(const struct sockaddr_in *address, int *out_fd, struct error *err) {
    const struct timeval timeout = {.tv_sec = CHECK_TIMEOUT_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, ERR_UNAVAILABLE, "socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
        enum status status = error_set(err, errno == ECONNREFUSED ? ERR_NOT_FOUND : ERR_UNAVAILABLE,
                                       "port %d: %s", ntohs(address->sin_port), strerror(errno));
        close(fd);
        return status;
    }
    *out_fd = fd;
    return OK;
}

enum status health_check(const struct config *config, struct error *err) {
    static const char request[] =
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)config->http_port)};
    inet_pton(AF_INET, config->http_address, &address.sin_addr);
    if (address.sin_addr.s_addr == htonl(INADDR_ANY))
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    int fd = -1;
    enum status status = connect_to(&address, &fd, err);
    if (status != OK)
        return status;
    char answer[64] = "";
    int code = 0;
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)sizeof request - 1 &&
        recv(fd, answer, sizeof answer - 1, MSG_WAITALL) > 0)
        sscanf(answer, "HTTP/1.%*d %d", &code);
    close(fd);
    if (code == 200)
        return OK;
    return error_set(err, ERR_UNAVAILABLE, "port %d: /readyz answered %d", (int)config->http_port,
                     code);
}
