#include "orderctl/dlq_selection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct config config = {.topics = {"orders", "empty", "actions"}};

enum { ARGUMENTS_MAX = 8 };

/* Reads the arguments, NULL ends. */
static enum status read(enum dlq_command command, const char *const arguments[],
                        struct dlq_selection *out, struct error *err) {
    char *argv[ARGUMENTS_MAX + 1] = {"command"};
    int argc = 1;
    for (; arguments[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
    return dlq_selection_read(&config, command, argc, argv, out, err);
}

#define READ(command, out, err, ...)                                                               \
    read(command, (const char *const[]){__VA_ARGS__, NULL}, out, err)

static void dlq_selection_read__means_open_letters_of_the_shop_when_nothing_is_said(void **state) {
    struct dlq_selection selection;
    (void)state;

    assert_int_equal(READ(DLQ_LIST, &selection, NULL, NULL), OK);

    assert_int_equal(selection.n_topics, 3);
    assert_string_equal(selection.topics[0], "orders.dlq");
    assert_string_equal(selection.topics[2], "actions.dlq");
    assert_false(selection.names_topics);
    assert_int_equal(selection.partition, -1);
    assert_int_equal(selection.offset, -1);
    assert_null(selection.reason);
    assert_int_equal(selection.since_ms, INT64_MIN);
    assert_int_equal(selection.until_ms, INT64_MAX);
    assert_int_equal(selection.limit, INT64_MAX);
    assert_false(selection.all_states);
}

static void dlq_selection_read__takes_values_behind_a_blank_or_an_equals_sign(void **state) {
    struct dlq_selection selection;
    (void)state;

    assert_int_equal(READ(DLQ_REPLAY, &selection, NULL, "--topic=orders", "--topic", "x.dlq",
                          "--offset=3", "--reason=a=b", "--dry-run"),
                     OK);

    assert_int_equal(selection.n_topics, 2);
    assert_string_equal(selection.topics[0], "orders.dlq");
    assert_string_equal(selection.topics[1], "x.dlq");
    assert_int_equal(selection.offset, 3);
    assert_string_equal(selection.reason, "a=b");
    assert_true(selection.dry_run);
}

static void dlq_selection_read__is_invalid_when_an_argument_is_wrong(void **state) {
    static const struct {
        enum dlq_command command;
        const char *arguments[4];
        const char *named;
    } cases[] = {
        {DLQ_LIST, {"orders"}, "orders"},
        {DLQ_LIST, {"--all"}, "--all"},
        {DLQ_REPLAY, {"--all", "--json"}, "--json"},
        {DLQ_LIST, {"--json=yes"}, "--json=yes"},
        {DLQ_LIST, {"--topi", "orders"}, "--topi"},
        {DLQ_LIST, {"--topic"}, "--topic"},
        {DLQ_LIST, {"--topic", ".dlq"}, "--topic"},
        {DLQ_LIST, {"--partition", "-1"}, "--partition"},
        {DLQ_LIST, {"--partition", ""}, "--partition"},
        {DLQ_LIST, {"--limit", "99999999999999999999"}, "--limit"},
        {DLQ_LIST, {"--since", "soon"}, "--since"},
        {DLQ_LIST, {"--until", "2999-01-01T00:00:00Z"}, "--until"},
        {DLQ_LIST, {"--offset", "1"}, "--offset needs --topic"},
        {DLQ_REPLAY, {NULL}, "--all"},
        {DLQ_DISCARD, {"--limit", "1"}, "--all"},
        {DLQ_DISCARD, {"--all-states"}, "--all"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dlq_selection selection;
        struct error err = {""};
        assert_int_equal(read(cases[i].command, cases[i].arguments, &selection, &err), ERR_INVALID);
        if (!strstr(err.text, cases[i].named))
            fail_msg("case %zu: no %s in %s", i, cases[i].named, err.text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dlq_selection_read__means_open_letters_of_the_shop_when_nothing_is_said),
        cmocka_unit_test(dlq_selection_read__takes_values_behind_a_blank_or_an_equals_sign),
        cmocka_unit_test(dlq_selection_read__is_invalid_when_an_argument_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
