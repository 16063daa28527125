#include "orderctl/record_sender.h"

#include "base/clock.h"
#include "bus/publisher.h"

#include <stdio.h>
#include <stdlib.h>

enum { ACKNOWLEDGE_TIMEOUT_MS = 30000, POLL_MS = 100 };

struct record_sender {
    struct publisher *publisher;
    bool is_waiting;
    enum status status; /* of the last record */
    char reason[256];
};

static void on_delivered(void *context, uint64_t tag, enum status status, const char *reason) {
    struct record_sender *sender = context;
    (void)tag;
    sender->is_waiting = false;
    sender->status = status;
    snprintf(sender->reason, sizeof sender->reason, "%s", reason);
}

enum status record_sender_open(const struct kafka_config *config, struct record_sender **out,
                               struct error *err) {
    struct record_sender *sender = calloc(1, sizeof *sender);
    if (!sender)
        abort();
    const struct publisher_events events = {
        .delivered = on_delivered, .wake_fd = -1, .context = sender};
    enum status status = publisher_open(config, &events, &sender->publisher, err);
    if (status != OK) {
        free(sender);
        return status;
    }
    *out = sender;
    return OK;
}

void record_sender_close(struct record_sender *sender) {
    if (!sender)
        return;
    publisher_close(sender->publisher);
    free(sender);
}

enum status record_sender_send(struct record_sender *sender, const struct record *record,
                               struct error *err) {
    int64_t deadline_ms = clock_monotonic_ms() + ACKNOWLEDGE_TIMEOUT_MS;
    enum status status = publisher_send(sender->publisher, record, 0, err);
    if (status != OK)
        return status;
    sender->is_waiting = true;
    while (sender->is_waiting && clock_monotonic_ms() < deadline_ms)
        publisher_poll(sender->publisher, POLL_MS);
    if (sender->is_waiting)
        return error_set(err, ERR_OUTCOME_UNKNOWN, "%s: no acknowledgement within %d s",
                         record->topic, ACKNOWLEDGE_TIMEOUT_MS / 1000);
    if (sender->status != OK)
        return error_set(err, sender->status, "%s: %s", record->topic, sender->reason);
    return OK;
}
