#include "store/writer.h"

#include "base/clock.h"
#include "base/failpoint.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Between two looks at whether a troubled database can be written again. */
enum { PROBE_MS = 500 };

struct job_list {
    struct write_job *first;
    struct write_job **end;
    size_t n;
};

struct writer {
    struct db *db;
    struct writer_config config;
    sqlite3_stmt *begin, *commit, *rollback;
    sqlite3_stmt *rewrite; /* a page, as it is */
    struct write_job probe;
    bool is_troubled; /* the thread's own, as is the probe */
    pthread_t thread;

    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    struct job_list queue;
    bool closing;
    bool failed;
};

static void list_init(struct job_list *list) {
    *list = (struct job_list){.end = &list->first};
}

static void list_append(struct job_list *list, struct write_job *job) {
    job->next = NULL;
    *list->end = job;
    list->end = &job->next;
    list->n++;
}

/* Moves the first jobs of the queue, at most `max`, to an empty list. */
static void list_take(struct job_list *queue, size_t max, struct job_list *out) {
    list_init(out);
    while (queue->first && out->n < max) {
        struct write_job *job = queue->first;
        queue->first = job->next;
        queue->n--;
        list_append(out, job);
    }
    if (!queue->first)
        queue->end = &queue->first;
}

static enum status apply_all(const struct job_list *batch, struct error *err) {
    for (struct write_job *job = batch->first; job; job = job->next) {
        enum status status = job->apply(job, err);
        if (status != OK)
            return status;
    }
    return OK;
}

/* A COMMIT that fails has taken the transaction back only where SQLite says so
 * (no space) or leaves it open (a lock); after an I/O error the transaction
 * may be on disk all the same. */
static enum status commit(struct writer *writer, struct error *err) {
    FAILPOINT(COMMIT_BEFORE);
    enum status status = db_run(writer->commit, err);
    FAILPOINT(COMMIT_AFTER);
    if (status == OK)
        return OK;
    sqlite3 *handle = sqlite3_db_handle(writer->commit);
    bool still_open = !sqlite3_get_autocommit(handle);
    if (still_open || sqlite3_errcode(handle) == SQLITE_FULL) {
        if (still_open)
            db_run(writer->rollback, NULL);
        return status;
    }
    return error_wrap(err, ERR_OUTCOME_UNKNOWN, "COMMIT failed");
}

static enum status run_transaction(struct writer *writer, const struct job_list *batch,
                                   struct error *err) {
    enum status status = db_run(writer->begin, err);
    if (status != OK)
        return status;
    status = apply_all(batch, err);
    if (status == OK)
        return commit(writer, err);
    if (!sqlite3_get_autocommit(sqlite3_db_handle(writer->begin)))
        db_run(writer->rollback, NULL);
    return status;
}

static void finish(const struct job_list *batch, enum status status, const struct error *err) {
    for (struct write_job *job = batch->first, *next; job; job = next) {
        next = job->next; /* `done` may free the job */
        job->done(job, status, err);
    }
}

static enum status apply_probe(struct write_job *probe, struct error *err) {
    struct writer *writer =
        (struct writer *)(void *)((char *)probe - offsetof(struct writer, probe));
    return db_run(writer->rewrite, err);
}

static void finish_probe(struct write_job *probe, enum status status, const struct error *err) {
    (void)probe, (void)status, (void)err; /* told by run_batch, as for any other job */
}

static void set_troubled(struct writer *writer, bool is_troubled, const struct error *err) {
    if (writer->is_troubled != is_troubled && writer->config.troubled)
        writer->config.troubled(writer->config.context, is_troubled ? err : NULL);
    writer->is_troubled = is_troubled;
}

static void set_failed(struct writer *writer) {
    pthread_mutex_lock(&writer->mutex);
    writer->failed = true;
    pthread_mutex_unlock(&writer->mutex);
}

static void run_batch(struct writer *writer, const struct job_list *batch) {
    struct error err = {""};
    sqlite3 *handle = sqlite3_db_handle(writer->commit);
    sqlite3_int64 n_changes = sqlite3_total_changes64(handle);
    enum status status = run_transaction(writer, batch, &err);
    /* One that only reads says nothing about whether the disk takes a change. */
    bool has_written =
        sqlite3_total_changes64(handle) != n_changes || batch->first == &writer->probe;
    bool is_lost = status == ERR_OUTCOME_UNKNOWN || status == ERR_INVALID;
    if (is_lost)
        set_failed(writer);
    if (status == OK && writer->config.committed)
        writer->config.committed(writer->config.context);
    if ((status == OK && has_written) || status == ERR_UNAVAILABLE)
        set_troubled(writer, status != OK, &err);
    finish(batch, status, &err);
    if (is_lost && writer->config.failed)
        writer->config.failed(writer->config.context, &err);
}

/* With the mutex held. After trouble, a probe comes where no job does. */
static void wait_for_job(struct writer *writer) {
    if (!writer->is_troubled || writer->failed) {
        pthread_cond_wait(&writer->changed, &writer->mutex);
        return;
    }
    int64_t due_ms = clock_monotonic_ms() + PROBE_MS;
    struct timespec due = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000};
    if (pthread_cond_timedwait(&writer->changed, &writer->mutex, &due) == ETIMEDOUT &&
        !writer->queue.first)
        list_append(&writer->queue, &writer->probe);
}

