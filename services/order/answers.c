#include "order/answers.h"

#include <string.h>

enum { RETRY_AFTER_S = 2 };

static const struct http_problem malformed_json = {400, "malformed-json",
                                                   "The body is not valid JSON"};
static const struct http_problem broken_contract = {422, "broken-contract",
                                                    "The body breaks the contract"};
static const struct http_problem backlog_full = {503, "backlog-full",
                                                 "Too many events wait to be published"};
static const struct http_problem outcome_unknown = {503, "outcome-unknown",
                                                    "It is not known whether it was stored"};

void answer_faults(struct http_request *request, const struct contract_faults *faults) {
    struct http_fault items[CONTRACT_FAULTS_MAX];
    char detail[512];
    for (size_t i = 0; i < faults->n; i++)
        items[i] = (struct http_fault){faults->items[i].pointer, faults->items[i].detail};
    contract_faults_describe(faults, detail, sizeof detail);
    http_respond_problem(request, faults->is_syntax ? &malformed_json : &broken_contract, detail,
                         items, faults->n, 0);
}

bool answer_other_media_type(struct http_request *request) {
    if (http_request_is_json(request))
        return false;
    http_respond_problem(request, &http_problem_unsupported_media_type,
                         "send the body as application/json", NULL, 0, 0);
    return true;
}

bool answer_backlog_full(const struct order_service *service, struct http_request *request) {
    if (outbox_backlog(service->context->outbox) < service->config->backlog_max)
        return false;
    http_respond_problem(request, &backlog_full,
                         "Kafka does not take events at this moment; try again later", NULL, 0,
                         RETRY_AFTER_S);
    return true;
}

void answer_failed_write(struct http_request *request, enum status status, const struct error *err,
                         const char *advice) {
    if (status == ERR_OUTCOME_UNKNOWN)
        http_respond_problem(request, &outcome_unknown, advice, NULL, 0, RETRY_AFTER_S);
    else if (status == ERR_BUG)
        http_respond_problem(request, &http_problem_internal, err->text, NULL, 0, 0);
    else
        http_respond_problem(request, &http_problem_unavailable, err->text, NULL, 0, RETRY_AFTER_S);
}

void add_item_path(const char *list, const char *id, struct strbuf *out) {
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    strbuf_add_str(out, list);
    while (*id) {
        size_t n = strspn(id, plain);
        strbuf_add(out, id, n);
        id += n;
        if (*id)
            strbuf_printf(out, "%%%02X", (unsigned char)*id++);
    }
}
