#include "base/env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct config {
    const char *brokers;
    int64_t port;
    int format;
};

static const struct env_setting settings[] = {
    ENV_TEXT(struct config, brokers, "TEST_BROKERS", "localhost:29092", "where Kafka is"),
    ENV_INT(struct config, port, "TEST_PORT", "3000", 0, 65535, "TCP port"),
    ENV_CHOICE(struct config, format, "TEST_FORMAT", "text", "text|json", "form of the lines"),
};

enum { N_SETTINGS = sizeof settings / sizeof settings[0] };

static int forget_variables(void **state) {
    (void)state;
    for (size_t i = 0; i < N_SETTINGS; i++)
        unsetenv(settings[i].name);
    return 0;
}

static size_t read_settings(struct config *config, struct strbuf *faults) {
    strbuf_init(faults);
    return env_read(settings, N_SETTINGS, config, faults);
}

static void env_read__takes_the_fallback_when_a_variable_is_unset_or_empty(void **state) {
    (void)state;
    struct config config;
    struct strbuf faults;
    setenv("TEST_PORT", "", 1);
    assert_int_equal(read_settings(&config, &faults), 0);
    assert_string_equal(config.brokers, "localhost:29092");
    assert_int_equal(config.port, 3000);
    assert_int_equal(config.format, 0);
    assert_string_equal(faults.data, "");
    strbuf_release(&faults);
}

static void env_read__takes_the_variables_value_when_it_is_valid(void **state) {
    (void)state;
    struct config config;
    struct strbuf faults;
    setenv("TEST_BROKERS", "kafka:9092", 1);
    setenv("TEST_PORT", "65535", 1);
    setenv("TEST_FORMAT", "json", 1);
    assert_int_equal(read_settings(&config, &faults), 0);
    assert_string_equal(config.brokers, "kafka:9092");
    assert_int_equal(config.port, 65535);
    assert_int_equal(config.format, 1);
    strbuf_release(&faults);
}

static void env_read__tells_every_fault_and_keeps_fallbacks(void **state) {
    (void)state;
    struct config config;
    struct strbuf faults;
    setenv("TEST_PORT", "65536", 1);
    setenv("TEST_FORMAT", "xml", 1);
    assert_int_equal(read_settings(&config, &faults), 2);
    assert_string_equal(faults.data, "TEST_PORT=65536: must be a whole number from 0 to 65535\n"
                                     "TEST_FORMAT=xml: must be one of text|json\n");
    assert_int_equal(config.port, 3000);
    assert_int_equal(config.format, 0);
    strbuf_release(&faults);
}

static void env_read__refuses_a_number_when_it_is_not_all_digits(void **state) {
    (void)state;
    static const char *const values[] = {
        "x", "1x", "1 ", "-1", "0x10", "1e3", "99999999999999999999"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct config config;
        struct strbuf faults;
        setenv("TEST_PORT", values[i], 1);
        assert_int_equal(read_settings(&config, &faults), 1);
        assert_int_equal(config.port, 3000);
        strbuf_release(&faults);
    }
}

static void env_read__refuses_a_choice_when_it_is_only_a_part(void **state) {
    (void)state;
    static const char *const values[] = {"tex", "texts", "text|json", "|", "JSON"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct config config;
        struct strbuf faults;
        setenv("TEST_FORMAT", values[i], 1);
        assert_int_equal(read_settings(&config, &faults), 1);
        strbuf_release(&faults);
    }
}

static void env_describe__gives_a_line_for_each_setting(void **state) {
    (void)state;
    struct strbuf text;
    strbuf_init(&text);
    env_describe(settings, N_SETTINGS, &text);
    const char *at = text.data;
    for (size_t i = 0; i < N_SETTINGS; i++) {
        at = strstr(at, settings[i].name);
        assert_non_null(at);
        at = strstr(at, settings[i].fallback);
        assert_non_null(at);
        at = strstr(at, settings[i].meaning);
        assert_non_null(at);
    }
    strbuf_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(env_read__takes_the_fallback_when_a_variable_is_unset_or_empty,
                               forget_variables),
        cmocka_unit_test_setup(env_read__takes_the_variables_value_when_it_is_valid,
                               forget_variables),
        cmocka_unit_test_setup(env_read__tells_every_fault_and_keeps_fallbacks, forget_variables),
        cmocka_unit_test_setup(env_read__refuses_a_number_when_it_is_not_all_digits,
                               forget_variables),
        cmocka_unit_test_setup(env_read__refuses_a_choice_when_it_is_only_a_part, forget_variables),
        cmocka_unit_test_setup(env_describe__gives_a_line_for_each_setting, forget_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
