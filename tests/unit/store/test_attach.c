/* Databases of the shop, attached to a scratch database of a program that only looks. */
#include "store/db.h"

#include "unit/store/folder.h"

#include <sys/stat.h>
#include <sys/wait.h>

static const char *const steps[] = {
    "CREATE TABLE items (name TEXT NOT NULL) STRICT; INSERT INTO items VALUES ('first')",
};
static const struct db_schema schema = {steps, 1};

enum { NEWEST = 1, NOBODY = 65534 };

struct fixture {
    struct folder folder;
    char path[128];
    struct db *scratch;
    struct error err;
};

static int set_up(void **state) {
    static struct fixture fixture;
    folder_make(&fixture.folder);
    folder_path(&fixture.folder, "shop#1?.db", fixture.path);
    assert_int_equal(db_open_scratch(&fixture.scratch, &fixture.err), OK);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    if (geteuid() == NOBODY)
        assert_int_equal(seteuid(0), 0);
    chmod(fixture->folder.path, 0755);
    db_close(fixture->scratch);
    folder_remove(&fixture->folder);
    return 0;
}

static struct db *open_writer(struct fixture *fixture) {
    struct db *db = NULL;
    if (db_open_writer(fixture->path, &schema, &db, &fixture->err) != OK)
        fail_msg("%s", fixture->err.text);
    return db;
}

static enum status attach(struct fixture *fixture, int64_t newest) {
    return db_attach(fixture->scratch, fixture->path, "shop", newest, &fixture->err);
}

static int64_t count_items(struct db *db) {
    sqlite3_stmt *stmt;
    bool row;
    assert_int_equal(db_prepare(db, "SELECT count(*) FROM shop.items", &stmt, NULL), OK);
    assert_int_equal(db_step(stmt, &row, NULL), OK);
    int64_t n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return n;
}

static void db_attach__sees_what_a_running_writer_commits_and_cannot_write(void **state) {
    struct fixture *fixture = *state;
    struct db *writer = open_writer(fixture);

    assert_int_equal(attach(fixture, NEWEST), OK);
    assert_int_equal(db_exec(writer, "INSERT INTO items VALUES ('second')", NULL), OK);

    assert_int_equal(count_items(fixture->scratch), 2);
    assert_int_not_equal(db_exec(fixture->scratch, "DELETE FROM shop.items", NULL), OK);
    db_close(writer);
}

static void db_attach__reads_what_a_killed_writer_left_in_its_log(void **state) {
    struct fixture *fixture = *state;
    char index[160];
    pid_t pid = fork();
    if (pid == 0) {
        struct db *writer = open_writer(fixture);
        db_exec(writer, "INSERT INTO items VALUES ('second')", NULL);
        kill(getpid(), SIGKILL);
    }
    waitpid(pid, NULL, 0);
    snprintf(index, sizeof index, "%s-shm", fixture->path);
    assert_int_equal(unlink(index), 0); /* as when the files were copied */

    assert_int_equal(attach(fixture, NEWEST), OK);
    assert_int_equal(count_items(fixture->scratch), 2);
}

/* Root may write everywhere; another user not. */
static void lock_folder(struct fixture *fixture) {
    assert_int_equal(chmod(fixture->folder.path, 0555), 0);
    if (geteuid() == 0)
        assert_int_equal(seteuid(NOBODY), 0);
}

static void db_attach__reads_a_stopped_database_where_it_may_not_write(void **state) {
    struct fixture *fixture = *state;
    db_close(open_writer(fixture));
    lock_folder(fixture);

    assert_int_equal(attach(fixture, NEWEST), OK);
    assert_int_equal(count_items(fixture->scratch), 1);
}

static void db_attach__says_so_when_a_log_cannot_be_read_where_it_may_not_write(void **state) {
    struct fixture *fixture = *state;
    char log[160];
    db_close(open_writer(fixture));
    snprintf(log, sizeof log, "%s-wal", fixture->path);
    FILE *file = fopen(log, "w");
    assert_non_null(file);
    fputs("not empty", file);
    fclose(file);
    lock_folder(fixture);

    assert_int_equal(attach(fixture, NEWEST), ERR_UNAVAILABLE);
    assert_non_null(strstr(fixture->err.text, "copy"));
}

static void db_attach__refuses_what_is_no_database_of_ours(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(attach(fixture, NEWEST), ERR_NOT_FOUND);
    assert_non_null(strstr(fixture->err.text, fixture->path));

    FILE *file = fopen(fixture->path, "w");
    assert_non_null(file);
    fputs("This is a text, and it is long enough to have a page of its own.", file);
    fclose(file);
    assert_int_equal(attach(fixture, NEWEST), ERR_INVALID);
    assert_non_null(strstr(fixture->err.text, fixture->path));
}

static void db_attach__refuses_a_newer_version(void **state) {
    struct fixture *fixture = *state;
    struct db *writer = open_writer(fixture);
    assert_int_equal(db_exec(writer, "PRAGMA user_version = 7", NULL), OK);
    db_close(writer);

    assert_int_equal(attach(fixture, NEWEST), ERR_INVALID);
    assert_non_null(strstr(fixture->err.text, "version 7"));
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(db_attach__sees_what_a_running_writer_commits_and_cannot_write),
        WITH_FOLDER(db_attach__reads_what_a_killed_writer_left_in_its_log),
        WITH_FOLDER(db_attach__reads_a_stopped_database_where_it_may_not_write),
        WITH_FOLDER(db_attach__says_so_when_a_log_cannot_be_read_where_it_may_not_write),
        WITH_FOLDER(db_attach__refuses_what_is_no_database_of_ours),
        WITH_FOLDER(db_attach__refuses_a_newer_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
