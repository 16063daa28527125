#include "event/envelope.h"

#include "base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define TRACEPARENT "00-" TRACE "-b7ad6b7169203331-01"

static void add_bytes(struct record *record, const char *name, const void *data, size_t len) {
    record->headers[record->n_headers++] = (struct record_header){name, {data, len}};
}

static void add(struct record *record, const char *name, const char *value) {
    add_bytes(record, name, value, strlen(value));
}

static struct record received(void) {
    return (struct record){
        .topic = "new-order-topic", .partition = 3, .offset = 42, .timestamp_ms = 1000};
}

static enum status read_envelope(const struct record *record, struct envelope *out) {
    struct error err;
    return envelope_read(out, record, "cluster-1", "new-order", &err);
}

static const struct record_header *find(const struct record *record, const char *name) {
    for (size_t i = 0; i < record->n_headers; i++)
        if (strcmp(record->headers[i].name, name) == 0)
            return &record->headers[i];
    return NULL;
}

static void assert_header(const struct record *record, const char *name, const char *value) {
    const struct record_header *header = find(record, name);
    if (!header)
        fail_msg("no header %s", name);
    else {
        assert_int_equal(header->value.len, strlen(value));
        assert_memory_equal(header->value.data, value, strlen(value));
    }
}

static void envelope_init__starts_a_trace_when_nothing_caused_the_event(void **state) {
    (void)state;
    struct envelope envelope;
    char traceparent[TRACEPARENT_SIZE];
    int64_t before_ms = clock_now_ms();

    envelope_init(&envelope, "order-service", NULL);

    assert_int_equal(strlen(envelope.id), UUID_SIZE - 1);
    assert_string_equal(envelope.source, "/order-service");
    assert_in_range(envelope.time_ms, before_ms, clock_now_ms());
    assert_string_equal(envelope.correlation, "");
    assert_string_equal(envelope.causation, "");
    assert_true(traceparent_parse(envelope.traceparent, strlen(envelope.traceparent), traceparent));
    assert_string_equal(envelope.tracestate, "");
}

static void envelope_init__continues_its_cause(void **state) {
    (void)state;
    const struct envelope cause = {.id = "cause-id",
                                   .source = "/elsewhere",
                                   .correlation = "ORDER-1",
                                   .causation = "first-id",
                                   .traceparent = TRACEPARENT,
                                   .tracestate = "vendor=1"};
    struct envelope envelope;

    envelope_init(&envelope, "inventory-service", &cause);

    assert_string_not_equal(envelope.id, cause.id);
    assert_string_equal(envelope.source, "/inventory-service");
    assert_string_equal(envelope.correlation, "ORDER-1");
    assert_string_equal(envelope.causation, "cause-id");
    assert_memory_equal(envelope.traceparent, TRACEPARENT, 36);
    assert_string_not_equal(envelope.traceparent, TRACEPARENT);
    assert_string_equal(envelope.tracestate, "vendor=1");
}

static void envelope_init__starts_a_trace_when_the_cause_has_none(void **state) {
    (void)state;
    const struct envelope cause = {.id = "cause-id", .tracestate = "stray=1"};
    struct envelope envelope;
    envelope_init(&envelope, "inventory-service", &cause);
    assert_int_equal(strlen(envelope.traceparent), TRACEPARENT_SIZE - 1);
    assert_string_equal(envelope.tracestate, "");
}

static void envelope_join_trace__becomes_a_span_of_the_callers_trace(void **state) {
    (void)state;
    struct envelope envelope;
    envelope_init(&envelope, "order-service", NULL);

    envelope_join_trace(&envelope, TRACEPARENT, "vendor=1");

    assert_memory_equal(envelope.traceparent, TRACEPARENT, 36);
    assert_string_not_equal(envelope.traceparent, TRACEPARENT);
    assert_string_equal(envelope.tracestate, "vendor=1");
}

static void envelope_join_trace__drops_the_state_when_the_new_trace_has_none(void **state) {
    (void)state;
    struct envelope envelope;
    envelope_init(&envelope, "order-service", NULL);
    envelope_join_trace(&envelope, TRACEPARENT, "vendor=1");
    envelope_join_trace(&envelope, TRACEPARENT, NULL);
    assert_string_equal(envelope.tracestate, "");
}

static void envelope_join_trace__keeps_its_own_trace_when_the_callers_is_malformed(void **state) {
    (void)state;
    static const char *const malformed[] = {NULL, "", "garbage", TRACEPARENT "-x"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        struct envelope envelope, before;
        envelope_init(&envelope, "order-service", NULL);
        before = envelope;
        envelope_join_trace(&envelope, malformed[i], "vendor=1");
        assert_memory_equal(envelope.traceparent, before.traceparent, 36);
        assert_string_equal(envelope.tracestate, "");
    }
}

