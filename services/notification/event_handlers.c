#include "notification/handlers.h"

#include "notification/adapters/notice_text.h"

#include <string.h>

static void announce(struct notification_service *service, const struct stored_notice *notice) {
    const struct service_context *context = service->context;
    strbuf_reset(&service->text);
    notice_print(notice, (enum output_format)context->config->log_format, &service->text);
    announcer_add(context->announcer, notice->seq, service->text.data, service->text.len);
}

enum status handle_event(void *context, const struct event *event, struct error *err) {
    struct notification_service *service = context;
    struct stored_notice notice = {.notice = notice_of(event)};
    strcpy(notice.event_id, event->envelope.id);
    enum status status = notice_store_add(service->notices, &notice, err);
    if (status != OK)
        return status;
    announce(service, &notice);
    const char *action =
        notice.notice.kind == NOTICE_ORDER ? "order-notification-sent" : "refill-notification-sent";
    return outbox_append_action(service->context->outbox, action, &event->envelope, err);
}

static bool announce_again(void *context, const struct stored_notice *notice) {
    struct notification_service *service = context;
    announce(service, notice);
    announcer_settle(service->context->announcer, true);
    return true;
}

enum status announce_rest(struct notification_service *service, struct error *err) {
    return notice_store_list(service->reader, NULL, NULL,
                             announcer_upto(service->context->announcer), INT64_MAX, announce_again,
                             service, err);
}
