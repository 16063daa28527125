#include "bus/kafka.h"

#include "unit/store/folder.h"

struct fixture {
    struct folder folder;
    char path[128];
};

static int set_up(void **state) {
    static struct fixture fixture;
    folder_make(&fixture.folder);
    folder_path(&fixture.folder, "kafka.properties", fixture.path);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    folder_remove(&fixture->folder);
    return 0;
}

static enum status check(const struct fixture *fixture, const char *text, struct error *err) {
    FILE *file = fopen(fixture->path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    const struct kafka_config config = {"localhost:9092", fixture->path, "order-service"};
    return kafka_config_check(&config, err);
}

static void assert_good(const struct fixture *fixture, const char *text) {
    struct error err = {""};
    if (check(fixture, text, &err) != OK)
        fail_msg("%s", err.text);
}

/* The text names the file and the place in it, and says why. */
static void assert_refused_at(const struct fixture *fixture, const char *text, const char *at,
                              const char *reason) {
    struct error err;
    char place[160];
    snprintf(place, sizeof place, "KAFKA_CONFIG_FILE %s%s: ", fixture->path, at);
    assert_int_equal(check(fixture, text, &err), ERR_INVALID);
    if (strncmp(err.text, place, strlen(place)) != 0 || !strstr(err.text, reason))
        fail_msg("\"%s\" is not \"%s… %s\"", err.text, place, reason);
}

static void assert_refused(const struct fixture *fixture, const char *text, int line,
                           const char *reason) {
    char at[16];
    snprintf(at, sizeof at, ":%d", line);
    assert_refused_at(fixture, text, at, reason);
}

static void kafka_config_check__takes_no_file_at_all(void **state) {
    (void)state;
    const struct kafka_config config = {"localhost:9092", "", "order-service"};
    assert_int_equal(kafka_config_check(&config, NULL), OK);
}

static void kafka_config_check__takes_comments_blanks_and_any_line_end(void **state) {
    assert_good(*state, "");
    assert_good(*state, "# TLS\n"
                        "\n"
                        "  # indented\n"
                        " \t \n"
                        "security.protocol=ssl\n"
                        "  linger.ms =\t5  \r\n"
                        "sasl.password=a=b#c\n"
                        "session.timeout.ms=10000");
}

static void kafka_config_check__names_the_line_that_has_no_equals_sign(void **state) {
    assert_refused(*state, "# first\n\nlinger.ms 5\n", 3, "expected name=value");
}

static void kafka_config_check__refuses_an_unknown_property(void **state) {
    assert_refused(*state, "linger.ms=5\nno.such.property=1\n", 2, "no.such.property");
}

static void kafka_config_check__refuses_a_value_that_cannot_be(void **state) {
    assert_refused(*state, "retry.backoff.ms=soon\n", 1, "retry.backoff.ms");
    assert_refused(*state, "session.timeout.ms=-1\n", 1, "session.timeout.ms");
    assert_refused(*state, "security.protocol=magic\n", 1, "security.protocol");
}

static void kafka_config_check__refuses_what_the_mechanism_relies_on(void **state) {
    static const char *const lines[] = {
        "acks=1",
        "enable.idempotence=false",
        "message.timeout.ms=1000",
        "partitioner=random",
        "enable.auto.commit=true",
        "enable.auto.offset.store=true",
        "check.crcs=false",
        "auto.offset.reset=latest",
        "partition.assignment.strategy=roundrobin",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_refused(*state, lines[i], 1, "cannot be changed");
}

static void kafka_config_check__refuses_what_has_a_setting_of_its_own(void **state) {
    assert_refused(*state, "bootstrap.servers=elsewhere:9092\n", 1, "cannot be changed");
    assert_refused(*state, "client.id=me\n", 1, "cannot be changed");
    assert_refused(*state, "group.id=us\n", 1, "cannot be changed");
}

static void kafka_config_check__refuses_what_does_not_go_together(void **state) {
    assert_refused_at(*state, "fetch.max.bytes=65536\n", "", "fetch.max.bytes");
    assert_refused_at(*state, "max.in.flight=6\n", "", "max.in.flight");
}

static void kafka_config_check__refuses_a_certificate_that_is_not_there(void **state) {
    assert_refused_at(*state, "security.protocol=ssl\nssl.ca.location=/no/such/ca.pem\n", "",
                      "ssl.ca.location");
}

static void kafka_config_check__refuses_a_line_that_is_too_long_to_read(void **state) {
    struct fixture *fixture = *state;
    static char text[6000];
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "linger.ms=5\n# ", 14);
    memcpy(text + 5000, "linger.ms=6", 11);
    assert_refused(fixture, text, 2, "too long");
}

static void kafka_config_check__refuses_a_file_that_cannot_be_read(void **state) {
    struct fixture *fixture = *state;
    struct error err;
    struct kafka_config config = {"localhost:9092", fixture->path, "order-service"};
    assert_int_equal(kafka_config_check(&config, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "No such file"));
    config.config_file = fixture->folder.path;
    assert_int_equal(kafka_config_check(&config, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, fixture->folder.path));
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kafka_config_check__takes_no_file_at_all),
        WITH_FOLDER(kafka_config_check__takes_comments_blanks_and_any_line_end),
        WITH_FOLDER(kafka_config_check__names_the_line_that_has_no_equals_sign),
        WITH_FOLDER(kafka_config_check__refuses_an_unknown_property),
        WITH_FOLDER(kafka_config_check__refuses_a_value_that_cannot_be),
        WITH_FOLDER(kafka_config_check__refuses_what_the_mechanism_relies_on),
        WITH_FOLDER(kafka_config_check__refuses_what_has_a_setting_of_its_own),
        WITH_FOLDER(kafka_config_check__refuses_what_does_not_go_together),
        WITH_FOLDER(kafka_config_check__refuses_a_certificate_that_is_not_there),
        WITH_FOLDER(kafka_config_check__refuses_a_line_that_is_too_long_to_read),
        WITH_FOLDER(kafka_config_check__refuses_a_file_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
