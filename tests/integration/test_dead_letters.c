/* Records that are no events: passed on unchanged, with headers that say why.
 * test_consumers.c has the values that break the contract. */
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <string.h>

static int open_shop(void **state) {
    *state = shop_open_with(INVENTORY | NOTIFICATION);
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static struct kafka_records letters_of(struct shop *shop, enum shop_topic topic) {
    return kafka_read(broker_address(shop_broker(shop)), shop_dead_letters(shop, topic));
}

static size_t n_letters(struct shop *shop, enum shop_topic topic) {
    return kafka_count(broker_address(shop_broker(shop)), shop_dead_letters(shop, topic));
}

static void assert_reason(const struct record *letter, const char *topic, const char *class_name,
                          const char *message_part) {
    assert_string_equal(kafka_header(letter, "__connect.errors.topic"), topic);
    assert_string_equal(kafka_header(letter, "__connect.errors.partition"), "0");
    assert_non_null(kafka_header(letter, "__connect.errors.offset"));
    assert_non_null(kafka_header(letter, "orderflow.dlq.cluster"));
    assert_non_null(kafka_header(letter, "__connect.errors.stage"));
    assert_string_equal(kafka_header(letter, "__connect.errors.exception.class.name"), class_name);
    assert_non_null(
        strstr(kafka_header(letter, "__connect.errors.exception.message"), message_part));
}

#define BYTES(text)                                                                                \
    { text, sizeof(text) - 1 }

/* Each record, sent by itself, comes back from `n_groups` consumer groups. */
static void assert_refused(struct shop *shop, enum shop_topic topic, struct record *sent,
                           size_t n_groups, const char *class_name, const char *message_part) {
    size_t n_before = n_letters(shop, topic);
    sent->topic = shop_topic(shop, topic);

    kafka_send(broker_address(shop_broker(shop)), sent);

    assert_soon(n_letters(shop, topic) == n_before + n_groups);
    struct kafka_records letters = letters_of(shop, topic);
    for (size_t i = n_before; i < letters.n; i++) {
        assert_true(kafka_has_content(&letters.items[i], sent));
        assert_reason(&letters.items[i], sent->topic, class_name, message_part);
    }
    if (n_groups == 2) /* each says who it is */
        assert_string_not_equal(
            kafka_header(&letters.items[n_before], "__connect.errors.connector.name"),
            kafka_header(&letters.items[n_before + 1], "__connect.errors.connector.name"));
}

static void new_order__goes_to_dead_letters_of_both_groups_when_it_is_no_event(void **state) {
    struct shop *shop = *state;
    struct record malformed = {.value = BYTES("{\"orderId\": \"ORDER-1\","),
                               .key = BYTES("a key"),
                               .n_headers = 2,
                               .headers = {{"sender", BYTES("elsewhere")}, {"flag", {NULL, 0}}}};
    struct record tombstone = {.key = BYTES("a key")};
    struct record empty = {.value = BYTES("")};
    struct record binary = {.value = BYTES("\x00\xff\xfe")};

    assert_refused(shop, NEW_ORDER, &malformed, 2, "orderflow.SyntaxError", "");
    assert_refused(shop, NEW_ORDER, &tombstone, 2, "orderflow.SyntaxError", "");
    assert_refused(shop, NEW_ORDER, &empty, 2, "orderflow.SyntaxError", "");
    assert_refused(shop, NEW_ORDER, &binary, 2, "orderflow.SyntaxError", "");
}

static void new_order__goes_to_dead_letters_when_its_headers_are_wrong(void **state) {
    struct shop *shop = *state;
    static const char value[] = "{\"orderId\":\"O\",\"customerId\":\"C\",\"products\":["
                                "{\"productId\":\"P\",\"quantity\":1,\"totalPrice\":1}]}";
    struct record other_type = {
        .value = BYTES(value), .n_headers = 1, .headers = {{"ce_type", BYTES("inventory-empty")}}};
    struct record empty_id = {
        .value = BYTES(value), .n_headers = 1, .headers = {{"ce_id", BYTES("")}}};

    assert_refused(shop, NEW_ORDER, &other_type, 2, "orderflow.EnvelopeError", "ce_type");
    assert_refused(shop, NEW_ORDER, &empty_id, 2, "orderflow.EnvelopeError", "ce_id");
}

/* Kafka's own limit is about 1 MB, and the letter is longer than its record. */
static void new_order__goes_to_dead_letters_when_it_is_as_large_as_its_topic_allows(void **state) {
    size_t len = broker_is_apache() ? 1048400 : 1500000;
    char *value = scratch_alloc(len);
    memset(value, 'x', len);
    struct record large = {.value = {value, len}};

    assert_refused(*state, NEW_ORDER, &large, 2, "orderflow.SyntaxError", "");
}

static void new_order__goes_to_dead_letters_with_all_of_its_headers(void **state) {
    struct strbuf packed;
    struct record many = {.value = BYTES("{")};
    strbuf_init(&packed);
    for (int i = 0; i < 1000; i++) {
        const char *name = scratch_printf("header-%d", i);
        record_pack_header(&(struct record_header){name, {name, strlen(name)}}, &packed);
    }
    assert_int_equal(record_unpack_headers((struct bytes){packed.data, packed.len}, &many, NULL),
                     OK);

    assert_refused(*state, NEW_ORDER, &many, 2, "orderflow.SyntaxError", "");
    strbuf_release(&packed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_order__goes_to_dead_letters_of_both_groups_when_it_is_no_event),
        cmocka_unit_test(new_order__goes_to_dead_letters_when_its_headers_are_wrong),
        cmocka_unit_test(new_order__goes_to_dead_letters_when_it_is_as_large_as_its_topic_allows),
        cmocka_unit_test(new_order__goes_to_dead_letters_with_all_of_its_headers),
    };
    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
