/*
 * Handled exactly once: one thread that takes records from Kafka and gives
 * each event its effect, once, whatever is delivered twice.
 *
 * A batch of records is one transaction of the service's database:
 *
 *     for each record
 *         it breaks the contract?  pass it on to the dead letters
 *         its event is in the inbox?  it has had its effect
 *         else: into the inbox, and handle it (state and outbox)
 *     note the position in each partition
 *
 * Only when that is committed is Kafka told the offsets. A crash before the
 * commit leaves nothing, a crash behind it leaves a position that skips the
 * batch, and a rewind for any other reason meets the inbox.
 */
#pragma once

#include "runtime/announcer.h"
#include "runtime/config.h"
#include "runtime/metrics.h"
#include "store/inbox.h"
#include "store/outbox.h"
#include "store/writer.h"

#include <stdbool.h>

/*
 * Gives an event its effect, inside the transaction. It never comes twice, and
 * it keeps the contract. An error undoes the whole batch, which then comes
 * again: ERR_UNAVAILABLE for what may pass, ERR_BUG ends the service.
 */
typedef enum status event_handler(void *service, const struct event *event, struct error *err);

/*
 * For a service that keeps something in memory while a batch is handled: in the
 * batch's transaction, `begin` before the first event and `end` behind the last,
 * to store it. A batch that is undone has no `end`, so that `begin` has to
 * forget what is left of it. NULL: nothing to do.
 */
struct batch_hooks {
    void (*begin)(void *service);
    enum status (*end)(void *service, struct error *err);
};

struct consume_once;

struct consume_once_config {
    const struct config *config;
    event_handler *const *handlers; /* by event type; NULL: it is not consumed */
    struct batch_hooks batch;
    void *service; /* what handlers and hooks are given */
    struct writer *writer;
    struct inbox *inbox;
    struct outbox *outbox;
    struct announcer *announcer; /* NULL: the service prints nothing */
    struct metrics *metrics;
    /* Once, when the thread has ended by itself: the process should end. */
    void (*failed)(void *context, const struct error *err);
    void *context;
};

/* Starts the thread. A broker that is away is no error. */
enum status consume_once_open(const struct consume_once_config *config, struct consume_once **out,
                              struct error *err);

/* Is it a member of its group, with partitions assigned? Any thread. */
bool consume_once_is_ready(const struct consume_once *consumer);

/* Finishes the batch at hand, leaves the group and ends the thread. The writer
 * must still run. The metrics have its lag, so that they must not be shown any
 * more. NULL is fine. */
void consume_once_close(struct consume_once *consumer);
