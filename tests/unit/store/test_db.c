#include "store/db.h"

#include "unit/store/folder.h"

#include <sys/stat.h>
#include <sys/wait.h>

static const char *const steps[] = {
    "CREATE TABLE items (name TEXT NOT NULL) STRICT; INSERT INTO items VALUES ('first')",
    "ALTER TABLE items ADD COLUMN price INTEGER NOT NULL DEFAULT 7",
    "INSERT INTO items (name, price) VALUES ('third', 3)",
};

static const struct db_schema version_1 = {steps, 1};
static const struct db_schema version_3 = {steps, 3};

struct fixture {
    struct folder folder;
    char path[128];
    struct error err;
};

static int set_up(void **state) {
    static struct fixture fixture;
    folder_make(&fixture.folder);
    folder_path(&fixture.folder, "shop.db", fixture.path);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    folder_remove(&fixture->folder);
    return 0;
}

static struct db *open_writer(struct fixture *fixture, const struct db_schema *schema) {
    struct db *db = NULL;
    if (db_open_writer(fixture->path, schema, &db, &fixture->err) != OK)
        fail_msg("%s", fixture->err.text);
    return db;
}

static int64_t read_int(struct db *db, const char *sql) {
    sqlite3_stmt *stmt;
    struct error err;
    bool row;
    assert_int_equal(db_prepare(db, sql, &stmt, &err), OK);
    assert_int_equal(db_step(stmt, &row, &err), OK);
    assert_true(row);
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

/* The whole content of a small file. */
static size_t read_file(const char *path, char *out, size_t size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(out, 1, size, file);
    fclose(file);
    assert_true(n < size);
    return n;
}

static void assert_refused_untouched(struct fixture *fixture, const struct db_schema *schema,
                                     const char *reason) {
    static char before[65536], after[65536];
    struct db *db = NULL;
    size_t n_before = read_file(fixture->path, before, sizeof before);

    assert_int_equal(db_open_writer(fixture->path, schema, &db, &fixture->err), ERR_INVALID);

    assert_null(db);
    assert_non_null(strstr(fixture->err.text, reason));
    assert_non_null(strstr(fixture->err.text, fixture->path));
    assert_int_equal(read_file(fixture->path, after, sizeof after), n_before);
    assert_memory_equal(before, after, n_before);
}

static void db_open_writer__makes_the_database_when_there_is_none(void **state) {
    struct fixture *fixture = *state;
    struct db *db = open_writer(fixture, &version_3);
    assert_string_equal(db_path(db), fixture->path);
    assert_int_equal(read_int(db, "PRAGMA user_version"), 3);
    assert_int_equal(read_int(db, "SELECT count(*) FROM items"), 2);
    db_close(db);
}

static void db_open_writer__syncs_each_commit_to_a_write_ahead_log(void **state) {
    struct fixture *fixture = *state;
    struct db *db = open_writer(fixture, &version_1);
    sqlite3_stmt *stmt;
    bool row;
    assert_int_equal(read_int(db, "PRAGMA synchronous"), 2);
    assert_int_equal(db_prepare(db, "PRAGMA journal_mode", &stmt, NULL), OK);
    assert_int_equal(db_step(stmt, &row, NULL), OK);
    assert_string_equal(db_column_text(stmt, 0), "wal");
    sqlite3_finalize(stmt);
    db_close(db);
}

static void db_open_writer__runs_only_the_steps_that_are_missing(void **state) {
    struct fixture *fixture = *state;
    struct db *db = open_writer(fixture, &version_1);
    assert_int_equal(read_int(db, "PRAGMA user_version"), 1);
    assert_int_equal(db_exec(db, "INSERT INTO items VALUES ('kept')", NULL), OK);
    db_close(db);

    db = open_writer(fixture, &version_3);
    assert_int_equal(read_int(db, "SELECT count(*) FROM items"), 3);
    assert_int_equal(read_int(db, "SELECT price FROM items WHERE name = 'kept'"), 7);
    db_close(db);

    db = open_writer(fixture, &version_3);
    assert_int_equal(read_int(db, "SELECT count(*) FROM items"), 3);
    db_close(db);
}

static void db_open_writer__undoes_a_step_that_fails_and_keeps_those_before_it(void **state) {
    struct fixture *fixture = *state;
    static const char *const broken_steps[] = {
        "CREATE TABLE items (name TEXT)",
        "INSERT INTO items VALUES ('half a step'); INSERT INTO no_such_table VALUES (1)",
    };
    struct db *db = NULL;
    assert_int_equal(
        db_open_writer(fixture->path, &(struct db_schema){broken_steps, 2}, &db, &fixture->err),
        ERR_BUG);
    assert_null(db);
    assert_non_null(strstr(fixture->err.text, "version 2"));

    db = open_writer(fixture, &(struct db_schema){broken_steps, 1});
    assert_int_equal(read_int(db, "PRAGMA user_version"), 1);
    assert_int_equal(read_int(db, "SELECT count(*) FROM items"), 0);
    db_close(db);
}

static void db_open_writer__refuses_a_newer_version_and_leaves_it_alone(void **state) {
    struct fixture *fixture = *state;
    db_close(open_writer(fixture, &version_3));
    assert_refused_untouched(fixture, &version_1, "version 3");
}

static void db_open_writer__refuses_a_database_of_another_program(void **state) {
    struct fixture *fixture = *state;
    sqlite3 *foreign;
    assert_int_equal(sqlite3_open(fixture->path, &foreign), SQLITE_OK);
    assert_int_equal(sqlite3_exec(foreign, "CREATE TABLE theirs (x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(foreign);
    assert_refused_untouched(fixture, &version_3, "not a database of Orderflow");
}

static void db_open_writer__refuses_a_file_that_is_no_database(void **state) {
    struct fixture *fixture = *state;
    FILE *file = fopen(fixture->path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fputs("a diary, not a database\n", file);
    fclose(file);
    assert_refused_untouched(fixture, &version_3, "not a database");
}

static void db_open_writer__is_unavailable_when_the_folder_is_missing(void **state) {
    struct fixture *fixture = *state;
    struct db *db = NULL;
    folder_path(&fixture->folder, "missing/shop.db", fixture->path);
    assert_int_equal(db_open_writer(fixture->path, &version_1, &db, &fixture->err),
                     ERR_UNAVAILABLE);
    assert_null(db);
}

static void db_open_writer__is_busy_when_another_process_has_it(void **state) {
    struct fixture *fixture = *state;
    struct db *db = open_writer(fixture, &version_1);

    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct db *second = NULL;
        _exit((int)db_open_writer(fixture->path, &version_1, &second, NULL));
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), ERR_BUSY);

    db_close(db);
    db_close(open_writer(fixture, &version_1));
}

static void db_open_reader__sees_what_was_committed_and_cannot_write(void **state) {
    struct fixture *fixture = *state;
    struct db *writer = open_writer(fixture, &version_1), *reader = NULL;
    assert_int_equal(db_open_reader(fixture->path, &reader, &fixture->err), OK);
    assert_int_equal(db_exec(writer, "BEGIN; INSERT INTO items VALUES ('second')", NULL), OK);
    assert_int_equal(read_int(reader, "SELECT count(*) FROM items"), 1);
    assert_int_equal(db_exec(writer, "COMMIT", NULL), OK);
    assert_int_equal(read_int(reader, "SELECT count(*) FROM items"), 2);
    assert_int_equal(db_exec(reader, "DELETE FROM items", &fixture->err), ERR_UNAVAILABLE);
    db_close(reader);
    db_close(writer);
}

static void db_open_reader__is_unavailable_when_there_is_no_database(void **state) {
    struct fixture *fixture = *state;
    struct db *reader = NULL;
    assert_int_equal(db_open_reader(fixture->path, &reader, &fixture->err), ERR_UNAVAILABLE);
    assert_null(reader);
    assert_int_equal(access(fixture->path, F_OK), -1);
}

static void db_step__leaves_the_statement_ready_when_rows_end_or_it_fails(void **state) {
    struct fixture *fixture = *state;
    struct db *db = open_writer(fixture, &version_1);
    sqlite3_stmt *insert;
    bool row;
    assert_int_equal(db_exec(db, "CREATE UNIQUE INDEX by_name ON items (name)", NULL), OK);
    assert_int_equal(db_prepare(db, "INSERT INTO items VALUES (?)", &insert, NULL), OK);

    db_bind_text(insert, 1, "second");
    assert_int_equal(db_step(insert, &row, &fixture->err), OK);
    assert_false(row);
    db_bind_text(insert, 1, "second");
    assert_int_equal(db_run(insert, &fixture->err), ERR_BUG);
    assert_non_null(strstr(fixture->err.text, "UNIQUE"));
    db_bind_text(insert, 1, "third");
    assert_int_equal(db_run(insert, &fixture->err), OK);

    assert_int_equal(read_int(db, "SELECT count(*) FROM items"), 3);
    sqlite3_finalize(insert);
    db_close(db);
}

static void db_bind_blob__tells_no_bytes_from_null(void **state) {
    struct fixture *fixture = *state;
    struct db *db = open_writer(fixture, &version_1);
    sqlite3_stmt *stmt;
    bool row;
    assert_int_equal(db_prepare(db, "SELECT ?1 IS NULL, ?2 IS NULL", &stmt, NULL), OK);
    db_bind_blob(stmt, 1, NULL, 0);
    db_bind_blob(stmt, 2, "", 0);
    assert_int_equal(db_step(stmt, &row, NULL), OK);
    assert_int_equal(sqlite3_column_int(stmt, 0), 1);
    assert_int_equal(sqlite3_column_int(stmt, 1), 0);
    sqlite3_finalize(stmt);
    db_close(db);
}

static void db_copy_text__cuts_what_is_too_long_and_takes_null_for_nothing(void **state) {
    struct fixture *fixture = *state;
    struct db *db = open_writer(fixture, &version_1);
    sqlite3_stmt *stmt;
    bool row;
    char text[5];
    assert_int_equal(db_prepare(db, "SELECT 'PRODUCT', NULL", &stmt, NULL), OK);
    assert_int_equal(db_step(stmt, &row, NULL), OK);
    db_copy_text(stmt, 0, text, sizeof text);
    assert_string_equal(text, "PROD");
    db_copy_text(stmt, 1, text, sizeof text);
    assert_string_equal(text, "");
    sqlite3_finalize(stmt);
    db_close(db);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(db_open_writer__makes_the_database_when_there_is_none),
        WITH_FOLDER(db_open_writer__syncs_each_commit_to_a_write_ahead_log),
        WITH_FOLDER(db_open_writer__runs_only_the_steps_that_are_missing),
        WITH_FOLDER(db_open_writer__undoes_a_step_that_fails_and_keeps_those_before_it),
        WITH_FOLDER(db_open_writer__refuses_a_newer_version_and_leaves_it_alone),
        WITH_FOLDER(db_open_writer__refuses_a_database_of_another_program),
        WITH_FOLDER(db_open_writer__refuses_a_file_that_is_no_database),
        WITH_FOLDER(db_open_writer__is_unavailable_when_the_folder_is_missing),
        WITH_FOLDER(db_open_writer__is_busy_when_another_process_has_it),
        WITH_FOLDER(db_open_reader__sees_what_was_committed_and_cannot_write),
        WITH_FOLDER(db_open_reader__is_unavailable_when_there_is_no_database),
        WITH_FOLDER(db_step__leaves_the_statement_ready_when_rows_end_or_it_fails),
        WITH_FOLDER(db_bind_blob__tells_no_bytes_from_null),
        WITH_FOLDER(db_copy_text__cuts_what_is_too_long_and_takes_null_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
