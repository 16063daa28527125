#include "order/handlers.h"

#include "event/json.h"
#include "event/json_check.h"
#include "order/adapters/playground.h"
#include "order/answers.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_AFTER_S = 2 };

static const struct http_problem not_acknowledged = {503, "not-acknowledged",
                                                     "Kafka has not acknowledged the record"};

/* One record, from the request to its answer. */
struct publication {
    struct playground_post post;
    struct http_request *request;
    enum status status; /* what became of it */
    struct error err;
};

static void answer_place(const struct publication *publication) {
    struct strbuf body;
    strbuf_init(&body);
    strbuf_add_str(&body, "{\"topic\":");
    json_add_string(&body, publication->post.topic);
    strbuf_printf(&body, ",\"partition\":%d,\"offset\":%lld}", publication->post.partition,
                  (long long)publication->post.offset);
    http_respond(publication->request, &(struct http_response){.status = 201}, &body);
}

static void answer_failure(const struct publication *publication) {
    const struct http_problem *problem = &http_problem_unavailable;
    if (publication->status == ERR_OUTCOME_UNKNOWN || publication->status == ERR_INVALID)
        problem = &not_acknowledged;
    http_respond_problem(publication->request, problem, publication->err.text, NULL, 0,
                         RETRY_AFTER_S);
}

/* In the HTTP thread. */
static void answer_publication(void *context) {
    struct publication *publication = context;
    if (publication->status == OK)
        answer_place(publication);
    else
        answer_failure(publication);
    free(publication);
}

static void finish_publication(struct playground_post *post, enum status status,
                               const struct error *err) {
    struct publication *publication = (struct publication *)post;
    publication->status = status;
    if (status != OK)
        publication->err = *err;
    http_request_continue(publication->request, answer_publication, publication);
}

/* Takes the request over: what it says lives until it is answered. */
static void publish(struct order_service *service, struct http_request *request,
                    const char *topic) {
    struct publication *publication = calloc(1, sizeof *publication);
    if (!publication)
        abort();
    struct playground_post *post = &publication->post;
    const char *key = http_request_query(request, "key");
    struct error err;
    publication->request = request;
    post->topic = topic;
    post->key = (struct bytes){key, key ? strlen(key) : 0};
    post->value.data = http_request_body(request, &post->value.len);
    post->done = finish_publication;
    enum status status = playground_submit(service->playground, post, &err);
    if (status != OK)
        finish_publication(post, status, &err);
}

void handle_publish(void *context, struct http_request *request) {
    struct order_service *service = context;
    struct json_fault syntax;
    struct contract_faults faults;
    size_t len;
    const char *body = http_request_body(request, &len);
    const char *topic =
        playground_topic(service->playground, http_request_parameter(request, "topic"));
    if (!topic) {
        http_respond_problem(request, &http_problem_not_found,
                             "this topic is none of PLAYGROUND_TOPICS", NULL, 0, 0);
        return;
    }
    if (answer_other_media_type(request))
        return;
    if (json_check(body, len, &syntax)) {
        publish(service, request, topic);
        return;
    }
    contract_faults_of_syntax(&syntax, &faults);
    answer_faults(request, &faults);
}
