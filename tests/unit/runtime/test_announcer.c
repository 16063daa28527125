#include "runtime/announcer.h"

#include "unit/store/folder.h"

#include <fcntl.h>

static const char *const steps[] = {ANNOUNCER_SCHEMA};

/* While it runs, stdout is a file in the test's folder. */
struct fixture {
    struct folder folder;
    char db_path[128], out_path[128];
    int stdout_fd; /* the real one */
    struct db *db;
    struct announcer *announcer;
    struct error err;
};

static void open_all(struct fixture *fixture) {
    struct error *err = &fixture->err;
    if (db_open_writer(fixture->db_path, &(struct db_schema){steps, 1}, &fixture->db, err) != OK ||
        announcer_open(fixture->db, &fixture->announcer, err) != OK)
        fail_msg("%s", err->text);
}

/* Without a word about what was printed: as after a kill. */
static void close_all(struct fixture *fixture) {
    announcer_close(fixture->announcer);
    db_close(fixture->db);
}

static void redirect_stdout(const char *path, int flags) {
    int fd = open(path, flags, 0600);
    assert_true(fd >= 0);
    assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
    close(fd);
}

static int set_up(void **state) {
    static struct fixture fixture;
    folder_make(&fixture.folder);
    folder_path(&fixture.folder, "shop.db", fixture.db_path);
    folder_path(&fixture.folder, "stdout", fixture.out_path);
    fflush(stdout);
    fixture.stdout_fd = dup(STDOUT_FILENO);
    redirect_stdout(fixture.out_path, O_WRONLY | O_CREAT | O_APPEND);
    open_all(&fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    close_all(fixture);
    dup2(fixture->stdout_fd, STDOUT_FILENO);
    close(fixture->stdout_fd);
    folder_remove(&fixture->folder);
    return 0;
}

static void add(struct fixture *fixture, int64_t row, const char *text) {
    announcer_add(fixture->announcer, row, text, strlen(text));
}

static void note(struct fixture *fixture) {
    assert_int_equal(announcer_note(fixture->announcer, &fixture->err), OK);
}

static void assert_printed(struct fixture *fixture, const char *expected) {
    char text[256];
    FILE *file = fopen(fixture->out_path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, expected);
}

static void announcer__prints_in_order_when_the_transaction_is_committed(void **state) {
    struct fixture *fixture = *state;
    add(fixture, 1, "one\n");
    add(fixture, 2, "two\n");
    assert_printed(fixture, "");
    announcer_settle(fixture->announcer, true);
    assert_printed(fixture, "one\ntwo\n");
    assert_true(announcer_is_behind(fixture->announcer));
}

static void announcer__prints_nothing_when_the_transaction_is_undone(void **state) {
    struct fixture *fixture = *state;
    add(fixture, 1, "one\n");
    announcer_settle(fixture->announcer, false);
    assert_false(announcer_is_behind(fixture->announcer));
    add(fixture, 1, "one again\n");
    announcer_settle(fixture->announcer, true);
    assert_printed(fixture, "one again\n");
}

static void announcer__is_not_behind_when_nothing_was_added(void **state) {
    struct fixture *fixture = *state;
    announcer_settle(fixture->announcer, true);
    assert_false(announcer_is_behind(fixture->announcer));
    assert_printed(fixture, "");
}

static void announcer_upto__stays_behind_what_was_not_noted_before_a_crash(void **state) {
    struct fixture *fixture = *state;
    add(fixture, 1, "one\n");
    announcer_settle(fixture->announcer, true);
    note(fixture);
    add(fixture, 2, "two\n");
    announcer_settle(fixture->announcer, true);

    close_all(fixture);
    open_all(fixture);

    assert_int_equal(announcer_upto(fixture->announcer), 1);
    add(fixture, 2, "two\n");
    add(fixture, 3, "three\n");
    announcer_settle(fixture->announcer, true);
    note(fixture);
    assert_int_equal(announcer_upto(fixture->announcer), 3);
    assert_printed(fixture, "one\ntwo\ntwo\nthree\n");
}

static void announcer_note__is_kept_over_a_restart(void **state) {
    struct fixture *fixture = *state;
    add(fixture, 7, "seven\n");
    announcer_settle(fixture->announcer, true);
    note(fixture);
    assert_false(announcer_is_behind(fixture->announcer));
    close_all(fixture);
    open_all(fixture);
    assert_int_equal(announcer_upto(fixture->announcer), 7);
}

static void announcer__loses_nothing_when_stdout_is_full(void **state) {
    struct fixture *fixture = *state;
    redirect_stdout("/dev/full", O_WRONLY);
    add(fixture, 1, "one\n");
    announcer_settle(fixture->announcer, true);
    assert_false(announcer_is_behind(fixture->announcer));

    /* Later lines wait too: they must not overtake the first. */
    redirect_stdout(fixture->out_path, O_WRONLY | O_APPEND);
    add(fixture, 2, "two\n");
    announcer_settle(fixture->announcer, true);
    note(fixture);
    assert_printed(fixture, "");

    close_all(fixture);
    open_all(fixture);
    assert_int_equal(announcer_upto(fixture->announcer), 0);
}

#define WITH_ANNOUNCER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ANNOUNCER(announcer__prints_in_order_when_the_transaction_is_committed),
        WITH_ANNOUNCER(announcer__prints_nothing_when_the_transaction_is_undone),
        WITH_ANNOUNCER(announcer__is_not_behind_when_nothing_was_added),
        WITH_ANNOUNCER(announcer_upto__stays_behind_what_was_not_noted_before_a_crash),
        WITH_ANNOUNCER(announcer_note__is_kept_over_a_restart),
        WITH_ANNOUNCER(announcer__loses_nothing_when_stdout_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