/* Waits for jobs. False: there are none left, and there will be none. */
static bool take_batch(struct writer *writer, struct job_list *out, bool *out_failed) {
    pthread_mutex_lock(&writer->mutex);
    while (!writer->queue.first && !writer->closing)
        wait_for_job(writer);
    list_take(&writer->queue, writer->config.batch_max, out);
    *out_failed = writer->failed;
    pthread_mutex_unlock(&writer->mutex);
    return out->first;
}

static void *writer_main(void *context) {
    struct writer *writer = context;
    struct job_list batch;
    bool failed;
    pthread_setname_np(pthread_self(), "writer");
    while (take_batch(writer, &batch, &failed)) {
        if (failed) {
            struct error err = {"the database failed; the service is about to stop"};
            finish(&batch, ERR_UNAVAILABLE, &err);
        } else {
            run_batch(writer, &batch);
        }
    }
    return NULL;
}

static void writer_free(struct writer *writer) {
    sqlite3_finalize(writer->begin);
    sqlite3_finalize(writer->commit);
    sqlite3_finalize(writer->rollback);
    sqlite3_finalize(writer->rewrite);
    pthread_cond_destroy(&writer->changed);
    pthread_mutex_destroy(&writer->mutex);
    free(writer);
}

static void init_condition(pthread_cond_t *out) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(out, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* The probe sets the version to what it is: SQLite writes that page all the same. */
static enum status prepare_rewrite(struct writer *writer, struct error *err) {
    sqlite3_stmt *version = NULL;
    bool row = false;
    char sql[48];
    enum status status = db_prepare(writer->db, "PRAGMA user_version", &version, err);
    if (status == OK)
        status = db_step(version, &row, err);
    if (status == OK) {
        snprintf(sql, sizeof sql, "PRAGMA user_version = %d",
                 row ? sqlite3_column_int(version, 0) : 0);
        status = db_prepare(writer->db, sql, &writer->rewrite, err);
    }
    sqlite3_finalize(version);
    return status;
}

enum status writer_open(struct db *db, const struct writer_config *config, struct writer **out,
                        struct error *err) {
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        abort();
    writer->db = db;
    writer->config = *config;
    list_init(&writer->queue);
    pthread_mutex_init(&writer->mutex, NULL);
    init_condition(&writer->changed);
    writer->probe = (struct write_job){.apply = apply_probe, .done = finish_probe};

    enum status status = db_prepare(db, "BEGIN IMMEDIATE", &writer->begin, err);
    if (status == OK)
        status = db_prepare(db, "COMMIT", &writer->commit, err);
    if (status == OK)
        status = db_prepare(db, "ROLLBACK", &writer->rollback, err);
    if (status == OK)
        status = prepare_rewrite(writer, err);
    if (status == OK && pthread_create(&writer->thread, NULL, writer_main, writer) != 0)
        status = error_set(err, ERR_UNAVAILABLE, "the writer's thread cannot be started");
    if (status != OK) {
        writer_free(writer);
        return status;
    }
    *out = writer;
    return OK;
}

enum status writer_submit(struct writer *writer, struct write_job *job, struct error *err) {
    enum status status = OK;
    pthread_mutex_lock(&writer->mutex);
    if (writer->closing || writer->failed)
        status = error_set(err, ERR_UNAVAILABLE, "the service is stopping");
    else if (writer->queue.n >= writer->config.queue_max)
        status = error_set(err, ERR_BUSY, "too many changes are waiting");
    else
        list_append(&writer->queue, job);
    bool was_empty = status == OK && writer->queue.n == 1;
    pthread_mutex_unlock(&writer->mutex);
    if (was_empty)
        pthread_cond_signal(&writer->changed);
    return status;
}

/* A job that its submitter waits for. */
struct waited_job {
    struct write_job job;
    enum status (*apply)(void *context, struct error *err);
    void *context;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_done;
    enum status status;
    struct error err;
};

static enum status waited_apply(struct write_job *job, struct error *err) {
    struct waited_job *waited = (struct waited_job *)job;
    return waited->apply(waited->context, err);
}

static void waited_done(struct write_job *job, enum status status, const struct error *err) {
    struct waited_job *waited = (struct waited_job *)job;
    pthread_mutex_lock(&waited->mutex);
    waited->is_done = true;
    waited->status = status;
    if (status != OK)
        waited->err = *err;
    pthread_cond_signal(&waited->changed);
    pthread_mutex_unlock(&waited->mutex);
}

enum status writer_run(struct writer *writer,
                       enum status (*apply)(void *context, struct error *err), void *context,
                       struct error *err) {
    struct waited_job waited = {
        .job = {.apply = waited_apply, .done = waited_done},
        .apply = apply,
        .context = context,
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
    enum status status = writer_submit(writer, &waited.job, err);
    if (status != OK)
        return status;

    pthread_mutex_lock(&waited.mutex);
    while (!waited.is_done)
        pthread_cond_wait(&waited.changed, &waited.mutex);
    pthread_mutex_unlock(&waited.mutex);
    if (waited.status != OK && err)
        *err = waited.err;
    return waited.status;
}

void writer_close(struct writer *writer) {
    if (!writer)
        return;
    pthread_mutex_lock(&writer->mutex);
    writer->closing = true;
    pthread_mutex_unlock(&writer->mutex);
    pthread_cond_signal(&writer->changed);
    pthread_join(writer->thread, NULL);
    writer_free(writer);
}
