#include "store/writer.h"

#include "unit/store/faulty_vfs.h"
#include "unit/store/folder.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

enum { PATIENCE_S = 10, BATCH_MAX = 8, QUEUE_MAX = 20, JOBS_MAX = 64 };

static const char *const steps[] = {"CREATE TABLE items (name TEXT NOT NULL UNIQUE) STRICT"};

/* A writer, and what its jobs and hooks tell the test. */
struct fixture {
    struct folder folder;
    char path[128];
    struct db *db;
    sqlite3_stmt *insert;
    struct writer *writer;

    pthread_mutex_t mutex; /* guards all below */
    pthread_cond_t changed;
    bool gate_is_reached, gate_is_open;
    size_t n_commits;
    size_t n_failures;               /* calls of the hook `failed` */
    size_t n_troubles, n_recoveries; /* of the hook `troubled` */
    size_t n_done;
    int done[JOBS_MAX]; /* numbers of the jobs, in the order of their `done` */
};

struct job {
    struct write_job base;
    struct fixture *fixture;
    int number;
    enum status apply_status; /* what `apply` ends with, after its insert */
    bool waits_at_gate;
    enum status status; /* what `done` was told */
    size_t n_commits;   /* when `done` was called */
    char text[sizeof(struct error)];
};

/* Waits until `*flag`, with the mutex held; fails the test when it takes long. */
static void wait_for(struct fixture *fixture, const bool *flag) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    while (!*flag)
        if (pthread_cond_timedwait(&fixture->changed, &fixture->mutex, &until) == ETIMEDOUT)
            break;
}

static enum status apply(struct write_job *base, struct error *err) {
    struct job *job = (struct job *)base;
    struct fixture *fixture = job->fixture;
    char name[32];
    snprintf(name, sizeof name, "job %d", job->number);
    db_bind_text(fixture->insert, 1, name);
    enum status status = db_run(fixture->insert, err);

    pthread_mutex_lock(&fixture->mutex);
    if (job->waits_at_gate) {
        fixture->gate_is_reached = true;
        pthread_cond_broadcast(&fixture->changed);
        wait_for(fixture, &fixture->gate_is_open);
    }
    pthread_mutex_unlock(&fixture->mutex);
    if (status == OK && job->apply_status != OK)
        return error_set(err, job->apply_status, "job %d wants no more", job->number);
    return status;
}

static void done(struct write_job *base, enum status status, const struct error *err) {
    struct job *job = (struct job *)base;
    struct fixture *fixture = job->fixture;
    pthread_mutex_lock(&fixture->mutex);
    job->status = status;
    job->n_commits = fixture->n_commits;
    snprintf(job->text, sizeof job->text, "%s", err->text);
    fixture->done[fixture->n_done++] = job->number;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->mutex);
}

static void on_committed(void *context) {
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->mutex);
    fixture->n_commits++;
    pthread_mutex_unlock(&fixture->mutex);
}

static void on_failed(void *context, const struct error *err) {
    struct fixture *fixture = context;
    (void)err;
    pthread_mutex_lock(&fixture->mutex);
    fixture->n_failures++;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->mutex);
}

static void on_troubled(void *context, const struct error *err) {
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->mutex);
    (*(err ? &fixture->n_troubles : &fixture->n_recoveries))++;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->mutex);
}

static void open_all(struct fixture *fixture) {
    const struct writer_config config = {.batch_max = BATCH_MAX,
                                         .queue_max = QUEUE_MAX,
                                         .committed = on_committed,
                                         .failed = on_failed,
                                         .troubled = on_troubled,
                                         .context = fixture};
    struct error err;
    if (db_open_writer(fixture->path, &(struct db_schema){steps, 1}, &fixture->db, &err) != OK ||
        db_prepare(fixture->db, "INSERT INTO items VALUES (?)", &fixture->insert, &err) != OK ||
        writer_open(fixture->db, &config, &fixture->writer, &err) != OK)
        fail_msg("%s", err.text);
}

static void close_all(struct fixture *fixture) {
    writer_close(fixture->writer);
    fixture->writer = NULL;
    sqlite3_finalize(fixture->insert);
    db_close(fixture->db);
}

