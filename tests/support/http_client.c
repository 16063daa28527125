#include "support/http_client.h"

#include "base/strbuf.h"
#include "support/exchange_log.h"
#include "support/scratch.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CALL_TIMEOUT_MS = 10000 };

static size_t take(char *data, size_t size, size_t n, void *context) {
    strbuf_add(context, data, size * n);
    return size * n;
}

static struct curl_slist *header_list(const struct http_call *call) {
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no waiting for 100 */
    for (size_t i = 0; call->headers && call->headers[i]; i++)
        list = curl_slist_append(list, call->headers[i]);
    return list;
}

static size_t body_len(const struct http_call *call) {
    return call->body && call->body_len == 0 ? strlen(call->body) : call->body_len;
}

static void set_options(CURL *curl, const struct http_call *call, struct strbuf *headers,
                        struct strbuf *body) {
    curl_easy_setopt(curl, CURLOPT_URL, call->url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)CALL_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, headers);
    if (call->body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body_len(call));
    }
    if (call->method)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    if (call->method && strcmp(call->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
}

static void note(const struct http_call *call, int status, const struct strbuf *headers,
                 const struct strbuf *body) {
    struct strbuf request_headers;
    strbuf_init(&request_headers);
    for (size_t i = 0; call->headers && call->headers[i]; i++)
        strbuf_printf(&request_headers, "%s\r\n", call->headers[i]);
    exchange_log_add(&(struct exchange){
        .status = status,
        .method = call->method ? call->method
                  : call->body ? "POST"
                               : "GET",
        .url = call->url,
        .request_headers = request_headers.data,
        .request = call->body,
        .request_len = body_len(call),
        .answer_headers = headers->data,
        .answer = body->data,
        .answer_len = body->len,
    });
    strbuf_release(&request_headers);
}

struct http_answer http_send(const struct http_call *call) {
    CURL *curl = curl_easy_init();
    struct curl_slist *list = header_list(call);
    struct strbuf headers, body;
    strbuf_init(&headers);
    strbuf_init(&body);
    if (!curl || !list)
        abort();
    set_options(curl, call, &headers, &body);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);

    long status = 0;
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    const struct http_answer answer = {
        .status = (int)status,
        .error = code == CURLE_OK ? "" : curl_easy_strerror(code),
        .headers = scratch_printf("%s", headers.data),
        .body = scratch_printf("%s", body.data),
    };
    note(call, answer.status, &headers, &body);
    strbuf_release(&headers);
    strbuf_release(&body);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    return answer;
}

struct http_answer http_get(const char *url) {
    return http_send(&(struct http_call){.url = url});
}

struct http_answer http_post(const char *url, const char *json) {
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    return http_send(&(struct http_call){.url = url, .headers = headers, .body = json});
}

const char *http_header(const struct http_answer *answer, const char *name) {
    size_t len = strlen(name);
    for (const char *line = answer->headers; (line = strchr(line, '\n'));) {
        line++;
        if (strncasecmp(line, name, len) != 0 || line[len] != ':')
            continue;
        const char *value = line + len + 1 + strspn(line + len + 1, " ");
        return scratch_printf("%.*s", (int)strcspn(value, "\r\n"), value);
    }
    return "";
}
