/*
 * noop_server: the ceiling of HTTP. The services' own server with a handler
 * that answers 201 at once. It prints its port and runs until it is killed.
 */
#include "http/http.h"

#include <stdio.h>
#include <unistd.h>

static void answer_at_once(void *context, struct http_request *request) {
    const struct http_response response = {.status = 201, .location = "/orders/none"};
    struct strbuf body;
    (void)context;
    strbuf_init(&body);
    strbuf_add_str(&body, "{}");
    http_respond(request, &response, &body);
}

int main(void) {
    static const struct http_route routes[] = {{"POST", "/orders", answer_at_once}};
    static const struct http_routes table = {routes, 1, NULL};
    static const struct http_config config = {
        .address = "127.0.0.1",
        .body_max = 65536,
        .connections_max = 1000,
        .request_timeout_ms = 30000,
        .idle_timeout_ms = 30000,
    };
    struct http_server *server;
    struct error err;
    if (http_server_open(&config, &table, 1, &server, &err) != OK) {
        fprintf(stderr, "noop_server: %s\n", err.text);
        return 1;
    }
    printf("%u\n", http_server_port(server));
    fflush(stdout);
    for (;;)
        pause();
}
