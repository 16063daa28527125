/* The programs' arguments and settings, and what they say when they cannot start. */
#include "support/database.h"
#include "support/file.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <stdio.h>
#include <string.h>

static const enum shop_service services[N_SERVICES] = {ORDER, INVENTORY, NOTIFICATION, LOGGING};
enum { EXIT_SETTINGS = 2 };

static int open_shop(void **state) {
    *state = shop_open(BROKER_STEADY);
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static void help__names_arguments_and_settings(void **state) {
    for (size_t i = 0; i < N_SERVICES; i++) {
        struct process *process;
        assert_int_equal(shop_run(*state, services[i], "--help", &process), 0);
        static const char *const texts[] = {"--version",       "--check",           "--healthcheck",
                                            "KAFKA_BROKERS",   "KAFKA_CONFIG_FILE", "DATA_DIR",
                                            "HTTP_PORT",       "LOG_LEVEL",         "LOG_FORMAT",
                                            "TOPIC_NEW_ORDER", "HTTP_ADDRESS"};
        for (size_t j = 0; j < sizeof texts / sizeof *texts; j++)
            assert_non_null(strstr(process_stdout(process), texts[j]));
    }
}

static void version__names_program_and_version(void **state) {
    struct process *process;

    assert_int_equal(shop_run(*state, ORDER, "--version", &process), 0);

    assert_int_equal(strncmp(process_stdout(process), "order-service ", 14), 0);
    assert_int_equal(occurrences(process_stdout(process), "\n"), 1);
}

static void program__refuses_argument_when_it_is_unknown(void **state) {
    struct process *process;

    assert_int_equal(shop_run(*state, ORDER, "--no-such", &process), EXIT_SETTINGS);

    assert_non_null(strstr(process_stderr(process), "--no-such"));
}

static void check__succeeds_when_settings_are_good(void **state) {
    for (size_t i = 0; i < N_SERVICES; i++)
        assert_int_equal(shop_run(*state, services[i], "--check", NULL), 0);
}

static void set_bad_values(struct shop *shop) {
    shop_set(shop, "HTTP_PORT=99999");
    shop_set(shop, "LOG_FORMAT=xml");
    shop_set(shop, "HTTP_ADDRESS=nowhere");
    shop_set(shop, "TOPIC_NEW_ORDER=no spaces");
    shop_set(shop, "KAFKA_CONFIG_FILE=/no/such/file");
    shop_set(shop, "CATALOGUE_FILE=/no/such/catalogue");
}

static void assert_all_faults_named(const char *text) {
    static const char *const parts[] = {
        "HTTP_PORT",         "99999",           "LOG_FORMAT",        "xml",
        "HTTP_ADDRESS",      "TOPIC_NEW_ORDER", "KAFKA_CONFIG_FILE", "/no/such/file",
        "/no/such/catalogue"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_non_null(strstr(text, parts[i]));
}

static void check__names_all_faults_at_once(void **state) {
    struct process *process;
    set_bad_values(*state);

    assert_int_equal(shop_run(*state, ORDER, "--check", &process), EXIT_SETTINGS);

    assert_all_faults_named(process_stderr(process));
}

static void start__names_all_faults_at_once(void **state) {
    struct process *process;
    set_bad_values(*state);

    assert_int_equal(shop_run(*state, ORDER, NULL, &process), EXIT_SETTINGS);

    assert_all_faults_named(process_stderr(process));
}

static void healthcheck__says_whether_service_is_ready(void **state) {
    struct shop *shop = *state;
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    shop_set(shop, scratch_printf("HTTP_PORT=%d", shop_port(shop, ORDER)));

    assert_int_equal(shop_run(shop, ORDER, "--healthcheck", NULL), 0);

    shop_stop(shop, ORDER);
    assert_int_equal(shop_run(shop, ORDER, "--healthcheck", NULL), 1);
}

static void readyz__refuses_when_consumer_has_not_joined(void **state) {
    struct shop *shop = *state;
    shop_set(shop, "KAFKA_BROKERS=127.0.0.1:1");
    shop_start(shop, INVENTORY);

    assert_int_equal(http_get(shop_url(shop, INVENTORY, "/healthz")).status, 200);
    assert_int_equal(http_get(shop_url(shop, INVENTORY, "/readyz")).status, 503);
    shop_set(shop, scratch_printf("HTTP_PORT=%d", shop_port(shop, INVENTORY)));
    assert_int_equal(shop_run(shop, INVENTORY, "--healthcheck", NULL), 1);
    shop_stop(shop, INVENTORY);
}

static void assert_refused(struct shop *shop, enum shop_service service, const char *reason) {
    struct process *process;
    assert_int_equal(shop_run(shop, service, NULL, &process), 1);
    assert_non_null(strstr(process_stderr(process), reason));
    assert_int_equal(occurrences(process_stderr(process), "\n"), 1);
}

static void start__refuses_in_one_line_when_data_is_in_use(void **state) {
    struct shop *shop = *state;
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);

    assert_refused(shop, ORDER, "another process uses it");

    assert_int_equal(checkout(shop, golden_order("ORDER-1")).status, 201);
}

static void start__refuses_in_one_line_when_port_is_in_use(void **state) {
    struct shop *shop = *state;
    shop_start(shop, ORDER);
    const char *port = scratch_printf("%d", shop_port(shop, ORDER));
    shop_set(shop, scratch_printf("HTTP_PORT=%s", port));

    assert_refused(shop, INVENTORY, port);
}

static void start__refuses_in_one_line_when_database_is_of_newer_version(void **state) {
    struct shop *shop = *state;
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    shop_stop(shop, ORDER);
    database_change(shop, ORDER, "PRAGMA user_version = 1000");

    assert_refused(shop, ORDER, "version 1000");

    assert_int_equal(database_number(shop, ORDER, "PRAGMA user_version"), 1000);
}

static void start__refuses_in_one_line_when_database_is_another_programs(void **state) {
    struct shop *shop = *state;
    FILE *file = fopen(shop_database(shop, LOGGING), "we");
    fputs("this is no database, and must be left alone", file);
    fclose(file);

    assert_refused(shop, LOGGING, "logging.db");

    assert_string_equal(file_content(shop_database(shop, LOGGING)),
                        "this is no database, and must be left alone");
}

static void start__makes_data_folder_when_it_is_missing(void **state) {
    struct shop *shop = *state;
    shop_set(shop, scratch_printf("DATA_DIR=%s/deep/down", shop_folder(shop)));

    shop_start(shop, ORDER);

    shop_wait_ready(shop, ORDER);
    assert_int_equal(checkout(shop, golden_order("ORDER-1")).status, 201);
}

#define test_in_shop(test) cmocka_unit_test_setup_teardown(test, open_shop, close_shop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test_in_shop(help__names_arguments_and_settings),
        test_in_shop(version__names_program_and_version),
        test_in_shop(program__refuses_argument_when_it_is_unknown),
        test_in_shop(check__succeeds_when_settings_are_good),
        test_in_shop(check__names_all_faults_at_once),
        test_in_shop(start__names_all_faults_at_once),
        test_in_shop(healthcheck__says_whether_service_is_ready),
        test_in_shop(readyz__refuses_when_consumer_has_not_joined),
        test_in_shop(start__refuses_in_one_line_when_data_is_in_use),
        test_in_shop(start__refuses_in_one_line_when_port_is_in_use),
        test_in_shop(start__refuses_in_one_line_when_database_is_of_newer_version),
        test_in_shop(start__refuses_in_one_line_when_database_is_another_programs),
        test_in_shop(start__makes_data_folder_when_it_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
