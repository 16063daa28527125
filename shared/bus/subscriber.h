/*
 * Receives records as a member of a consumer group, in batches, and leaves it
 * to its caller where to start and when to commit. Used by one thread at a time,
 * but for what says "any thread".
 */
#pragma once

#include "bus/kafka.h"
#include "event/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct subscriber;

struct subscriber_config {
    const struct kafka_config *kafka; /* borrowed for the subscriber's whole life */
    const char *group;
    const char *const *topics; /* borrowed for the call of subscriber_open */
    size_t n_topics;
    bool is_embedded; /* the broker is the embedded one, see topics_ensure */

    /*
     * Where to start in a partition that this member was given: behind the
     * place that is to be filled in. It comes with its topic and partition; the
     * offset -1 means the beginning. `committed` is the group's committed
     * offset, or -1 for none. When Kafka no longer has that record, the
     * partition starts from its beginning, too. Called in subscriber_poll.
     * After an error nothing is read, subscriber_poll returns it, and
     * subscriber_restart tries again.
     */
    enum status (*start)(void *context, const char *cluster_id, int64_t committed,
                         struct record_place *out_last, struct error *err);
    void *context;
};

enum status subscriber_open(const struct subscriber_config *config, struct subscriber **out,
                            struct error *err);

/*
 * Waits at most `timeout_ms` for a record, then takes what has arrived behind
 * it without waiting, at most `max` in all. *out_n is 0 when there was none.
 * ERR_UNAVAILABLE: the broker or a topic is not there at this moment; go on
 * polling. ERR_BUG: the client cannot go on; open another.
 */
enum status subscriber_poll(struct subscriber *subscriber, int timeout_ms, size_t max,
                            size_t *out_n, struct error *err);

/* One record of the last poll, by its number from 0. It lives until the next is
 * asked for, or the next poll: read all at once, their headers would take more
 * memory than the records. */
const struct record *subscriber_record(struct subscriber *subscriber, size_t i);

/* Where that record stands. Its topic lives until the next poll. */
struct record_place subscriber_place(const struct subscriber *subscriber, size_t i);

/* The numbers of the last record of each partition in the last poll. They live
 * until the next. */
const size_t *subscriber_ends(const struct subscriber *subscriber, size_t *out_n);

/* Commits the offsets behind the records of the last poll, without waiting. A
 * failure does no harm to this member, as the positions are kept with the
 * effects. Members with other databases know them from Kafka alone: before
 * partitions are given up, in subscriber_poll or subscriber_close, they are
 * committed once more, and that is waited for. */
void subscriber_commit(struct subscriber *subscriber);

/* Drops the records of the last poll and starts again from where `start` says,
 * for all partitions. */
enum status subscriber_restart(struct subscriber *subscriber, struct error *err);

/* The cluster that the records of the last poll came from. */
const char *subscriber_cluster_id(const struct subscriber *subscriber);

/* Is it a member of its group, with partitions assigned (maybe none)? Any
 * thread. */
bool subscriber_has_joined(const struct subscriber *subscriber);

/*
 * Calls `visit` for each partition that it was given: `n_records` are there and
 * not committed by it, as far as the broker's last answer to a fetch says. One
 * that had no such answer yet is left out. Asks the broker nothing. Any thread;
 * `visit` must not call the subscriber.
 */
typedef void subscriber_lag_visitor(void *context, const char *topic, int32_t partition,
                                    int64_t n_records);
void subscriber_visit_lags(struct subscriber *subscriber, subscriber_lag_visitor *visit,
                           void *context);

/* Leaves the group and ends; bounded to some seconds. NULL is fine. */
void subscriber_close(struct subscriber *subscriber);
