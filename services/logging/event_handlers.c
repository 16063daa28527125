#include "logging/handlers.h"

#include "logging/adapters/journal_text.h"

#include <string.h>

static void announce(struct logging_service *service, const struct journal_row *row) {
    const struct service_context *context = service->context;
    strbuf_reset(&service->text);
    journal_print(row, (enum output_format)context->config->log_format, &service->text);
    announcer_add(context->announcer, row->seq, service->text.data, service->text.len);
}

enum status handle_action(void *context, const struct event *event, struct error *err) {
    struct logging_service *service = context;
    struct journal_row row = {
        .entry = entry_of(event),
        .happened_ms = event->envelope.time_ms,
    };
    strcpy(row.event_id, event->envelope.id);
    enum status status = journal_add(service->journal, &row, err);
    if (status == OK)
        announce(service, &row);
    return status;
}

static bool announce_again(void *context, const struct journal_row *row) {
    struct logging_service *service = context;
    announce(service, row);
    announcer_settle(service->context->announcer, true);
    return true;
}

enum status announce_rest(struct logging_service *service, struct error *err) {
    const struct journal_filter all = {NULL, NULL, NULL};
    return journal_list(service->reader, &all, announcer_upto(service->context->announcer),
                        INT64_MAX, announce_again, service, err);
}
