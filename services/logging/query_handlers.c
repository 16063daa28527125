#include "logging/handlers.h"

#include "http/page.h"
#include "logging/adapters/journal_text.h"

#include <stdlib.h>

static const struct journal_filter all_actions = {NULL, NULL, NULL};

static bool add_action(void *context, const struct journal_row *row) {
    struct page *page = context;
    if (!page_add(page, row->seq))
        return false;
    journal_body_add(row, &page->body);
    return true;
}

void handle_list_actions(void *context, struct http_request *request) {
    struct logging_service *service = context;
    const struct journal_filter filter = {
        .service_name = http_request_query(request, "serviceName"),
        .action = http_request_query(request, "action"),
        .order_id = http_request_query(request, "orderId"),
    };
    struct page page;
    struct error err;
    if (!page_begin(&page, request))
        return;
    if (journal_list(service->reader, &filter, page.after, page.limit + 1, add_action, &page,
                     &err) == OK)
        page_respond(&page, request);
    else
        page_fail(&page, request, &err);
}

/* A client that follows the journal: how far it is. */
struct follower {
    struct logging_service *service;
    int64_t last_seq;
    struct strbuf *out; /* while actions are added */
};

enum { STREAM_ROWS_MAX = 64 }; /* that one call sends */

static bool send_action(void *context, const struct journal_row *row) {
    struct follower *follower = context;
    strbuf_printf(follower->out, "id: %lld\nevent: action\ndata: ", (long long)row->seq);
    journal_body_add(row, follower->out);
    strbuf_add_str(follower->out, "\n\n");
    follower->last_seq = row->seq;
    return true;
}

static enum status send_more(void *context, struct strbuf *out, struct error *err) {
    struct follower *follower = context;
    follower->out = out;
    return journal_list(follower->service->reader, &all_actions, follower->last_seq,
                        STREAM_ROWS_MAX, send_action, follower, err);
}

static void unfollow(void *context) {
    free(context);
}

/* A new client starts at the journal's end, one that returns where it was. */
static enum status find_place(struct follower *follower, struct http_request *request,
                              struct error *err) {
    const char *last_id = http_request_header(request, "Last-Event-ID");
    char *end = NULL;
    if (last_id)
        follower->last_seq = strtoll(last_id, &end, 10);
    if (last_id && end != last_id && *end == '\0' && follower->last_seq >= 0)
        return OK;
    return journal_last(follower->service->reader, &follower->last_seq, err);
}

void handle_stream_actions(void *context, struct http_request *request) {
    struct error err;
    struct follower *follower = calloc(1, sizeof *follower);
    if (!follower)
        abort();
    follower->service = context;
    if (find_place(follower, request, &err) != OK) {
        free(follower);
        http_respond_problem(request, &http_problem_unavailable, err.text, NULL, 0, 1);
        return;
    }
    const struct http_stream stream = {.next = send_more, .close = unfollow, .state = follower};
    http_respond_stream(request, &stream);
}
