#include "support/exchange_log.h"

#include "base/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_PORTS = 65536, N_PARTS = 6 };

static const char *_Atomic services[N_PORTS];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int log_fd = -1;

static void open_log(void) {
    const char *folder = getenv("HTTP_EXCHANGES");
    char path[4096];
    if (!folder || !*folder)
        return;
    snprintf(path, sizeof path, "%s/%s-%d.exchanges", folder, program_invocation_short_name,
             (int)getpid());
    log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log_fd < 0) {
        perror(path);
        abort();
    }
}

void exchange_log_name(int port, const char *service) {
    atomic_store(&services[port], service);
}

static const char *service_at(const char *url) {
    int port = 0;
    sscanf(url, "http://127.0.0.1:%5d", &port);
    const char *name = port > 0 && port < N_PORTS ? atomic_load(&services[port]) : NULL;
    return name ? name : "unknown";
}

static void write_entry(const struct exchange *exchange) {
    const struct {
        const char *text;
        size_t len;
    } parts[N_PARTS] = {
        {exchange->method, strlen(exchange->method)},
        {exchange->url, strlen(exchange->url)},
        {exchange->request_headers, strlen(exchange->request_headers)},
        {exchange->request, exchange->request_len},
        {exchange->answer_headers, strlen(exchange->answer_headers)},
        {exchange->answer, exchange->answer_len},
    };
    struct strbuf entry;
    strbuf_init(&entry);
    strbuf_printf(&entry, "%s-service %d", service_at(exchange->url), exchange->status);
    for (size_t i = 0; i < N_PARTS; i++)
        strbuf_printf(&entry, " %zu", parts[i].len);
    strbuf_add_char(&entry, '\n');
    for (size_t i = 0; i < N_PARTS; i++)
        strbuf_add(&entry, parts[i].text, parts[i].len);
    /* One write appends as a whole, whichever threads do so at once. */
    if (write(log_fd, entry.data, entry.len) != (ssize_t)entry.len)
        abort();
    strbuf_release(&entry);
}

void exchange_log_add(const struct exchange *exchange) {
    pthread_once(&once, open_log);
    if (log_fd >= 0 && exchange->status > 0)
        write_entry(exchange);
}
