#include "orderctl/http_client.h"

#include "event/json.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 5000, BODY_MAX = 4 * 1024 * 1024, PAGES_MAX = 1000 };

struct http_client {
    CURL *curl;
    struct strbuf url, body;
};

static size_t take(char *data, size_t size, size_t n, void *context) {
    struct strbuf *body = context;
    if (size * n > BODY_MAX - body->len)
        return 0; /* ends the transfer with an error */
    strbuf_add(body, data, size * n);
    return size * n;
}

struct http_client *http_client_new(void) {
    struct http_client *client = calloc(1, sizeof *client);
    if (!client || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
    client->curl = curl_easy_init();
    if (!client->curl)
        abort();
    strbuf_init(&client->url);
    strbuf_init(&client->body);
    curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    curl_easy_setopt(client->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &client->body);
    return client;
}

void http_client_free(struct http_client *client) {
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    curl_global_cleanup();
    strbuf_release(&client->url);
    strbuf_release(&client->body);
    free(client);
}

void http_add_escaped(struct strbuf *out, const char *text) {
    char *escaped = curl_easy_escape(NULL, text, 0);
    if (!escaped)
        abort();
    strbuf_add_str(out, escaped);
    curl_free(escaped);
}

enum status http_client_get(struct http_client *client, const char *base, const char *target,
                            struct cJSON **out, struct error *err) {
    long code = 0;
    strbuf_reset(&client->url);
    strbuf_reset(&client->body);
    strbuf_printf(&client->url, "%s%s", base, target);
    curl_easy_setopt(client->curl, CURLOPT_URL, client->url.data);
    CURLcode result = curl_easy_perform(client->curl);
    if (result != CURLE_OK)
        return error_set(err, ERR_UNAVAILABLE, "%s: %s", base, curl_easy_strerror(result));
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &code);
    if (code == 404)
        return error_set(err, ERR_NOT_FOUND, "%s answers 404 to %s", base, target);
    if (code != 200)
        return error_set(err, ERR_UNAVAILABLE, "%s answers %ld to %s", base, code, target);
    struct json_fault fault;
    if (json_parse(client->body.data, client->body.len, out, &fault) != OK)
        return error_set(err, ERR_UNAVAILABLE, "%s: the answer to %s is not JSON: %s", base, target,
                         fault.detail);
    return OK;
}

enum status http_client_list(struct http_client *client, const char *base, const char *target,
                             void (*visit)(void *context, const struct cJSON *item), void *context,
                             struct error *err) {
    enum status status = OK;
    bool has_more = true;
    struct strbuf page;
    strbuf_init(&page);
    strbuf_printf(&page, "%s&limit=100", target);
    for (int n = 0; status == OK && has_more; n++) {
        cJSON *document = NULL;
        status = n < PAGES_MAX
                     ? http_client_get(client, base, page.data, &document, err)
                     : error_set(err, ERR_UNAVAILABLE, "%s: %s has too many items", base, target);
        if (status != OK)
            break;
        const cJSON *item;
        cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(document, "items"))
            visit(context, item);
        const char *next = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(document, "next"));
        has_more = next;
        strbuf_reset(&page);
        if (next)
            strbuf_printf(&page, "%s&limit=100&after=%s", target, next);
        cJSON_Delete(document);
    }
    strbuf_release(&page);
    return status;
}
