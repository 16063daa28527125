/* balance(): entries that balance give 0, and others do not. */
#include "orderctl/adapters/audit_balance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct db *books;

static int open_books(void **state) {
    struct error err;
    (void)state;
    assert_int_equal(db_open_scratch(&books, &err), OK);
    assert_int_equal(audit_balance_define(books, &err), OK);
    return 0;
}

static int close_books(void **state) {
    (void)state;
    db_close(books);
    return 0;
}

static int64_t number(const char *sql) {
    struct error err;
    sqlite3_stmt *stmt;
    bool row;
    assert_int_equal(db_prepare(books, sql, &stmt, &err), OK);
    assert_int_equal(db_step(stmt, &row, &err), OK);
    assert_true(row);
    int64_t result = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return result;
}

/* Of entries (n, a, b). */
static int64_t balance_of(const char *entries) {
    char sql[1024];
    snprintf(sql, sizeof sql, "WITH e (n, a, b) AS (VALUES %s) SELECT balance(n, a, b) FROM e",
             entries);
    return number(sql);
}

static void balance__is_0_of_entries_that_balance(void **state) {
    (void)state;
    assert_int_equal(number("SELECT balance(1, 'x') WHERE 0"), 0);
    assert_int_equal(balance_of("(1, 'x', 'y'), (-1, 'x', 'y')"), 0);
    assert_int_equal(balance_of("(-1, 'x', NULL), (1, 7, ''), (1, 'x', NULL), (-1, 7, '')"), 0);
    assert_int_equal(balance_of("(2, 'x', x'00'), (-1, 'x', x'00'), (-1, 'x', x'00')"), 0);
}

static void balance__is_another_number_of_others(void **state) {
    (void)state;
    assert_int_not_equal(balance_of("(1, 'x', 'y')"), 0);
    assert_int_not_equal(balance_of("(1, 'x', 'y'), (1, 'x', 'y'), (-1, 'x', 'y')"), 0);
    assert_int_not_equal(balance_of("(1, 'x', 'y'), (-1, 'x', 'z')"), 0);
    assert_int_not_equal(balance_of("(1, 'x', 'y'), (-1, 'y', 'x')"), 0);
    assert_int_not_equal(balance_of("(1, 'ab', 'c'), (-1, 'a', 'bc')"), 0);
    /* As the digest sees TEXT behind TEXT: 3 is its type. */
    assert_int_not_equal(balance_of("(1, 'a' || char(3, 0, 0, 0) || 'b', 'c'),"
                                    " (-1, 'a', 'b' || char(3, 0, 0, 0) || 'c')"),
                         0);
    assert_int_not_equal(balance_of("(1, 'x', NULL), (-1, 'x', '')"), 0);
    assert_int_not_equal(balance_of("(1, 'x', 1), (-1, 'x', '1')"), 0);
}

/* Where the keys of two entries are exchanged, each key for itself is as often
 * there as before. The 100,000 pairs differ in their last bytes only: the sums of
 * a digest that does not mix those well are the same for many of them. */
static void balance__sees_that_keys_were_exchanged(void **state) {
    (void)state;
    assert_int_equal(number("WITH RECURSIVE pairs (i) AS"
                            " (VALUES (1) UNION ALL SELECT i + 1 FROM pairs WHERE i < 100000),"
                            " entries (i, n, a, b) AS ("
                            "  SELECT i, 1, i, 'a' FROM pairs UNION ALL"
                            "  SELECT i, 1, i + 1, 'b' FROM pairs UNION ALL"
                            "  SELECT i, -1, i, 'b' FROM pairs UNION ALL"
                            "  SELECT i, -1, i + 1, 'a' FROM pairs)"
                            " SELECT count(*) FROM (SELECT balance(n, a, b) AS sum FROM entries"
                            "  GROUP BY i) WHERE sum = 0"),
                     0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balance__is_0_of_entries_that_balance),
        cmocka_unit_test(balance__is_another_number_of_others),
        cmocka_unit_test(balance__sees_that_keys_were_exchanged),
    };
    return cmocka_run_group_tests(tests, open_books, close_books);
}
