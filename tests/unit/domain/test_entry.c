#include "logging/domain/entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct event log_action(const char *service_name, const char *action) {
    struct event event = {.type = EVENT_NEW_LOGGING_ACTION};
    strcpy(event.logging_action.service_name, service_name);
    strcpy(event.logging_action.action, action);
    return event;
}

static void entry_text__is_the_headed_text_that_people_read(void **state) {
    (void)state;
    struct event event = log_action("order-service", "new-order");
    char text[ENTRY_TEXT_SIZE];

    struct entry entry = entry_of(&event);
    size_t len = entry_text(&entry, text);

    assert_string_equal(text, "\n--> Logging Service <--\n"
                              "serviceName: order-service\n"
                              "action: new-order\n");
    assert_int_equal(len, strlen(text));
}

static void entry_text__is_whole_when_the_names_are_the_longest(void **state) {
    (void)state;
    char name[ID_SIZE], text[ENTRY_TEXT_SIZE];
    memset(name, '~', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct event event = log_action(name, name);

    struct entry entry = entry_of(&event);
    size_t len = entry_text(&entry, text);

    assert_int_equal(len, strlen(text));
    assert_int_equal(text[len - 1], '\n');
}

static void entry_of__keeps_the_order_that_led_to_the_action(void **state) {
    (void)state;
    struct event event = log_action("order-service", "new-order");
    assert_string_equal(entry_of(&event).order_id, "");
    strcpy(event.envelope.correlation, "ORDER-123");
    assert_string_equal(entry_of(&event).order_id, "ORDER-123");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_text__is_the_headed_text_that_people_read),
        cmocka_unit_test(entry_text__is_whole_when_the_names_are_the_longest),
        cmocka_unit_test(entry_of__keeps_the_order_that_led_to_the_action),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
