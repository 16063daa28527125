/* The playground: records that go straight to Kafka. */
#include "support/file.h"
#include "support/http_raw.h"
#include "support/json_path.h"
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <signal.h>
#include <string.h>

enum { POSTS_MAX = 64 };

static const char address[] = "{\"street\": \"Av. Colombo\", \"number\": 23}";

static const char *topic_of(struct shop *shop) {
    return scratch_printf("%s-play", shop_topic(shop, NEW_ORDER));
}

static struct shop *open_with(enum broker_use use) {
    struct shop *shop = shop_open(use);
    shop_set(shop, scratch_printf("PLAYGROUND_TOPICS=%s,other-%s", topic_of(shop), topic_of(shop)));
    return shop;
}

static int open_shop(void **state) {
    struct shop *shop = open_with(BROKER_STEADY);
    *state = shop;
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    return 0;
}

static int open_shop_that_loses_kafka(void **state) {
    *state = open_with(BROKER_GOES_AWAY);
    return 0;
}

static int open_empty_shop(void **state) {
    *state = shop_open(BROKER_STEADY);
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static struct http_answer publish(struct shop *shop, const char *query, const char *body) {
    const char *target = scratch_printf("/topics/%s%s", topic_of(shop), query);
    return send_json(shop, ORDER, "POST", target, body);
}

/* The record that the answer tells of. */
static const struct record *record_of(struct shop *shop, struct http_answer answer) {
    assert_int_equal(answer.status, 201);
    const cJSON *place = json_of(answer.body);
    assert_string_equal(json_text_at(place, "/topic"), topic_of(shop));
    struct kafka_records records = kafka_read(broker_address(shop_broker(shop)), topic_of(shop));
    for (size_t i = 0; i < records.n; i++)
        if (records.items[i].partition == (int)json_number_at(place, "/partition") &&
            records.items[i].offset == (int64_t)json_number_at(place, "/offset"))
            return &records.items[i];
    fail_msg("there is no such record: %s", answer.body);
    return NULL;
}

static void record__is_what_was_sent(void **state) {
    struct shop *shop = *state;

    const struct record *record = record_of(shop, publish(shop, "", address));

    assert_string_equal(kafka_value(record), address);
    assert_null(record->key.data);
    assert_int_equal(record->n_headers, 1);
    assert_string_equal(kafka_header(record, "content-type"), "application/json");

    /* Any JSON, and what the path and the query say is decoded. */
    record = record_of(shop, publish(shop, "?key=a%20b%2Fc%C3%A4", " [null]\n"));
    assert_string_equal(kafka_key(record), "a b/c\xc3\xa4");
    assert_string_equal(kafka_value(record), " [null]\n");
    record = record_of(shop, publish(shop, "?key=", "0"));
    assert_non_null(record->key.data);
    assert_int_equal(record->key.len, 0);
}

static void records__of_one_key_are_in_one_partition_in_their_order(void **state) {
    struct shop *shop = *state;
    const cJSON *first = json_of(publish(shop, "?key=CUSTOMER-1", "1").body);

    const cJSON *second = json_of(publish(shop, "?key=CUSTOMER-1", "2").body);

    assert_float_equal(json_number_at(second, "/partition"), json_number_at(first, "/partition"),
                       0);
    assert_true(json_number_at(second, "/offset") > json_number_at(first, "/offset"));
}

static void publishing__is_refused_when_topic_or_body_is_wrong(void **state) {
    struct shop *shop = *state;
    const char *target = scratch_printf("/topics/%s", topic_of(shop));
    const struct {
        const char *target, *body;
        int status;
    } cases[] = {
        {"/topics/no-such", address, 404},
        {scratch_printf("/topics/%s", shop_topic(shop, NEW_ORDER)), address, 404},
        {target, NULL, 415},
        {target, "", 400},
        {target, "{\"a\":1,\"a\":2}", 400},
        {target, "{} {}", 400},
        {target, scratch_printf("%*s", 64 * 1024 + 1, "0"), 413},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(send_json(shop, ORDER, "POST", cases[i].target, cases[i].body).status,
                         cases[i].status);

    assert_int_equal(publish(shop, "", scratch_printf("%*s", 64 * 1024, "0")).status, 201);
}

static void playground__is_not_there_unless_topics_are_set(void **state) {
    struct shop *shop = *state;
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);

    struct http_answer answer = send_json(shop, ORDER, "POST", "/topics/test", address);

    assert_int_equal(answer.status, 404);
    assert_says(answer.body, "there is nothing at this path");
}

static void start__refuses_topics_that_are_no_playground(void **state) {
    struct shop *shop = *state;
    const char *orders = shop_topic(shop, NEW_ORDER), *letters = shop_dead_letters(shop, NEW_ORDER);
    const struct {
        const char *topics, *fault;
    } cases[] = {
        {scratch_printf("test,%s", orders),
         scratch_printf("PLAYGROUND_TOPICS=%s: must differ from TOPIC_NEW_ORDER", orders)},
        {letters, scratch_printf("PLAYGROUND_TOPICS=%s: must differ from TOPIC_", letters)},
        {shop_topic(shop, NEW_LOGGING_ACTION), ": must differ from TOPIC_NEW_LOGGING_ACTION"},
        {"test,,other", "PLAYGROUND_TOPICS=: must be 1 to 245 letters"},
        {"test,", "PLAYGROUND_TOPICS=: must be"},
        {"no spaces", "PLAYGROUND_TOPICS=no spaces: must be"},
        {scratch_printf("%0300d", 0), "000: must be"},
        {"a,b,a", "PLAYGROUND_TOPICS=a: is there twice"},
        {"__consumer_offsets", "a name that Kafka keeps for itself"},
        {"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "at most 16 topics"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct process *process;
        shop_set(shop, scratch_printf("PLAYGROUND_TOPICS=%s", cases[i].topics));
        assert_int_equal(shop_run(shop, ORDER, "--check", &process), 2);
        assert_says(process_stderr(process), cases[i].fault);
    }
}

static void publishing__gives_up_in_time_when_kafka_is_away(void **state) {
    struct shop *shop = *state;
    broker_take_down(shop_broker(shop));
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);

    struct http_answer never_sent = publish(shop, "", address);

    assert_int_equal(never_sent.status, 503);
    assert_says(never_sent.body, "problem:unavailable");
    assert_string_equal(http_header(&never_sent, "Retry-After"), "2");
    broker_bring_up(shop_broker(shop));
    assert_soon(publish(shop, "", address).status == 201);

    broker_take_down(shop_broker(shop));
    struct http_answer perhaps_sent = publish(shop, "", address);

    assert_int_equal(perhaps_sent.status, 503);
    assert_says(perhaps_sent.body, "problem:not-acknowledged");
    broker_bring_up(shop_broker(shop));
    assert_soon(publish(shop, "", address).status == 201);
}

static struct http_raw *begin_publishing(struct shop *shop) {
    struct http_raw *client = http_raw_open(shop_port(shop, ORDER));
    http_raw_send(client, scratch_printf("POST /topics/%s HTTP/1.1\r\nHost: localhost\r\n"
                                         "Content-Type: application/json\r\n"
                                         "Content-Length: 1\r\n\r\n0",
                                         topic_of(shop)));
    return client;
}

static void stop__answers_those_who_wait_for_kafka(void **state) {
    struct shop *shop = *state;
    broker_take_down(shop_broker(shop));
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    struct http_raw *clients[POSTS_MAX];
    for (size_t i = 0; i < POSTS_MAX; i++)
        clients[i] = begin_publishing(shop);

    /* No more may wait than these, so all of them do. */
    assert_soon(strstr(publish(shop, "", address).body, "too many records wait"));
    shop_stop(shop, ORDER);

    for (size_t i = 0; i < POSTS_MAX; i++)
        assert_int_equal(
            http_raw_end(clients[i], "POST", scratch_printf("/topics/%s", topic_of(shop))).status,
            503);
    broker_bring_up(shop_broker(shop));
}

#define test_in_shop(test, open) cmocka_unit_test_setup_teardown(test, open, close_shop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test_in_shop(record__is_what_was_sent, open_shop),
        test_in_shop(records__of_one_key_are_in_one_partition_in_their_order, open_shop),
        test_in_shop(publishing__is_refused_when_topic_or_body_is_wrong, open_shop),
        test_in_shop(playground__is_not_there_unless_topics_are_set, open_empty_shop),
        test_in_shop(start__refuses_topics_that_are_no_playground, open_empty_shop),
        test_in_shop(publishing__gives_up_in_time_when_kafka_is_away, open_shop_that_loses_kafka),
        test_in_shop(stop__answers_those_who_wait_for_kafka, open_shop_that_loses_kafka),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
