#include "runtime/config.h"

#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct config_defaults consumer = {"inventory-service", "3001",
                                                "inventory-service-group", false};
static const struct config_defaults producer = {"order-service", "3000", NULL, false};

static int forget_settings(void **state) {
    static const char *const names[] = {
        "KAFKA_BROKERS",
        "KAFKA_CONFIG_FILE",
        "DATA_DIR",
        "HTTP_ADDRESS",
        "HTTP_PORT",
        "LOG_LEVEL",
        "LOG_FORMAT",
        "TOPIC_NEW_ORDER",
        "TOPIC_INVENTORY_EMPTY",
        "TOPIC_NEW_LOGGING_ACTION",
        "TOPIC_PARTITIONS",
        "TOPIC_REPLICATION_FACTOR",
        "OUTBOX_RETENTION_HOURS",
        "INBOX_RETENTION_HOURS",
        "CONSUMER_GROUP",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    return 0;
}

static void set(const char *name, const char *value) {
    assert_int_equal(setenv(name, value, 1), 0);
}

static size_t count_lines(const char *text) {
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void assert_faults(const char *const *expected, size_t n) {
    struct config config;
    struct strbuf faults;
    strbuf_init(&faults);
    assert_int_equal(config_read(&consumer, &config, &faults), n);
    assert_int_equal(count_lines(faults.data), n);
    for (size_t i = 0; i < n; i++)
        if (!strstr(faults.data, expected[i]))
            fail_msg("\"%s\" is not in:\n%s", expected[i], faults.data);
    strbuf_release(&faults);
}

static void assert_fault(const char *expected) {
    assert_faults(&expected, 1);
}

static void config_read__takes_the_defaults_when_nothing_is_set(void **state) {
    (void)state;
    struct config config;
    struct strbuf faults;
    strbuf_init(&faults);

    assert_int_equal(config_read(&consumer, &config, &faults), 0);

    assert_string_equal(faults.data, "");
    assert_string_equal(config.kafka.brokers, "localhost:29092");
    assert_string_equal(config.kafka.config_file, "");
    assert_string_equal(config.kafka.client_id, "inventory-service");
    assert_string_equal(config.data_dir, "./data");
    assert_string_equal(config.http_address, "127.0.0.1");
    assert_int_equal(config.http_port, 3001);
    assert_int_equal(config.log_level, LOG_INFO);
    assert_int_equal(config.log_format, OUTPUT_TEXT);
    assert_string_equal(config.topics[EVENT_NEW_ORDER], "new-order-topic");
    assert_string_equal(config.topics[EVENT_INVENTORY_EMPTY], "inventory-empty-topic");
    assert_string_equal(config.topics[EVENT_NEW_LOGGING_ACTION], "new-logging-action-topic");
    assert_string_equal(config.consumer_group, "inventory-service-group");
    assert_true(config.inbox_retention_hours > config.outbox_retention_hours);
    strbuf_release(&faults);
}

static void config_read__takes_each_variable_when_it_is_set(void **state) {
    (void)state;
    struct config config;
    struct strbuf faults;
    strbuf_init(&faults);
    set("KAFKA_BROKERS", "kafka:19092");
    set("HTTP_PORT", "0");
    set("LOG_LEVEL", "debug");
    set("LOG_FORMAT", "json");
    set("TOPIC_NEW_ORDER", "Orders_v2.test-1");
    set("TOPIC_PARTITIONS", "12");
    set("CONSUMER_GROUP", "another-group");

    assert_int_equal(config_read(&consumer, &config, &faults), 0);

    assert_string_equal(config.kafka.brokers, "kafka:19092");
    assert_int_equal(config.http_port, 0);
    assert_int_equal(config.log_level, LOG_DEBUG);
    assert_int_equal(config.log_format, OUTPUT_JSON);
    assert_string_equal(config.topics[EVENT_NEW_ORDER], "Orders_v2.test-1");
    assert_int_equal(config.topic_partitions, 12);
    assert_string_equal(config.consumer_group, "another-group");
    strbuf_release(&faults);
}

static void config_read__names_every_fault_at_once(void **state) {
    (void)state;
    static const char *const expected[] = {
        "HTTP_PORT=65536",
        "HTTP_ADDRESS=localhost",
        "LOG_LEVEL=loud",
        "TOPIC_PARTITIONS=none",
        "TOPIC_NEW_ORDER=a topic",
        "INBOX_RETENTION_HOURS=10",
        "KAFKA_CONFIG_FILE /no/such/file",
    };
    set("HTTP_PORT", "65536");
    set("HTTP_ADDRESS", "localhost");
    set("LOG_LEVEL", "loud");
    set("TOPIC_PARTITIONS", "none");
    set("TOPIC_NEW_ORDER", "a topic");
    set("INBOX_RETENTION_HOURS", "10");
    set("KAFKA_CONFIG_FILE", "/no/such/file");
    assert_faults(expected, sizeof expected / sizeof *expected);
}

static void config_read__refuses_an_inbox_that_forgets_before_the_outbox(void **state) {
    (void)state;
    set("OUTBOX_RETENTION_HOURS", "24");
    set("INBOX_RETENTION_HOURS", "24");
    assert_fault("INBOX_RETENTION_HOURS=24: must be more than OUTBOX_RETENTION_HOURS=24");
}

static void config_read__takes_a_topic_only_if_its_dead_letter_topic_is_legal(void **state) {
    (void)state;
    char name[247], dead_letters[TOPIC_NAME_SIZE];
    struct config config;
    struct strbuf faults;
    strbuf_init(&faults);
    memset(name, 'x', sizeof name);
    name[245] = '\0';
    set("TOPIC_NEW_ORDER", name);
    assert_int_equal(config_read(&consumer, &config, &faults), 0);
    config_dead_letter_topic(config.topics[EVENT_NEW_ORDER], dead_letters);
    assert_int_equal(strlen(dead_letters), 249);
    assert_string_equal(dead_letters + 245, ".dlq");
    strbuf_release(&faults);

    name[245] = 'x';
    name[246] = '\0';
    set("TOPIC_NEW_ORDER", name);
    assert_fault("TOPIC_NEW_ORDER");
}

static void config_read__refuses_topics_that_are_the_same(void **state) {
    (void)state;
    set("TOPIC_NEW_ORDER", "events");
    set("TOPIC_NEW_LOGGING_ACTION", "events");
    assert_fault("TOPIC_NEW_LOGGING_ACTION=events");
}

static void config_read__refuses_a_topic_that_is_anothers_dead_letters(void **state) {
    (void)state;
    set("TOPIC_INVENTORY_EMPTY", "new-order-topic.dlq");
    assert_fault("TOPIC_INVENTORY_EMPTY=new-order-topic.dlq");
}

static void config_describe__lists_a_group_only_for_a_consumer(void **state) {
    (void)state;
    struct strbuf text;
    strbuf_init(&text);
    config_describe(&consumer, &text);
    assert_non_null(strstr(text.data, "CONSUMER_GROUP"));
    assert_non_null(strstr(text.data, "KAFKA_BROKERS"));
    strbuf_reset(&text);
    config_describe(&producer, &text);
    assert_null(strstr(text.data, "CONSUMER_GROUP"));
    assert_non_null(strstr(text.data, "3000"));
    strbuf_release(&text);
}

static void config_data_path__is_invalid_when_the_path_is_too_long(void **state) {
    (void)state;
    const struct config config = {.data_dir = "/var/lib/shop"};
    char path[23];
    assert_int_equal(config_data_path(&config, "order.db", path, sizeof path, NULL), OK);
    assert_string_equal(path, "/var/lib/shop/order.db");
    assert_int_equal(config_data_path(&config, "order.db", path, sizeof path - 1, NULL),
                     ERR_INVALID);
}

#define WITH_NOTHING_SET(test) cmocka_unit_test_setup(test, forget_settings)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_NOTHING_SET(config_read__takes_the_defaults_when_nothing_is_set),
        WITH_NOTHING_SET(config_read__takes_each_variable_when_it_is_set),
        WITH_NOTHING_SET(config_read__names_every_fault_at_once),
        WITH_NOTHING_SET(config_read__refuses_an_inbox_that_forgets_before_the_outbox),
        WITH_NOTHING_SET(config_read__takes_a_topic_only_if_its_dead_letter_topic_is_legal),
        WITH_NOTHING_SET(config_read__refuses_topics_that_are_the_same),
        WITH_NOTHING_SET(config_read__refuses_a_topic_that_is_anothers_dead_letters),
        WITH_NOTHING_SET(config_describe__lists_a_group_only_for_a_consumer),
        WITH_NOTHING_SET(config_data_path__is_invalid_when_the_path_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
