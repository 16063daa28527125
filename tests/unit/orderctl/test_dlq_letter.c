#include "orderctl/dlq_letter.h"
#include "orderctl/plain_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(text)                                                                                 \
    { text, sizeof(text) - 1 }

static const struct record letter_record = {
    .topic = "orders.dlq",
    .partition = 0,
    .offset = 4,
    .n_headers = 5,
    .headers = {{DEAD_LETTER_TOPIC, TEXT("orders")},
                {DEAD_LETTER_PARTITION, TEXT("2")},
                {DEAD_LETTER_OFFSET, TEXT("77")},
                {DEAD_LETTER_GROUP, TEXT("a-group")},
                {DEAD_LETTER_CLUSTER, TEXT("old-cluster")}},
};

static void letter_read__names_the_refusal_and_not_the_letters_place(void **state) {
    struct letter letter, copy;
    struct record elsewhere = letter_record;
    (void)state;
    elsewhere.offset = 5;

    letter_read(&letter_record, "this-cluster", &letter);
    letter_read(&elsewhere, "another-cluster", &copy);

    assert_string_equal(letter.name, "a-group old-cluster/orders/2/77");
    assert_string_equal(copy.name, letter.name);
    assert_int_equal(letter.state, LETTER_OPEN);
}

static void letter_read__names_the_letters_place_when_it_says_nothing(void **state) {
    const struct record bare = {.topic = "orders.dlq", .partition = 1, .offset = 5};
    struct letter letter;
    (void)state;

    letter_read(&bare, "this-cluster", &letter);

    assert_string_equal(letter.name, " this-cluster/orders.dlq/1/5");
}

static void letter_mark_read__tells_what_was_written(void **state) {
    static const enum letter_state states[] = {LETTER_REPLAYED, LETTER_DISCARDED};
    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct letter letter;
        struct record mark;
        char time[CLOCK_RFC3339_SIZE], name[LETTER_NAME_SIZE];
        enum letter_state read;
        letter_read(&letter_record, "this-cluster", &letter);

        letter_mark_write(&letter, states[i], time, &mark);

        assert_string_equal(mark.topic, "orders.dlq");
        assert_null(mark.value.data);
        assert_true(letter_mark_read(&mark, name, &read));
        assert_string_equal(name, letter.name);
        assert_int_equal(read, states[i]);
    }
}

static void letter_mark_read__finds_none_in_a_letter(void **state) {
    const struct record unknown_state = {
        .n_headers = 2, .headers = {{DLQ_MARK_LETTER, TEXT("x")}, {DLQ_MARK_STATE, TEXT("lost")}}};
    const struct record refused_mark = {.n_headers = 3,
                                        .headers = {{DLQ_MARK_LETTER, TEXT("x")},
                                                    {DLQ_MARK_STATE, TEXT("replayed")},
                                                    {DEAD_LETTER_TOPIC, TEXT("orders")}}};
    char name[LETTER_NAME_SIZE];
    enum letter_state read;
    (void)state;

    assert_false(letter_mark_read(&letter_record, name, &read));
    assert_false(letter_mark_read(&unknown_state, name, &read));
    assert_false(letter_mark_read(&refused_mark, name, &read));
}

static void plain_text_add__leaves_nothing_that_moves_a_cursor(void **state) {
    struct strbuf out;
    (void)state;
    strbuf_init(&out);

    plain_text_add(&out, (struct bytes)TEXT("a\033[2J\n\xc2\x9b\xff\xc3\xa4"));

    assert_string_equal(out.data, "a\\x1b[2J\\x0a\\xc2\\x9b\\xff\xc3\xa4");
    strbuf_release(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letter_read__names_the_refusal_and_not_the_letters_place),
        cmocka_unit_test(letter_read__names_the_letters_place_when_it_says_nothing),
        cmocka_unit_test(letter_mark_read__tells_what_was_written),
        cmocka_unit_test(letter_mark_read__finds_none_in_a_letter),
        cmocka_unit_test(plain_text_add__leaves_nothing_that_moves_a_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