static void envelope_read__gives_what_was_written(void **state) {
    (void)state;
    struct envelope written, read;
    envelope_init(&written, "order-service", NULL);
    envelope_join_trace(&written, TRACEPARENT, "vendor=1");
    strcpy(written.correlation, "ORDER-1");
    strcpy(written.causation, "request-1");
    struct envelope_text text;
    struct record record = received();

    envelope_write(&written, "new-order", &text, &record);
    assert_int_equal(read_envelope(&record, &read), OK);

    assert_int_equal(record.n_headers, 10);
    assert_string_equal(read.id, written.id);
    assert_string_equal(read.source, "/order-service");
    assert_int_equal(read.time_ms, written.time_ms);
    assert_string_equal(read.correlation, "ORDER-1");
    assert_string_equal(read.causation, "request-1");
    assert_string_equal(read.traceparent, written.traceparent);
    assert_string_equal(read.tracestate, "vendor=1");
}

static void envelope_write__names_the_headers_as_cloudevents_does(void **state) {
    (void)state;
    const struct envelope envelope = {
        .id = "id-1", .source = "/order-service", .time_ms = 1795238340123};
    struct envelope_text text;
    struct record record = {0};

    envelope_write(&envelope, "new-order", &text, &record);

    assert_int_equal(record.n_headers, 6);
    assert_header(&record, "ce_specversion", "1.0");
    assert_header(&record, "ce_id", "id-1");
    assert_header(&record, "ce_type", "new-order");
    assert_header(&record, "ce_source", "/order-service");
    assert_header(&record, "ce_time", "2026-11-21T05:19:00.123Z");
    assert_header(&record, "content-type", "application/json");
    assert_null(find(&record, "ce_correlationid"));
    assert_null(find(&record, "tracestate"));
}

static void envelope_read__names_a_record_by_its_coordinates_when_it_has_no_headers(void **state) {
    (void)state;
    struct record record = received();
    struct envelope envelope;

    assert_int_equal(read_envelope(&record, &envelope), OK);

    assert_string_equal(envelope.id, "cluster-1/new-order-topic/3/42");
    assert_string_equal(envelope.source, "");
    assert_int_equal(envelope.time_ms, 1000);
    assert_string_equal(envelope.correlation, "");
    assert_string_equal(envelope.causation, "");
    assert_string_equal(envelope.tracestate, "");
}

static void envelope_read__never_cuts_the_offset_when_names_are_long(void **state) {
    (void)state;
    char cluster[300], topic[250];
    memset(cluster, 'c', sizeof cluster - 1);
    memset(topic, 't', sizeof topic - 1);
    cluster[sizeof cluster - 1] = topic[sizeof topic - 1] = '\0';
    struct record record = {
        .topic = topic, .partition = INT32_MAX, .offset = INT64_MAX, .timestamp_ms = -1};
    struct envelope envelope;
    struct error err;

    assert_int_equal(envelope_read(&envelope, &record, cluster, "new-order", &err), OK);

    assert_non_null(strstr(envelope.id, "ccc/ttt"));
    assert_non_null(strstr(envelope.id, "ttt/2147483647/9223372036854775807"));
}

static void envelope_read__takes_a_header_that_is_not_terminated(void **state) {
    (void)state;
    struct record record = received();
    add_bytes(&record, "ce_id", "id-1 and more", 4);
    add_bytes(&record, "ce_type", "new-order and more", 9);
    add_bytes(&record, "ce_time", "1970-01-01T00:00:05Z and more", 20);
    struct envelope envelope;
    assert_int_equal(read_envelope(&record, &envelope), OK);
    assert_string_equal(envelope.id, "id-1");
    assert_string_equal(envelope.source, "");
    assert_int_equal(envelope.time_ms, 5000);
}

static void envelope_read__takes_the_last_when_a_header_is_given_twice(void **state) {
    (void)state;
    struct record record = received();
    add(&record, "ce_id", "first");
    add(&record, "ce_id", "last");
    struct envelope envelope;
    assert_int_equal(read_envelope(&record, &envelope), OK);
    assert_string_equal(envelope.id, "last");
}

