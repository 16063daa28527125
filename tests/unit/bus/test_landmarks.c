#include "bus/landmarks.h"

#include "unit/bus/mock_cluster.h"

#define TOPIC "orders"

enum { N_RECORDS = 5 };

/* The timestamps of the records in partition 0, as they are in the topic. */
struct fixture {
    struct mock_cluster mock;
    int64_t timestamps[N_RECORDS];
};

static int set_up(void **state) {
    static struct fixture fixture;
    const struct record record = {.topic = TOPIC, .value = {"x", 1}};
    struct mock_reader reader;
    memset(&fixture, 0, sizeof fixture);
    mock_cluster_open(&fixture.mock);
    mock_topic_create(&fixture.mock, TOPIC);
    for (int i = 0; i < N_RECORDS; i++)
        mock_produce_all(&fixture.mock, &record, 1);
    mock_reader_open(&reader, &fixture.mock, TOPIC);
    for (int i = 0; i < N_RECORDS; i++)
        fixture.timestamps[i] = rd_kafka_message_timestamp(mock_reader_expect(&reader), NULL);
    mock_reader_close(&reader);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    mock_cluster_close(&fixture->mock);
    return 0;
}

static void check(struct fixture *fixture, const struct record_place *places, size_t n,
                  enum landmark out[]) {
    const struct kafka_config config = {fixture->mock.brokers, "", "order-service"};
    struct error err;
    if (landmarks_check(&config, places, n, MOCK_PATIENCE_MS, out, &err) != OK)
        fail_msg("%s", err.text);
}

static void landmarks_check__finds_records_where_they_were(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < N_RECORDS; i++) {
        const struct record_place place = {TOPIC, 0, i, fixture->timestamps[i]};
        enum landmark answer = LANDMARK_GONE;
        check(fixture, &place, 1, &answer);
        assert_int_equal(answer, LANDMARK_THERE);
    }
}

static void landmarks_check__tells_when_a_place_is_behind_the_end(void **state) {
    const struct record_place places[] = {
        {TOPIC, 0, N_RECORDS, -1}, {TOPIC, 1, 0, 1000}, {TOPIC, MOCK_PARTITIONS, 0, -1}};
    enum landmark answers[3];
    check(*state, places, 3, answers);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(answers[i], LANDMARK_GONE);
}

static void landmarks_check__tells_when_a_place_holds_another_record(void **state) {
    struct fixture *fixture = *state;
    struct record_place places[] = {{TOPIC, 1, 0, 1000}, {TOPIC, 0, 2, fixture->timestamps[2] - 1}};
    enum landmark answers[2];
    check(fixture, places, 2, answers);
    assert_int_equal(answers[0], LANDMARK_GONE);
    assert_int_equal(answers[1], LANDMARK_GONE);
    places[1].timestamp_ms = -1;
    check(fixture, places, 2, answers);
    assert_int_equal(answers[0], LANDMARK_GONE);
    assert_int_equal(answers[1], LANDMARK_THERE);
}

static void landmarks_check__is_unavailable_when_no_broker_answers(void **state) {
    struct fixture *fixture = *state;
    const struct record_place place = {TOPIC, 0, 0, -1};
    const struct kafka_config config = {fixture->mock.brokers, "", "order-service"};
    enum landmark answer;
    mock_broker_down(&fixture->mock);
    assert_int_equal(landmarks_check(&config, &place, 1, 200, &answer, NULL), ERR_UNAVAILABLE);
    assert_int_equal(landmarks_check(&config, &place, 0, 200, &answer, NULL), OK);
}

static void landmarks_check__tells_of_the_others_when_a_partition_has_no_leader(void **state) {
    struct fixture *fixture = *state;
    const struct record_place places[] = {{TOPIC, 1, 0, 1000},
                                          {TOPIC, 0, 2, fixture->timestamps[2]},
                                          {TOPIC, MOCK_PARTITIONS, 0, -1}};
    enum landmark answers[3];
    rd_kafka_mock_partition_set_leader(fixture->mock.cluster, TOPIC, 1, -1);
    check(fixture, places, 3, answers);
    assert_int_equal(answers[0], LANDMARK_OUT_OF_SIGHT);
    assert_int_equal(answers[1], LANDMARK_THERE);
    assert_int_equal(answers[2], LANDMARK_GONE);
    check(fixture, places, 1, answers);
    assert_int_equal(answers[0], LANDMARK_OUT_OF_SIGHT);
}

#define WITH_RECORDS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_RECORDS(landmarks_check__finds_records_where_they_were),
        WITH_RECORDS(landmarks_check__tells_when_a_place_is_behind_the_end),
        WITH_RECORDS(landmarks_check__tells_when_a_place_holds_another_record),
        WITH_RECORDS(landmarks_check__tells_of_the_others_when_a_partition_has_no_leader),
        WITH_RECORDS(landmarks_check__is_unavailable_when_no_broker_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