static int set_up(void **state) {
    static struct fixture fixture;
    fixture =
        (struct fixture){.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    folder_make(&fixture.folder);
    folder_path(&fixture.folder, "shop.db", fixture.path);
    open_all(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    atomic_store(&vfs_fault, VFS_SOUND);
    close_all(fixture);
    folder_remove(&fixture->folder);
    return 0;
}

static void init_jobs(struct fixture *fixture, struct job *jobs, int n) {
    for (int i = 0; i < n; i++)
        jobs[i] = (struct job){.base = {.apply = apply, .done = done},
                               .fixture = fixture,
                               .number = i,
                               .status = ERR_BUG};
}

static void submit(struct job *job) {
    struct error err;
    assert_int_equal(writer_submit(job->fixture->writer, &job->base, &err), OK);
}

/* Submits the first job and waits until it stands at the gate, inside its
 * transaction: what is submitted now queues. */
static void submit_and_hold(struct job *job) {
    struct fixture *fixture = job->fixture;
    job->waits_at_gate = true;
    submit(job);
    pthread_mutex_lock(&fixture->mutex);
    wait_for(fixture, &fixture->gate_is_reached);
    bool is_reached = fixture->gate_is_reached;
    pthread_mutex_unlock(&fixture->mutex);
    assert_true(is_reached);
}

static void open_gate(struct fixture *fixture) {
    pthread_mutex_lock(&fixture->mutex);
    fixture->gate_is_open = true;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->mutex);
}

/* Waits until a count that the mutex guards has reached `n`. */
static void wait_for_count(struct fixture *fixture, const size_t *count, size_t n) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    int code = 0;
    pthread_mutex_lock(&fixture->mutex);
    while (*count < n && code == 0)
        code = pthread_cond_timedwait(&fixture->changed, &fixture->mutex, &until);
    size_t reached = *count;
    pthread_mutex_unlock(&fixture->mutex);
    assert_int_equal(reached, n);
}

static int64_t count_items(const char *path) {
    struct db *reader;
    sqlite3_stmt *stmt;
    bool row;
    assert_int_equal(db_open_reader(path, &reader, NULL), OK);
    assert_int_equal(db_prepare(reader, "SELECT count(*) FROM items", &stmt, NULL), OK);
    assert_int_equal(db_step(stmt, &row, NULL), OK);
    int64_t n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    db_close(reader);
    return n;
}

static void writer__commits_a_single_job_at_once_and_then_says_so(void **state) {
    struct fixture *fixture = *state;
    struct job job;
    init_jobs(fixture, &job, 1);
    submit(&job);
    wait_for_count(fixture, &fixture->n_done, 1);
    assert_int_equal(job.status, OK);
    assert_int_equal(job.n_commits, 1);
    assert_int_equal(count_items(fixture->path), 1);
}

static void writer__commits_together_what_queues_while_a_transaction_runs(void **state) {
    struct fixture *fixture = *state;
    struct job jobs[1 + BATCH_MAX];
    init_jobs(fixture, jobs, 1 + BATCH_MAX);
    submit_and_hold(&jobs[0]);
    for (int i = 1; i <= BATCH_MAX; i++)
        submit(&jobs[i]);
    open_gate(fixture);
    wait_for_count(fixture, &fixture->n_done, 1 + BATCH_MAX);
    assert_int_equal(fixture->n_commits, 2);
    for (int i = 0; i <= BATCH_MAX; i++) {
        assert_int_equal(jobs[i].status, OK);
        assert_int_equal(jobs[i].n_commits, i == 0 ? 1 : 2);
    }
    assert_int_equal(count_items(fixture->path), 1 + BATCH_MAX);
}

static void writer__splits_the_queue_into_batches_in_the_order_of_arrival(void **state) {
    struct fixture *fixture = *state;
    struct job jobs[1 + QUEUE_MAX];
    init_jobs(fixture, jobs, 1 + QUEUE_MAX);
    submit_and_hold(&jobs[0]);
    for (int i = 1; i <= QUEUE_MAX; i++)
        submit(&jobs[i]);
    open_gate(fixture);
    wait_for_count(fixture, &fixture->n_done, 1 + QUEUE_MAX);
    assert_int_equal(fixture->n_commits, 1 + (QUEUE_MAX + BATCH_MAX - 1) / BATCH_MAX);
    for (int i = 0; i <= QUEUE_MAX; i++)
        assert_int_equal(fixture->done[i], i);
}

static void writer__undoes_the_whole_batch_when_one_job_fails(void **state) {
    struct fixture *fixture = *state;
    struct job jobs[5];
    init_jobs(fixture, jobs, 5);
    jobs[2].apply_status = ERR_UNAVAILABLE;
    submit_and_hold(&jobs[0]);
    for (int i = 1; i < 4; i++)
        submit(&jobs[i]);
    open_gate(fixture);
    wait_for_count(fixture, &fixture->n_done, 4);

    assert_int_equal(jobs[0].status, OK);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(jobs[i].status, ERR_UNAVAILABLE);
        assert_string_equal(jobs[i].text, "job 2 wants no more");
    }
    assert_int_equal(fixture->n_commits, 1);
    assert_int_equal(count_items(fixture->path), 1);

    submit(&jobs[4]);
    wait_for_count(fixture, &fixture->n_done, 5);
    assert_int_equal(jobs[4].status, OK);
    assert_int_equal(count_items(fixture->path), 2);
}

