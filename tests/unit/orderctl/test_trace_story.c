#include "orderctl/trace_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

static void add(struct story *story, void (*add_item)(struct story *, const cJSON *),
                const char *text) {
    cJSON *item = cJSON_Parse(text);
    assert_non_null(item);
    add_item(story, item);
    cJSON_Delete(item);
}

/* All that happens to an order of one line, which makes its product run low. */
static void add_all_but_stock(struct story *story) {
    add(story, story_add_order,
        "{\"orderId\":\"O\",\"customerId\":\"C\",\"products\":[{}],\"eventId\":\"E\","
        "\"acceptedAt\":\"2026-11-21T08:00:00.000Z\",\"publishedAt\":\"2026-11-21T08:00:00."
        "005Z\"}");
    add(story, story_add_notice, "{\"kind\":\"order\",\"eventId\":\"E\",\"text\":\"n\"}");
    add(story, story_add_notice, "{\"kind\":\"refill\",\"eventId\":\"R\",\"text\":\"n\"}");
    static const char *const actions[] = {
        "{\"serviceName\":\"order-service\",\"action\":\"new-order\"}",
        "{\"serviceName\":\"inventory-service\",\"action\":\"inventory-updated\"}",
        "{\"serviceName\":\"inventory-service\",\"action\":\"inventory-empty\"}",
        "{\"serviceName\":\"notification-service\",\"action\":\"order-notification-sent\"}",
        "{\"serviceName\":\"notification-service\",\"action\":\"refill-notification-sent\"}",
    };
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        add(story, story_add_action, actions[i]);
    for (int i = 0; i < N_STORY_SERVICES; i++)
        story->was_heard[i] = true;
}

static void add_stock(struct story *story) {
    add(story, story_add_movement,
        "{\"kind\":\"sale\",\"eventId\":\"E\",\"movedAt\":\"2026-11-21T08:00:00.009Z\"}");
    add(story, story_add_movement,
        "{\"kind\":\"refill\",\"eventId\":\"E\",\"movedAt\":\"2026-11-21T08:00:00.009Z\"}");
}

static void story_is_complete__is_true_when_all_has_happened(void **state) {
    struct story story;
    (void)state;
    story_init(&story, "O");
    add_all_but_stock(&story);
    add_stock(&story);
    story_finish(&story);
    assert_true(story_is_complete(&story));
    assert_int_equal(story.n_steps, 11);
    story_release(&story);
}

static void story_is_complete__is_false_when_something_is_missing_or_comes_twice(void **state) {
    struct story story;
    (void)state;
    story_init(&story, "O");
    add_all_but_stock(&story);
    story_finish(&story);
    assert_false(story_is_complete(&story));
    assert_int_equal(story.n[FACT_SOLD], 0);
    assert_int_equal(story.expected[FACT_SOLD], 1);
    assert_int_equal(story.expected[FACT_REFILL_NOTICE], 0); /* no refill is known */

    add_stock(&story);
    add(&story, story_add_notice, "{\"kind\":\"order\",\"eventId\":\"E\",\"text\":\"n\"}");
    story_finish(&story);
    assert_false(story_is_complete(&story));
    assert_int_equal(story.n[FACT_ORDER_NOTICE], 2);
    story_release(&story);
}

static void story_is_complete__is_false_when_a_service_was_not_heard(void **state) {
    struct story story;
    (void)state;
    story_init(&story, "O");
    add_all_but_stock(&story);
    add_stock(&story);
    story.was_heard[STORY_LOGGING] = false;
    story_finish(&story);
    assert_false(story_is_complete(&story));
    story_release(&story);
}

/* Another program may write an order under the same orderId. */
static void story_add__leaves_out_what_another_event_caused(void **state) {
    struct story story;
    (void)state;
    story_init(&story, "O");
    add_all_but_stock(&story);
    add_stock(&story);
    add(&story, story_add_movement, "{\"kind\":\"sale\",\"eventId\":\"F\"}");
    add(&story, story_add_notice, "{\"kind\":\"order\",\"eventId\":\"F\",\"text\":\"n\"}");
    story_finish(&story);
    assert_true(story_is_complete(&story));
    story_release(&story);
}

static void story_finish__takes_effects_for_a_publication_that_is_forgotten(void **state) {
    struct story story;
    (void)state;
    story_init(&story, "O");
    add(&story, story_add_order, "{\"products\":[{}],\"eventId\":\"E\"}");
    story_finish(&story);
    assert_int_equal(story.n[FACT_PUBLISHED], 0);
    add_stock(&story);
    story_finish(&story);
    assert_int_equal(story.n[FACT_PUBLISHED], 1);
    story_release(&story);
}

static void story_finish__sorts_by_time(void **state) {
    struct story story;
    (void)state;
    story_init(&story, "O");
    add_stock(&story);
    add_all_but_stock(&story);
    story_finish(&story);
    for (size_t i = 1; i < story.n_steps; i++)
        assert_true(story.steps[i - 1].at_ms <= story.steps[i].at_ms);
    story_release(&story);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(story_is_complete__is_true_when_all_has_happened),
        cmocka_unit_test(story_is_complete__is_false_when_something_is_missing_or_comes_twice),
        cmocka_unit_test(story_is_complete__is_false_when_a_service_was_not_heard),
        cmocka_unit_test(story_add__leaves_out_what_another_event_caused),
        cmocka_unit_test(story_finish__takes_effects_for_a_publication_that_is_forgotten),
        cmocka_unit_test(story_finish__sorts_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
