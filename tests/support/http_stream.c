#include "support/http_stream.h"

#include "base/strbuf.h"
#include "support/exchange_log.h"
#include "support/scratch.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct http_stream {
    CURL *curl;
    const char *url;
    struct curl_slist *headers;
    pthread_t thread;
    pthread_mutex_t mutex;
    struct strbuf text; /* under the mutex */
    atomic_bool is_closing;
};

static size_t take(char *data, size_t size, size_t n, void *context) {
    struct http_stream *stream = context;
    pthread_mutex_lock(&stream->mutex);
    strbuf_add(&stream->text, data, size * n);
    pthread_mutex_unlock(&stream->mutex);
    return size * n;
}

/* Called several times a second; anything but 0 ends the transfer. */
static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    struct http_stream *stream = context;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&stream->is_closing);
}

static void *follow(void *context) {
    struct http_stream *stream = context;
    curl_easy_perform(stream->curl);
    return NULL;
}

/* What came until the client went away. */
static void note(const struct http_stream *stream) {
    const char *headers_end = strstr(stream->text.data, "\r\n\r\n");
    long status = 0;
    curl_easy_getinfo(stream->curl, CURLINFO_RESPONSE_CODE, &status);
    if (!headers_end)
        return;
    const char *answer = headers_end + strlen("\r\n\r\n");
    size_t n_before = (size_t)(answer - stream->text.data);
    exchange_log_add(&(struct exchange){
        .status = (int)status,
        .method = "GET",
        .url = stream->url,
        .request_headers = stream->headers ? stream->headers->data : "",
        .answer_headers = scratch_printf("%.*s", (int)n_before, stream->text.data),
        .answer = answer,
        .answer_len = stream->text.len - n_before,
    });
}

static void stream_close(void *context) {
    struct http_stream *stream = context;
    atomic_store(&stream->is_closing, true);
    pthread_join(stream->thread, NULL);
    note(stream);
    curl_easy_cleanup(stream->curl);
    curl_slist_free_all(stream->headers);
    strbuf_release(&stream->text);
    pthread_mutex_destroy(&stream->mutex);
    free(stream);
}

struct http_stream *http_stream_open(const char *url, const char *last_event_id) {
    struct http_stream *stream = calloc(1, sizeof *stream);
    if (!stream || !(stream->curl = curl_easy_init()))
        abort();
    pthread_mutex_init(&stream->mutex, NULL);
    strbuf_init(&stream->text);
    stream->url = scratch_printf("%s", url);
    if (last_event_id)
        stream->headers =
            curl_slist_append(NULL, scratch_printf("Last-Event-ID: %s", last_event_id));
    curl_easy_setopt(stream->curl, CURLOPT_URL, url);
    curl_easy_setopt(stream->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(stream->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(stream->curl, CURLOPT_HTTPHEADER, stream->headers);
    curl_easy_setopt(stream->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(stream->curl, CURLOPT_WRITEDATA, stream);
    curl_easy_setopt(stream->curl, CURLOPT_HEADERFUNCTION, take);
    curl_easy_setopt(stream->curl, CURLOPT_HEADERDATA, stream);
    curl_easy_setopt(stream->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(stream->curl, CURLOPT_XFERINFODATA, stream);
    curl_easy_setopt(stream->curl, CURLOPT_NOPROGRESS, 0L);
    if (pthread_create(&stream->thread, NULL, follow, stream) != 0)
        abort();
    scratch_keep(stream, stream_close);
    return stream;
}

const char *http_stream_text(struct http_stream *stream) {
    pthread_mutex_lock(&stream->mutex);
    const char *text = scratch_printf("%s", stream->text.data);
    pthread_mutex_unlock(&stream->mutex);
    return text;
}
