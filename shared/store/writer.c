#include "store/writer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct job_list {
    struct write_job *first;
    struct write_job **end;
    size_t n;
};

struct writer {
    struct db *db;
    struct writer_config config;
    sqlite3_stmt *begin, *commit, *rollback;
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
    enum status status = db_run(writer->commit, err);
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

static void set_failed(struct writer *writer) {
    pthread_mutex_lock(&writer->mutex);
    writer->failed = true;
    pthread_mutex_unlock(&writer->mutex);
}

static void run_batch(struct writer *writer, const struct job_list *batch) {
    struct error err = {""};
    enum status status = run_transaction(writer, batch, &err);
    if (status == ERR_OUTCOME_UNKNOWN)
        set_failed(writer);
    if (status == OK && writer->config.committed)
        writer->config.committed(writer->config.context);
    finish(batch, status, &err);
    if (status == ERR_OUTCOME_UNKNOWN && writer->config.failed)
        writer->config.failed(writer->config.context, &err);
}

/* Waits for jobs. False: there are none left, and there will be none. */
static bool take_batch(struct writer *writer, struct job_list *out, bool *out_failed) {
    pthread_mutex_lock(&writer->mutex);
    while (!writer->queue.first && !writer->closing)
        pthread_cond_wait(&writer->changed, &writer->mutex);
    list_take(&writer->queue, writer->config.batch_max, out);
    *out_failed = writer->failed;
    pthread_mutex_unlock(&writer->mutex);
    return out->first;
}

static void *writer_main(void *context) {
    struct writer *writer = context;
    struct job_list batch;
    bool failed;
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
    pthread_cond_destroy(&writer->changed);
    pthread_mutex_destroy(&writer->mutex);
    free(writer);
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
    pthread_cond_init(&writer->changed, NULL);

    enum status status = db_prepare(db, "BEGIN IMMEDIATE", &writer->begin, err);
    if (status == OK)
        status = db_prepare(db, "COMMIT", &writer->commit, err);
    if (status == OK)
        status = db_prepare(db, "ROLLBACK", &writer->rollback, err);
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
