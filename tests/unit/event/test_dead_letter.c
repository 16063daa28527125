#include "event/dead_letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct refusal refusal = {
    .group = "inventory-service-group",
    .cluster_id = "cluster-1",
    .stage = "VALUE_CONVERTER",
    .class_name = "orderflow.ContractError",
    .message = "/products: is missing",
};

#define TEXT(text)                                                                                 \
    { text, sizeof(text) - 1 }

/* The letter for `refused`, as it stands at new-order-topic.dlq/0/3. */
static struct record letter_of(const struct record *refused, struct dead_letter_text *text) {
    struct record letter;
    dead_letter_write(refused, &refusal, text, &letter);
    letter.topic = "new-order-topic.dlq";
    letter.partition = 0;
    letter.offset = 3;
    return letter;
}

/* Takes the letter apart and restores the record. */
struct restored {
    struct dead_letter parts;
    struct dead_letter_place place;
    struct strbuf headers;
    struct record record;
};

static void restore(const struct record *letter, struct restored *out) {
    struct error err;
    strbuf_init(&out->headers);
    dead_letter_read(letter, &out->parts);
    assert_true(dead_letter_place(letter, &out->parts, "this-cluster", &out->place));
    if (dead_letter_restore(letter, &out->parts, &out->place, &out->headers, &out->record, &err) !=
        OK)
        fail_msg("%s", err.text);
}

static void assert_bytes(struct bytes bytes, const char *expected) {
    assert_int_equal(bytes.len, strlen(expected));
    assert_memory_equal(bytes.data, expected, bytes.len);
}

static void assert_header(const struct record *record, size_t i, const char *name,
                          const char *value) {
    assert_true(i < record->n_headers);
    assert_string_equal(record->headers[i].name, name);
    assert_bytes(record->headers[i].value, value);
}

static void dead_letter_read__tells_what_was_written(void **state) {
    const struct record refused = {.topic = "new-order-topic",
                                   .partition = 7,
                                   .offset = 12345678901,
                                   .n_headers = 1,
                                   .headers = {{"own", TEXT("1")}}};
    struct dead_letter_text text;
    struct dead_letter parts;
    struct dead_letter_place place;
    (void)state;
    const struct record letter = letter_of(&refused, &text);

    dead_letter_read(&letter, &parts);

    assert_int_equal(parts.n_own_headers, 1);
    assert_bytes(parts.group, "inventory-service-group");
    assert_bytes(parts.stage, "VALUE_CONVERTER");
    assert_bytes(parts.class_name, "orderflow.ContractError");
    assert_bytes(parts.message, "/products: is missing");
    assert_true(dead_letter_place(&letter, &parts, "this-cluster", &place));
    assert_string_equal(place.cluster_id, "cluster-1");
    assert_string_equal(place.topic, "new-order-topic");
    assert_int_equal(place.partition, 7);
    assert_int_equal(place.offset, 12345678901);
}

static void dead_letter_restore__gives_the_record_as_it_was_when_it_has_an_id(void **state) {
    const struct record refused = {
        .topic = "new-order-topic",
        .key = TEXT("k"),
        .value = TEXT("{"),
        .n_headers = 3,
        .headers = {{"ce_id", TEXT("1")}, {"ce_source", TEXT("/shop")}, {"null", {NULL, 0}}}};
    struct dead_letter_text text;
    struct restored restored;
    (void)state;
    const struct record letter = letter_of(&refused, &text);

    restore(&letter, &restored);

    assert_string_equal(restored.record.topic, "new-order-topic");
    assert_bytes(restored.record.key, "k");
    assert_bytes(restored.record.value, "{");
    assert_int_equal(restored.record.n_headers, 3);
    assert_header(&restored.record, 0, "ce_id", "1");
    assert_header(&restored.record, 1, "ce_source", "/shop");
    assert_null(restored.record.headers[2].value.data);
    strbuf_release(&restored.headers);
}