static void envelope_read__refuses_an_id_or_source_when_it_is_malformed(void **state) {
    (void)state;
    char long_text[256];
    memset(long_text, 'x', sizeof long_text);
    static const char *const names[] = {"ce_id", "ce_source"};
    const struct bytes malformed[] = {{NULL, 0},   {"", 0},      {long_text, 256}, {"a\nb", 3},
                                      {"a\0b", 3}, {"a\x7f", 2}, {"\xff", 1},      {"\xc3", 1}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (size_t j = 0; j < sizeof malformed / sizeof malformed[0]; j++) {
            struct record record = received();
            add_bytes(&record, names[i], malformed[j].data, malformed[j].len);
            struct envelope envelope = {.id = "untouched"};
            struct error err;
            assert_int_equal(envelope_read(&envelope, &record, "c", "new-order", &err),
                             ERR_INVALID);
            assert_non_null(strstr(err.text, names[i]));
            assert_string_equal(envelope.id, "untouched");
        }
}

static void envelope_read__takes_an_id_of_255_bytes_of_utf8(void **state) {
    (void)state;
    char id[255];
    for (size_t i = 0; i < sizeof id; i += 3)
        memcpy(id + i, "\xe2\x82\xac", 3);
    struct record record = received();
    add_bytes(&record, "ce_id", id, sizeof id);
    struct envelope envelope;
    assert_int_equal(read_envelope(&record, &envelope), OK);
    assert_int_equal(strlen(envelope.id), sizeof id);
}

static void envelope_read__refuses_when_the_type_is_another(void **state) {
    (void)state;
    static const char *const types[] = {"", "inventory-empty", "new-orde", "new-order2",
                                        "New-Order"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct record record = received();
        add(&record, "ce_type", types[i]);
        struct envelope envelope;
        assert_int_equal(read_envelope(&record, &envelope), ERR_INVALID);
    }
}

static void envelope_read__ignores_what_is_malformed_but_not_needed(void **state) {
    (void)state;
    char long_text[400];
    memset(long_text, 'x', sizeof long_text);
    struct record record = received();
    add(&record, "ce_id", "id-1");
    add(&record, "ce_specversion", "9");
    add(&record, "ce_time", "yesterday");
    add_bytes(&record, "ce_correlationid", long_text, CORRELATION_SIZE);
    add_bytes(&record, "ce_causationid", long_text, sizeof long_text);
    add(&record, "traceparent", "garbage");
    add(&record, "tracestate", "vendor=1");
    add(&record, "content-type", "text/plain");
    struct envelope envelope;
    char derived[TRACEPARENT_SIZE];
    traceparent_derive("", "id-1", derived);

    assert_int_equal(read_envelope(&record, &envelope), OK);

    assert_int_equal(envelope.time_ms, record.timestamp_ms);
    assert_string_equal(envelope.correlation, "");
    assert_string_equal(envelope.causation, "");
    assert_string_equal(envelope.traceparent, derived);
    assert_string_equal(envelope.tracestate, "");
}

/* Two services read it, and one of them reads it again after a crash. */
static void envelope_read__gives_all_effects_one_trace_when_the_record_has_none(void **state) {
    (void)state;
    struct record record = received();
    struct envelope once, again, effect, other_effect;

    assert_int_equal(read_envelope(&record, &once), OK);
    assert_int_equal(read_envelope(&record, &again), OK);
    envelope_init(&effect, "inventory-service", &once);
    envelope_init(&other_effect, "notification-service", &again);

    assert_memory_equal(effect.traceparent, once.traceparent, 36);
    assert_memory_equal(effect.traceparent, other_effect.traceparent, 36);
    assert_string_not_equal(effect.traceparent, other_effect.traceparent);
}

static void envelope_read__takes_the_present_when_no_time_is_known(void **state) {
    (void)state;
    struct record record = received();
    record.timestamp_ms = -1;
    struct envelope envelope;
    int64_t before_ms = clock_now_ms();
    assert_int_equal(read_envelope(&record, &envelope), OK);
    assert_in_range(envelope.time_ms, before_ms, clock_now_ms());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(envelope_init__starts_a_trace_when_nothing_caused_the_event),
        cmocka_unit_test(envelope_init__continues_its_cause),
        cmocka_unit_test(envelope_init__starts_a_trace_when_the_cause_has_none),
        cmocka_unit_test(envelope_join_trace__becomes_a_span_of_the_callers_trace),
        cmocka_unit_test(envelope_join_trace__drops_the_state_when_the_new_trace_has_none),
        cmocka_unit_test(envelope_join_trace__keeps_its_own_trace_when_the_callers_is_malformed),
        cmocka_unit_test(envelope_read__gives_what_was_written),
        cmocka_unit_test(envelope_write__names_the_headers_as_cloudevents_does),
        cmocka_unit_test(envelope_read__names_a_record_by_its_coordinates_when_it_has_no_headers),
        cmocka_unit_test(envelope_read__never_cuts_the_offset_when_names_are_long),
        cmocka_unit_test(envelope_read__takes_a_header_that_is_not_terminated),
        cmocka_unit_test(envelope_read__takes_the_last_when_a_header_is_given_twice),
        cmocka_unit_test(envelope_read__refuses_an_id_or_source_when_it_is_malformed),
        cmocka_unit_test(envelope_read__takes_an_id_of_255_bytes_of_utf8),
        cmocka_unit_test(envelope_read__refuses_when_the_type_is_another),
        cmocka_unit_test(envelope_read__ignores_what_is_malformed_but_not_needed),
        cmocka_unit_test(envelope_read__gives_all_effects_one_trace_when_the_record_has_none),
        cmocka_unit_test(envelope_read__takes_the_present_when_no_time_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
