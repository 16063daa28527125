#include "logging/domain/entry.h"

#include <stdio.h>
#include <string.h>

struct entry entry_of(const struct event *event) {
    struct entry entry;
    strcpy(entry.service_name, event->logging_action.service_name);
    strcpy(entry.action, event->logging_action.action);
    strcpy(entry.order_id, event->envelope.correlation);
    return entry;
}

size_t entry_text(const struct entry *entry, char out[static ENTRY_TEXT_SIZE]) {
    int n =
        snprintf(out, ENTRY_TEXT_SIZE, "\n--> Logging Service <--\nserviceName: %s\naction: %s\n",
                 entry->service_name, entry->action);
    return (size_t)n;
}