/* Another group may have handled the record: by its place, and without a source. */
static void dead_letter_restore__gives_the_id_that_consumers_gave_when_it_has_none(void **state) {
    const struct record refused = {.topic = "new-order-topic",
                                   .partition = 2,
                                   .offset = 9,
                                   .n_headers = 2,
                                   .headers = {{"ce_source", TEXT("/shop")}, {"own", TEXT("1")}}};
    struct dead_letter_text text;
    struct restored restored;
    struct envelope first, again;
    (void)state;
    const struct record letter = letter_of(&refused, &text);

    restore(&letter, &restored);

    assert_int_equal(restored.record.n_headers, 2);
    assert_header(&restored.record, 0, "own", "1");
    assert_int_equal(envelope_read(&first, &refused, "cluster-1", "new-order", NULL), OK);
    assert_int_equal(envelope_read(&again, &restored.record, "this-cluster", "new-order", NULL),
                     OK);
    assert_string_equal(first.id, again.id);
    assert_string_equal(first.source, again.source);
    strbuf_release(&restored.headers);
}

static void dead_letter_restore__keeps_connect_headers_that_the_record_came_with(void **state) {
    const struct record refused = {.topic = "new-order-topic",
                                   .n_headers = 3,
                                   .headers = {{"ce_id", TEXT("1")},
                                               {DEAD_LETTER_TOPIC, TEXT("elsewhere")},
                                               {DEAD_LETTER_STAGE, TEXT("theirs")}}};
    struct dead_letter_text text;
    struct restored restored;
    (void)state;
    const struct record letter = letter_of(&refused, &text);

    restore(&letter, &restored);

    assert_int_equal(restored.record.n_headers, 3);
    assert_header(&restored.record, 1, DEAD_LETTER_TOPIC, "elsewhere");
    assert_bytes(restored.parts.topic, "new-order-topic");
    assert_bytes(restored.parts.stage, "VALUE_CONVERTER");
    strbuf_release(&restored.headers);
}

static void dead_letter_place__is_the_letters_own_when_it_does_not_say(void **state) {
    const struct record letter = {.topic = "new-order-topic.dlq", .partition = 1, .offset = 4};
    struct dead_letter parts;
    struct dead_letter_place place;
    (void)state;
    dead_letter_read(&letter, &parts);

    assert_true(dead_letter_place(&letter, &parts, "this-cluster", &place));

    assert_string_equal(place.cluster_id, "this-cluster");
    assert_string_equal(place.topic, "new-order-topic.dlq");
    assert_int_equal(place.partition, 1);
    assert_int_equal(place.offset, 4);
}

static void dead_letter_place__is_none_when_the_letter_says_nonsense(void **state) {
    static const struct record_header nonsense[][3] = {
        {{DEAD_LETTER_TOPIC, TEXT("t")}, {"x", TEXT("1")}, {DEAD_LETTER_OFFSET, TEXT("1")}},
        {{DEAD_LETTER_TOPIC, TEXT("t")},
         {DEAD_LETTER_PARTITION, TEXT("-1")},
         {DEAD_LETTER_OFFSET, TEXT("1")}},
        {{DEAD_LETTER_TOPIC, TEXT("t")},
         {DEAD_LETTER_PARTITION, TEXT("0")},
         {DEAD_LETTER_OFFSET, TEXT("1x")}},
        {{DEAD_LETTER_TOPIC, TEXT("")},
         {DEAD_LETTER_PARTITION, TEXT("0")},
         {DEAD_LETTER_OFFSET, TEXT("1")}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        struct record letter = {.topic = "new-order-topic.dlq", .n_headers = 3};
        struct dead_letter parts;
        struct dead_letter_place place;
        memcpy(letter.headers, nonsense[i], sizeof nonsense[i]);
        dead_letter_read(&letter, &parts);
        assert_false(dead_letter_place(&letter, &parts, "this-cluster", &place));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dead_letter_read__tells_what_was_written),
        cmocka_unit_test(dead_letter_restore__gives_the_record_as_it_was_when_it_has_an_id),
        cmocka_unit_test(dead_letter_restore__gives_the_id_that_consumers_gave_when_it_has_none),
        cmocka_unit_test(dead_letter_restore__keeps_connect_headers_that_the_record_came_with),
        cmocka_unit_test(dead_letter_place__is_the_letters_own_when_it_does_not_say),
        cmocka_unit_test(dead_letter_place__is_none_when_the_letter_says_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
