#include "order/handlers.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/uuid.h"
#include "order/adapters/order_body.h"
#include "order/answers.h"
#include "order/domain/checkout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct http_problem unknown_product = {422, "unknown-product",
                                                    "A product is not in the catalogue"};
static const struct http_problem total_too_large = {422, "total-too-large",
                                                    "A line's total is too large"};
static const struct http_problem order_conflict = {409, "order-conflict",
                                                   "Another order is stored under this orderId"};

/* Has room for most orders and their answers: it need not grow in the writer's thread. */
enum { BODY_MOSTLY = 500 };

/* One checkout, from the request to its answer. */
struct checkout {
    struct write_job job;
    struct order_service *service;
    struct http_request *request;
    struct envelope trace; /* what the request brought */
    struct stored_order order;
    struct strbuf body; /* the order as it is stored and published; then, the answer's */
    enum checkout_result result;
    size_t line;        /* at fault */
    enum status status; /* of the transaction */
    struct error err;
};

static enum status store_order(struct checkout *checkout, struct error *err) {
    struct outbox *outbox = checkout->service->context->outbox;
    struct event event;
    event.type = EVENT_NEW_ORDER;
    order_copy(&event.order, &checkout->order.order);
    order_encode(&event.order, &checkout->body);
    enum status status =
        outbox_append_encoded(outbox, &event, &checkout->body, &checkout->trace, err);
    if (status != OK)
        return status;
    FAILPOINT(ACCEPT_BETWEEN_WRITES);
    strcpy(checkout->order.event_id, event.envelope.id);
    checkout->order.outbox_seq = outbox_last_seq(outbox);
    checkout->order.accepted_ms = event.envelope.time_ms;
    status = order_store_add(checkout->service->orders, &checkout->order, &checkout->body, err);
    if (status == OK)
        status = outbox_append_action(outbox, "new-order", &event.envelope, err);
    return status;
}

/* In the writer's transaction: the order and its events, or nothing. */
static enum status apply_checkout(struct write_job *job, struct error *err) {
    struct checkout *checkout = (struct checkout *)job;
    struct order_service *service = checkout->service;
    struct order *order = &checkout->order.order;
    bool is_stored;
    enum status status =
        order_store_find(service->orders, order->order_id, &service->stored, &is_stored, err);
    if (status != OK)
        return status;
    checkout->result = checkout_decide(order, is_stored ? &service->stored.order : NULL,
                                       &service->catalogue, &checkout->line);
    if (checkout->result == CHECKOUT_REPEATED) {
        checkout->order = service->stored;
        order_encode(order, &checkout->body);
    }
    if (checkout->result == CHECKOUT_ACCEPTED)
        status = store_order(checkout, err);
    return status;
}

static void answer_order(struct checkout *checkout, int status) {
    struct strbuf location;
    strbuf_init(&location);
    add_item_path("/orders/", checkout->order.order.order_id, &location);
    order_body_finish(&checkout->order, &checkout->body);
    const struct http_response response = {.status = status, .location = location.data};
    http_respond(checkout->request, &response, &checkout->body);
    strbuf_release(&location);
}

static void refuse_line(const struct checkout *checkout, const struct http_problem *problem,
                        const char *member, const char *detail) {
    char pointer[64];
    snprintf(pointer, sizeof pointer, "/products/%zu/%s", checkout->line, member);
    const struct http_fault fault = {pointer, detail};
    http_respond_problem(checkout->request, problem, detail, &fault, 1, 0);
}

static void answer_result(struct checkout *checkout) {
    struct order_service *service = checkout->service;
    char detail[160];
    switch (checkout->result) {
    case CHECKOUT_ACCEPTED:
        counter_add(service->n_accepted, 1);
        FAILPOINT(ACCEPT_BEFORE_ANSWER);
        answer_order(checkout, 201);
        FAILPOINT(ACCEPT_AFTER_ANSWER);
        return;
    case CHECKOUT_REPEATED:
        counter_add(service->n_repeated, 1);
        answer_order(checkout, 200);
        return;
    case CHECKOUT_CONFLICT: {
        const struct http_fault fault = {"/orderId", "is taken by an order with other content"};
        http_respond_problem(checkout->request, &order_conflict,
                             "use another orderId, or send the same order again", &fault, 1, 0);
        break;
    }
    case CHECKOUT_UNKNOWN_PRODUCT:
        snprintf(detail, sizeof detail, "product %s is not in the catalogue, see GET /products",
                 checkout->order.order.lines[checkout->line].product_id);
        refuse_line(checkout, &unknown_product, "productId", detail);
        break;
    case CHECKOUT_TOTAL_TOO_LARGE:
        refuse_line(checkout, &total_too_large, "quantity",
                    "unit price times quantity is more than a line may cost");
        break;
    }
    counter_add(service->n_refused, 1);
}

static void answer_failure(const struct checkout *checkout) {
    char detail[ID_SIZE + 80];
    snprintf(detail, sizeof detail, "send the same order with orderId %s again to find out",
             checkout->order.order.order_id);
    answer_failed_write(checkout->request, checkout->status, &checkout->err, detail);
}

/* In the HTTP thread: while answers are made, the writer goes on. */
static void answer_checkout(void *context) {
    struct checkout *checkout = context;
    if (checkout->status == OK)
        answer_result(checkout);
    else
        answer_failure(checkout);
    strbuf_release(&checkout->body);
    free(checkout);
}

static void finish_checkout(struct write_job *job, enum status status, const struct error *err) {
    struct checkout *checkout = (struct checkout *)job;
    checkout->status = status;
    if (status != OK)
        checkout->err = *err;
    http_request_continue(checkout->request, answer_checkout, checkout);
}

/* Reads the order from the request; false: the request was answered. */
static bool read_request(struct order_service *service, struct http_request *request,
                         struct order *out) {
    size_t len;
    const char *body = http_request_body(request, &len);
    struct contract_faults faults;
    if (answer_other_media_type(request)) {
        counter_add(service->n_refused, 1);
        return false;
    }
    if (order_decode(body, len, ORDER_REQUEST, out, &faults) != OK) {
        counter_add(service->n_refused, 1);
        answer_faults(request, &faults);
        return false;
    }
    if (!*out->order_id) {
        strcpy(out->order_id, "ORDER-");
        uuid_v7(out->order_id + strlen(out->order_id));
    }
    return true;
}

void handle_checkout(void *context, struct http_request *request) {
    struct order_service *service = context;
    if (answer_backlog_full(service, request))
        return;
    /* Not cleared as a whole: nearly all of it is room for lines that few orders have. */
    struct checkout *checkout = malloc(sizeof *checkout);
    if (!checkout)
        abort();
    if (!read_request(service, request, &checkout->order.order)) {
        free(checkout);
        return;
    }
    checkout->job = (struct write_job){.apply = apply_checkout, .done = finish_checkout};
    checkout->service = service;
    checkout->request = request;
    checkout->order.published_ms = 0;
    strbuf_init(&checkout->body);
    strbuf_reserve(&checkout->body, BODY_MOSTLY);
    checkout->trace = (struct envelope){.time_ms = 0};
    strcpy(checkout->trace.correlation, checkout->order.order.order_id);
    envelope_join_trace(&checkout->trace, http_request_header(request, "traceparent"),
                        http_request_header(request, "tracestate"));

    struct error err;
    FAILPOINT(ACCEPT_BEFORE_SUBMIT);
    enum status status = writer_submit(service->context->writer, &checkout->job, &err);
    if (status != OK)
        finish_checkout(&checkout->job, status, &err);
}
