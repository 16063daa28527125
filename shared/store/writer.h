/*
 * The one thread that writes a service's database, with group commit.
 *
 * Everything that changes the database is a job. The writer takes all jobs
 * that have queued while the last transaction was synced to disk, applies them
 * in one transaction in the order of their arrival, commits, and only then
 * tells each that it is done. One sync thus serves many: there is no timer,
 * and a single job in a quiet service is committed at once.
 */
#pragma once

#include "base/status.h"
#include "store/db.h"

#include <stddef.h>

struct writer;

/*
 * A job, as the first member of the caller's own struct. It is the caller's
 * memory and must live until `done` was called.
 */
struct write_job {
    /* Inside the transaction, in the writer's thread. An error takes the whole
     * transaction back, the other jobs in it included: what is merely refused
     * is a result in the job's own struct, not an error. */
    enum status (*apply)(struct write_job *job, struct error *err);

    /* After the transaction, in the writer's thread; called exactly once.
     * OK: committed to disk. ERR_UNAVAILABLE: nothing was changed, try again.
     * ERR_OUTCOME_UNKNOWN: COMMIT failed, it may have happened; only a new
     * process that recovers the database can tell. ERR_INVALID: the database is
     * damaged. After these two the writer takes no more jobs. */
    void (*done)(struct write_job *job, enum status status, const struct error *err);

    struct write_job *next; /* the queue's */
};

struct writer_config {
    size_t batch_max; /* jobs in one transaction */
    size_t queue_max; /* jobs that wait; one more is refused with ERR_BUSY */

    /* After each commit, before the jobs' `done`, in the writer's thread. */
    void (*committed)(void *context);
    /* Once, when no more jobs can be taken because a COMMIT's outcome is
     * unknown or the database is damaged: the process should end. In the
     * writer's thread. */
    void (*failed)(void *context, const struct error *err);
    /* When a transaction has failed that can be tried again (a full disk), and
     * with NULL when one has succeeded after that: the next job's, or one that
     * the writer makes for this when there is none. Before the jobs' `done`, in
     * the writer's thread. NULL: not of interest. */
    void (*troubled)(void *context, const struct error *err);
    void *context;
};

/* Starts the thread. `db` is borrowed until the writer is closed, and used by
 * nobody else. */
enum status writer_open(struct db *db, const struct writer_config *config, struct writer **out,
                        struct error *err);

/* Queues a job. ERR_BUSY: the queue is full, ERR_UNAVAILABLE: the writer is
 * closing or has failed; then `done` is not called. Any thread. */
enum status writer_submit(struct writer *writer, struct write_job *job, struct error *err);

/* Runs a function as a job and waits for it. The status is the job's. Any
 * thread but the writer's own. */
enum status writer_run(struct writer *writer,
                       enum status (*apply)(void *context, struct error *err), void *context,
                       struct error *err);

/* Runs what has queued, then ends the thread. NULL is fine. */
void writer_close(struct writer *writer);
