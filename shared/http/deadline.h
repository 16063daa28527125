/*
 * Deadlines that all lie the same time ahead. A queue keeps them in the order
 * in which they were started, so the first one is the next one due, and
 * starting, stopping and looking cost the same however many there are.
 * One thread.
 */
#pragma once

#include <stdint.h>

struct deadline_queue;

/* Part of what it guards; the zero value is a stopped one. */
struct deadline {
    struct deadline_queue *queue; /* NULL: stopped */
    struct deadline *prev, *next;
    int64_t due_ms;
};

struct deadline_queue {
    int64_t timeout_ms; /* DEADLINE_NEVER: the queue only lists its members */
    struct deadline *first, *last;
};

#define DEADLINE_NEVER INT64_MAX

/* Lets `deadline` end a timeout after `now_ms` (monotonic; never less than in
 * the call before), in `queue` and no longer in the one where it was. */
void deadline_start(struct deadline_queue *queue, struct deadline *deadline, int64_t now_ms);

/* A stopped one is fine. */
void deadline_stop(struct deadline *deadline);
