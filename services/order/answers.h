/* What the answers of several of the order-service's requests have in common. */
#pragma once

#include "event/codec.h"
#include "order/handlers.h"

/* Answers that the body is no JSON, or not what it has to be. */
void answer_faults(struct http_request *request, const struct contract_faults *faults);

/* Unless the body is declared as JSON, answers so and returns true. */
bool answer_other_media_type(struct http_request *request);

/* When so many events wait for Kafka that there may be no more, answers so and
 * returns true. */
bool answer_backlog_full(const struct order_service *service, struct http_request *request);

/* Answers about a write_job that was not done; `advice`: how to find out whether
 * it was done after all. */
void answer_failed_write(struct http_request *request, enum status status, const struct error *err,
                         const char *advice);

/* Appends the path of an item: the list's, with "/" at its end, and the id. */
void add_item_path(const char *list, const char *id, struct strbuf *out);