static void writer_submit__is_busy_when_the_queue_is_full(void **state) {
    struct fixture *fixture = *state;
    struct job jobs[2 + QUEUE_MAX];
    struct error err;
    init_jobs(fixture, jobs, 2 + QUEUE_MAX);
    submit_and_hold(&jobs[0]);
    for (int i = 1; i <= QUEUE_MAX; i++)
        submit(&jobs[i]);
    struct job *refused = &jobs[1 + QUEUE_MAX];

    assert_int_equal(writer_submit(fixture->writer, &refused->base, &err), ERR_BUSY);

    open_gate(fixture);
    wait_for_count(fixture, &fixture->n_done, 1 + QUEUE_MAX);
    assert_int_equal(count_items(fixture->path), 1 + QUEUE_MAX);
    submit(refused);
    wait_for_count(fixture, &fixture->n_done, 2 + QUEUE_MAX);
    assert_int_equal(refused->status, OK);
}

static void *close_writer(void *context) {
    struct fixture *fixture = context;
    writer_close(fixture->writer);
    return NULL;
}

static void writer_close__runs_what_has_queued_and_takes_no_more(void **state) {
    struct fixture *fixture = *state;
    struct job jobs[1 + QUEUE_MAX];
    enum status status = OK;
    pthread_t thread;
    size_t n_taken = 0;
    init_jobs(fixture, jobs, 1 + QUEUE_MAX);
    submit_and_hold(&jobs[n_taken++]);
    submit(&jobs[n_taken++]);

    /* The held job keeps the writer from ending; that it is closing shows when
     * it refuses a job. */
    assert_int_equal(pthread_create(&thread, NULL, close_writer, fixture), 0);
    while (status == OK && n_taken <= QUEUE_MAX) {
        status = writer_submit(fixture->writer, &jobs[n_taken].base, NULL);
        n_taken += status == OK;
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    open_gate(fixture);
    assert_int_equal(pthread_join(thread, NULL), 0);
    fixture->writer = NULL;

    assert_int_equal(status, ERR_UNAVAILABLE);
    assert_int_equal(fixture->n_done, n_taken);
    assert_int_equal(count_items(fixture->path), n_taken);
}

struct count_call {
    enum status status;
    int n;
};

static enum status count_up(void *context, struct error *err) {
    struct count_call *call = context;
    call->n++;
    return call->status == OK ? OK : error_set(err, call->status, "it would not");
}

static void writer_run__gives_the_jobs_status_when_it_is_over(void **state) {
    struct fixture *fixture = *state;
    struct count_call call = {OK, 0};
    struct error err;
    assert_int_equal(writer_run(fixture->writer, count_up, &call, &err), OK);
    assert_int_equal(call.n, 1);
    assert_int_equal(fixture->n_commits, 1);

    call.status = ERR_BUG;
    assert_int_equal(writer_run(fixture->writer, count_up, &call, &err), ERR_BUG);
    assert_string_equal(err.text, "it would not");
    assert_int_equal(call.n, 2);
    assert_int_equal(fixture->n_commits, 1);
}

static void writer__rolls_back_and_goes_on_when_the_disk_is_full_at_commit(void **state) {
    struct fixture *fixture = *state;
    struct job jobs[2];
    init_jobs(fixture, jobs, 2);

    atomic_store(&vfs_fault, VFS_NO_SPACE);
    submit(&jobs[0]);
    wait_for_count(fixture, &fixture->n_done, 1);
    assert_int_equal(jobs[0].status, ERR_UNAVAILABLE);
    assert_non_null(strstr(jobs[0].text, "full"));
    assert_int_equal(count_items(fixture->path), 0);

    atomic_store(&vfs_fault, VFS_SOUND);
    submit(&jobs[1]);
    wait_for_count(fixture, &fixture->n_done, 2);
    assert_int_equal(jobs[1].status, OK);
    assert_int_equal(count_items(fixture->path), 1);
    assert_int_equal(fixture->n_failures, 0);
}

static enum status only_read(void *context, struct error *err) {
    (void)context, (void)err;
    return OK;
}

static void writer__finds_out_by_itself_when_the_disk_has_space_again(void **state) {
    struct fixture *fixture = *state;
    struct job jobs[2];
    struct error err;
    init_jobs(fixture, jobs, 2);

    atomic_store(&vfs_fault, VFS_NO_SPACE);
    submit(&jobs[0]);
    wait_for_count(fixture, &fixture->n_done, 1);
    submit(&jobs[1]);
    wait_for_count(fixture, &fixture->n_done, 2);
    assert_int_equal(fixture->n_troubles, 1);
    assert_int_equal(writer_run(fixture->writer, only_read, NULL, &err), OK);
    assert_int_equal(fixture->n_recoveries, 0);

    atomic_store(&vfs_fault, VFS_SOUND);
    wait_for_count(fixture, &fixture->n_recoveries, 1);
    assert_int_equal(fixture->n_troubles, 1);
    assert_int_equal(count_items(fixture->path), 0);
}

static void writer__takes_no_more_when_the_database_is_damaged(void **state) {
    struct fixture *fixture = *state;
    struct job jobs[2];
    struct error err;
    init_jobs(fixture, jobs, 2);
    jobs[0].apply_status = ERR_INVALID;

    submit(&jobs[0]);
    wait_for_count(fixture, &fixture->n_failures, 1);

    assert_int_equal(jobs[0].status, ERR_INVALID);
    assert_int_equal(writer_submit(fixture->writer, &jobs[1].base, &err), ERR_UNAVAILABLE);
    assert_int_equal(count_items(fixture->path), 0);
}

static void copy_file(const char *from, const char *to) {
    char bytes[4096];
    size_t n;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
        assert_int_equal(fwrite(bytes, 1, n, out), n);
    fclose(in);
    fclose(out);
}

/* What a new process finds after this one was killed now. */
static int64_t count_items_after_a_crash(const struct fixture *fixture) {
    char log[160], copy[128], copied_log[160];
    folder_path(&fixture->folder, "after.db", copy);
    snprintf(log, sizeof log, "%s-wal", fixture->path);
    snprintf(copied_log, sizeof copied_log, "%s-wal", copy);
    copy_file(fixture->path, copy);
    copy_file(log, copied_log);
    return count_items(copy);
}

static void writer__does_not_know_the_outcome_when_the_commits_sync_fails(void **state) {
    struct fixture *fixture = *state;
    struct job jobs[3];
    struct error err;
    init_jobs(fixture, jobs, 3);
    submit(&jobs[0]);
    wait_for_count(fixture, &fixture->n_done, 1);

    atomic_store(&vfs_fault, VFS_SYNC_FAILS);
    submit(&jobs[1]);
    wait_for_count(fixture, &fixture->n_failures, 1);

    assert_int_equal(jobs[1].status, ERR_OUTCOME_UNKNOWN);
    assert_int_equal(fixture->n_commits, 1);
    assert_int_equal(count_items(fixture->path), 1);
    assert_int_equal(count_items_after_a_crash(fixture), 2);
    atomic_store(&vfs_fault, VFS_SOUND);
    assert_int_equal(writer_submit(fixture->writer, &jobs[2].base, &err), ERR_UNAVAILABLE);
}

static void writer__refuses_what_is_still_queued_when_an_outcome_is_unknown(void **state) {
    struct fixture *fixture = *state;
    struct job jobs[1 + 2 * BATCH_MAX];
    init_jobs(fixture, jobs, 1 + 2 * BATCH_MAX);
    submit_and_hold(&jobs[0]);
    for (int i = 1; i <= 2 * BATCH_MAX; i++)
        submit(&jobs[i]);
    atomic_store(&vfs_fault, VFS_SYNC_FAILS);
    open_gate(fixture);
    wait_for_count(fixture, &fixture->n_done, 1 + 2 * BATCH_MAX);
    wait_for_count(fixture, &fixture->n_failures, 1);

    assert_int_equal(jobs[0].status, ERR_OUTCOME_UNKNOWN);
    for (int i = 1; i <= 2 * BATCH_MAX; i++)
        assert_int_equal(jobs[i].status, ERR_UNAVAILABLE);
    assert_int_equal(fixture->n_commits, 0);
}

#define WITH_WRITER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    faulty_vfs_install();
    const struct CMUnitTest tests[] = {
        WITH_WRITER(writer__commits_a_single_job_at_once_and_then_says_so),
        WITH_WRITER(writer__commits_together_what_queues_while_a_transaction_runs),
        WITH_WRITER(writer__splits_the_queue_into_batches_in_the_order_of_arrival),
        WITH_WRITER(writer__undoes_the_whole_batch_when_one_job_fails),
        WITH_WRITER(writer_submit__is_busy_when_the_queue_is_full),
        WITH_WRITER(writer_close__runs_what_has_queued_and_takes_no_more),
        WITH_WRITER(writer_run__gives_the_jobs_status_when_it_is_over),
        WITH_WRITER(writer__rolls_back_and_goes_on_when_the_disk_is_full_at_commit),
        WITH_WRITER(writer__finds_out_by_itself_when_the_disk_has_space_again),
        WITH_WRITER(writer__takes_no_more_when_the_database_is_damaged),
        WITH_WRITER(writer__does_not_know_the_outcome_when_the_commits_sync_fails),
        WITH_WRITER(writer__refuses_what_is_still_queued_when_an_outcome_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
