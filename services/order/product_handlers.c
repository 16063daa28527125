#include "order/handlers.h"

#include "base/failpoint.h"
#include "order/adapters/order_body.h"
#include "order/adapters/product_json.h"
#include "order/answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct http_problem catalogue_full = {409, "catalogue-full", "The catalogue is full"};

/* One change of the catalogue, from the request to its answer. */
struct product_write {
    struct write_job job;
    struct order_service *service;
    struct http_request *request;
    struct envelope trace; /* what the request brought */
    struct product_change change;
    enum catalogue_change result;
    enum status status; /* of the transaction */
    struct error err;
};

static bool is_change(enum catalogue_change result) {
    return result == CATALOGUE_ADDS || result == CATALOGUE_REPLACES || result == CATALOGUE_REMOVES;
}

/*
 * In the writer's transaction: the change and its log action, or nothing. What
 * other jobs of the transaction changed is in the database only: the catalogue
 * in memory follows when all of it is on disk. So a checkout in the same
 * transaction still sees the catalogue as it was before, and PRODUCTS_MAX can be
 * passed by what one transaction adds.
 */
static enum status apply_write(struct write_job *job, struct error *err) {
    struct product_write *write = (struct product_write *)job;
    struct order_service *service = write->service;
    const char *product_id = write->change.product.product_id;
    struct product_change last;
    bool was_changed;
    enum status status =
        product_store_last(service->products, product_id, &last, &was_changed, err);
    if (status != OK)
        return status;
    const struct product *known = catalogue_find(&service->catalogue, product_id);
    if (was_changed)
        known = last.is_deleted ? NULL : &last.product;
    write->result = catalogue_decide(&write->change.product, write->change.is_deleted, known,
                                     service->catalogue.n_products);
    if (!is_change(write->result))
        return OK;
    status = product_store_add(service->products, &write->change, err);
    if (status != OK)
        return status;
    FAILPOINT(ACCEPT_BETWEEN_WRITES);
    return outbox_append_action(service->context->outbox,
                                write->change.is_deleted ? "product-deleted" : "product-saved",
                                &write->trace, err);
}

static void change_catalogue(struct product_write *write) {
    struct order_service *service = write->service;
    pthread_mutex_lock(&service->catalogue_lock);
    if (write->change.is_deleted)
        catalogue_remove(&service->catalogue, write->change.product.product_id);
    else
        catalogue_put(&service->catalogue, &write->change.product);
    pthread_mutex_unlock(&service->catalogue_lock);
}

static void answer_product(const struct product_write *write, int status) {
    struct strbuf body, location;
    strbuf_init(&body);
    strbuf_init(&location);
    product_body_add(&write->change.product, &body);
    add_item_path("/products/", write->change.product.product_id, &location);
    const struct http_response response = {.status = status, .location = location.data};
    http_respond(write->request, &response, &body);
    strbuf_release(&location);
}

static void answer_result(const struct product_write *write) {
    char detail[96];
    switch (write->result) {
    case CATALOGUE_ADDS:
    case CATALOGUE_REPLACES:
        answer_product(write, write->result == CATALOGUE_ADDS ? 201 : 200);
        return;
    case CATALOGUE_SAME:
        answer_product(write, 200);
        return;
    case CATALOGUE_REMOVES:
        http_respond(write->request, &(struct http_response){.status = 204}, NULL);
        return;
    case CATALOGUE_LACKS:
        http_respond_problem(write->request, &http_problem_not_found,
                             "no product has this productId", NULL, 0, 0);
        return;
    case CATALOGUE_FULL:
        snprintf(detail, sizeof detail, "there are %d products already; delete one first",
                 PRODUCTS_MAX);
        http_respond_problem(write->request, &catalogue_full, detail, NULL, 0, 0);
        return;
    }
}

/* In the HTTP thread. */
static void answer_write(void *context) {
    struct product_write *write = context;
    if (write->status == OK)
        answer_result(write);
    else
        answer_failed_write(write->request, write->status, &write->err,
                            "send the same request again");
    free(write);
}

static void finish_write(struct write_job *job, enum status status, const struct error *err) {
    struct product_write *write = (struct product_write *)job;
    if (status == OK && is_change(write->result))
        change_catalogue(write);
    write->status = status;
    if (status != OK)
        write->err = *err;
    http_request_continue(write->request, answer_write, write);
}

/* Takes `write` over. */
static void submit(struct product_write *write) {
    struct order_service *service = write->service;
    struct error err;
    write->job = (struct write_job){.apply = apply_write, .done = finish_write};
    strcpy(write->trace.correlation, write->change.product.product_id);
    envelope_join_trace(&write->trace, http_request_header(write->request, "traceparent"),
                        http_request_header(write->request, "tracestate"));
    enum status status = writer_submit(service->context->writer, &write->job, &err);
    if (status != OK)
        finish_write(&write->job, status, &err);
}

static struct product_write *write_new(struct order_service *service, struct http_request *request,
                                       bool is_deleted) {
    struct product_write *write = calloc(1, sizeof *write);
    if (!write)
        abort();
    write->service = service;
    write->request = request;
    write->change.is_deleted = is_deleted;
    strcpy(write->change.product.product_id, http_request_parameter(request, "productId"));
    return write;
}

void handle_put_product(void *context, struct http_request *request) {
    struct order_service *service = context;
    struct contract_faults faults;
    size_t len;
    const char *body = http_request_body(request, &len);
    if (!event_is_id(http_request_parameter(request, "productId"))) {
        http_respond_problem(request, &http_problem_bad_request,
                             "productId must be 1 to 64 characters from '!' to '~'", NULL, 0, 0);
        return;
    }
    if (answer_other_media_type(request) || answer_backlog_full(service, request))
        return;
    struct product_write *write = write_new(service, request, false);
    if (product_decode(body, len, &write->change.product, &faults) == OK) {
        submit(write);
        return;
    }
    answer_faults(request, &faults);
    free(write);
}

void handle_delete_product(void *context, struct http_request *request) {
    struct order_service *service = context;
    if (!event_is_id(http_request_parameter(request, "productId"))) {
        http_respond_problem(request, &http_problem_not_found, "no product has this productId",
                             NULL, 0, 0);
        return;
    }
    if (!answer_backlog_full(service, request))
        submit(write_new(service, request, true));
}
