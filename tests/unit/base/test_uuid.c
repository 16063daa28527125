#include "base/uuid.h"

#include "base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N_IDS = 20000 };

static void uuid_v7__has_the_layout_of_version_7(void **state) {
    (void)state;
    char id[UUID_SIZE];
    uuid_v7(id);
    assert_int_equal(strlen(id), UUID_SIZE - 1);
    assert_int_equal(strspn(id, "0123456789abcdef-"), UUID_SIZE - 1);
    assert_true(id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-');
    assert_int_equal(id[14], '7');
    assert_non_null(strchr("89ab", id[19]));
}

static void uuid_v7__begins_with_the_time(void **state) {
    (void)state;
    char id[UUID_SIZE];
    int64_t before_ms = clock_now_ms();
    uuid_v7(id);
    char digits[13] = {0};
    memcpy(digits, id, 8);
    memcpy(digits + 8, id + 9, 4);
    /* Ids made before it may have pushed the counter ahead of the clock. */
    assert_in_range(strtoll(digits, NULL, 16), before_ms, clock_now_ms() + 1000);
}

static void uuid_v7__grows_when_many_are_made_in_a_millisecond(void **state) {
    (void)state;
    char last[UUID_SIZE] = "";
    for (int i = 0; i < N_IDS; i++) {
        char id[UUID_SIZE];
        uuid_v7(id);
        assert_true(strcmp(last, id) < 0);
        memcpy(last, id, sizeof id);
    }
}

static void *make_ids(void *out) {
    char(*ids)[UUID_SIZE] = out;
    for (int i = 0; i < N_IDS; i++)
        uuid_v7(ids[i]);
    return NULL;
}

static int compare_ids(const void *a, const void *b) {
    return strcmp(a, b);
}

static void uuid_v7__is_unique_when_threads_make_them_at_once(void **state) {
    (void)state;
    static char ids[2 * N_IDS][UUID_SIZE];
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, make_ids, ids), 0);
    make_ids(ids + N_IDS);
    assert_int_equal(pthread_join(thread, NULL), 0);

    qsort(ids, 2 * N_IDS, UUID_SIZE, compare_ids);
    for (int i = 1; i < 2 * N_IDS; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
}

static void uuid_random_hex__writes_two_digits_a_byte_and_never_all_zero(void **state) {
    (void)state;
    for (int i = 0; i < 2000; i++) {
        char digits[17];
        memset(digits, 'x', sizeof digits);
        uuid_random_hex(digits, 1);
        assert_int_equal(strlen(digits), 2);
        assert_string_not_equal(digits, "00");
        uuid_random_hex(digits, 8);
        assert_int_equal(strlen(digits), 16);
        assert_int_equal(strspn(digits, "0123456789abcdef"), 16);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uuid_v7__has_the_layout_of_version_7),
        cmocka_unit_test(uuid_v7__begins_with_the_time),
        cmocka_unit_test(uuid_v7__grows_when_many_are_made_in_a_millisecond),
        cmocka_unit_test(uuid_v7__is_unique_when_threads_make_them_at_once),
        cmocka_unit_test(uuid_random_hex__writes_two_digits_a_byte_and_never_all_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
