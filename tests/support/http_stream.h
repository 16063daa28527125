/* A client that follows a stream of server-sent events. */
#pragma once

struct http_stream;

/* Starts to follow; `last_event_id` NULL: from now on. Until the end of the test. */
struct http_stream *http_stream_open(const char *url, const char *last_event_id);

/* All that has come until now, headers first. For the rest of the test. */
const char *http_stream_text(struct http_stream *stream);
