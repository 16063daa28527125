#include "http/deadline.h"

#include <stddef.h>

void deadline_start(struct deadline_queue *queue, struct deadline *deadline, int64_t now_ms) {
    deadline_stop(deadline);
    *deadline = (struct deadline){.queue = queue, .prev = queue->last};
    deadline->due_ms =
        queue->timeout_ms == DEADLINE_NEVER ? DEADLINE_NEVER : now_ms + queue->timeout_ms;
    if (queue->last)
        queue->last->next = deadline;
    else
        queue->first = deadline;
    queue->last = deadline;
}

void deadline_stop(struct deadline *deadline) {
    struct deadline_queue *queue = deadline->queue;
    if (!queue)
        return;
    if (deadline->prev)
        deadline->prev->next = deadline->next;
    else
        queue->first = deadline->next;
    if (deadline->next)
        deadline->next->prev = deadline->prev;
    else
        queue->last = deadline->prev;
    *deadline = (struct deadline){0};
}
