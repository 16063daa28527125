/*
 * What each consumer makes of the contract's own examples: the valid ones, each
 * written twice, have their effect once; the counter-examples, which are in
 * front of them in the topic, come back as dead letters that say what the index
 * says, from every consumer of the topic.
 */
#include "event/event.h"
#include "support/file.h"
#include "support/json_path.h"
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <glob.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { RECORDS_MAX = 128, CONSUMERS = INVENTORY | NOTIFICATION | LOGGING };

static const struct consumer {
    enum shop_service service;
    enum shop_topic topic;
    const char *list; /* of the effects; NULL: the movements of each product */
} consumers[] = {
    {INVENTORY, NEW_ORDER, NULL},
    {NOTIFICATION, NEW_ORDER, "/notifications?"},
    {NOTIFICATION, INVENTORY_EMPTY, "/notifications?"},
    {LOGGING, NEW_LOGGING_ACTION, "/actions?"},
};

/* A file of the contract, and the record that was made of it. */
struct sample {
    enum shop_topic topic;
    const char *id; /* its ce_id: the file's path */
    struct record record;
    const cJSON *fault; /* its entry in the index; NULL: it is valid */
};

struct samples {
    size_t n;
    struct sample items[RECORDS_MAX];
};

struct scene {
    struct shop *shop;
    struct samples good, bad;
};

/* --- what is sent --- */

/* A sample's folder, or its own name, begins with its event's type. */
static enum shop_topic topic_of(const char *name) {
    static const enum shop_topic topics[N_EVENT_TYPES] = {
        [EVENT_NEW_ORDER] = NEW_ORDER,
        [EVENT_INVENTORY_EMPTY] = INVENTORY_EMPTY,
        [EVENT_NEW_LOGGING_ACTION] = NEW_LOGGING_ACTION,
    };
    for (int type = 0; type < N_EVENT_TYPES; type++) {
        const char *type_name = event_type_name((enum event_type)type);
        if (strncmp(name, type_name, strlen(type_name)) == 0)
            return topics[type];
    }
    fail_msg("%s begins with no event's type", name);
    return N_SHOP_TOPICS;
}

static struct sample *add_sample(struct scene *scene, struct samples *samples, const char *folder,
                                 const char *name) {
    assert_true(samples->n < RECORDS_MAX);
    struct sample *sample = &samples->items[samples->n++];
    sample->topic = topic_of(name);
    sample->id = scratch_printf("%s%s", folder, name);
    sample->record = (struct record){
        .topic = shop_topic(scene->shop, sample->topic),
        .value = file_bytes(sample->id),
        .n_headers = 1,
        .headers = {{"ce_id", {sample->id, strlen(sample->id)}}},
    };
    return sample;
}

static void add_counter_examples(struct scene *scene) {
    static const char folder[] = "schemas/counter-examples/";
    const cJSON *index = json_of(file_content("schemas/counter-examples/index.json"));
    const cJSON *entry;
    cJSON_ArrayForEach(entry, index) {
        add_sample(scene, &scene->bad, folder, json_text_at(entry, "/file"))->fault = entry;
    }
}

static void add_examples(struct scene *scene) {
    static const char folder[] = "schemas/examples/";
    glob_t files;
    assert_int_equal(glob("schemas/examples/*.json", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++)
        add_sample(scene, &scene->good, folder, files.gl_pathv[i] + strlen(folder));
    globfree(&files);
}

/* All into one partition of each topic, so that what is sent last is handled last. */
static void send_samples(struct scene *scene, const struct samples *samples) {
    struct record *records = scratch_alloc(samples->n * sizeof *records);
    for (size_t i = 0; i < samples->n; i++)
        records[i] = samples->items[i].record;
    kafka_send_all(broker_address(shop_broker(scene->shop)), records, samples->n);
}

static int open_scene(void **state) {
    static struct scene scene;
    scene.shop = shop_open_with(CONSUMERS);
    *state = &scene;
    add_counter_examples(&scene);
    add_examples(&scene);
    send_samples(&scene, &scene.bad);
    send_samples(&scene, &scene.good);
    send_samples(&scene, &scene.good);
    return 0;
}

static int close_scene(void **state) {
    const struct scene *scene = *state;
    shop_close(scene->shop);
    return 0;
}

/* --- counter-examples --- */

static size_t n_samples(const struct samples *samples, enum shop_topic topic) {
    size_t n = 0;
    for (size_t i = 0; i < samples->n; i++)
        n += samples->items[i].topic == topic;
    return n;
}

static size_t n_consumers(enum shop_topic topic) {
    size_t n = 0;
    for (size_t i = 0; i < COUNT(consumers); i++)
        n += consumers[i].topic == topic;
    return n;
}

static struct kafka_records wait_for_letters(const struct scene *scene, enum shop_topic topic) {
    const char *brokers = broker_address(shop_broker(scene->shop));
    const char *letters = shop_dead_letters(scene->shop, topic);
    const size_t n = n_samples(&scene->bad, topic) * n_consumers(topic);
    assert_soon(kafka_count(brokers, letters) >= n);
    return kafka_read(brokers, letters);
}

static bool has_prefix(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void assert_reason(const struct record *letter, const cJSON *fault) {
    const char *file = json_text_at(fault, "/file");
    const char *pointer = json_text_at(fault, "/pointer");
    const char *message = kafka_header(letter, "__connect.errors.exception.message");
    const char *class_name = kafka_header(letter, "__connect.errors.exception.class.name");
    const char *place = scratch_printf("%s: ", *pointer ? pointer : "the document");
    if (!has_prefix(message, place) || !strstr(message, json_text_at(fault, "/reason")))
        fail_msg("%s: %s", file, message);
    assert_string_equal(kafka_header(letter, "__connect.errors.stage"), "VALUE_CONVERTER");
    if (strcmp(json_text_at(fault, "/refusedBy"), "schema") != 0)
        assert_string_equal(class_name, "orderflow.SyntaxError");
}

static size_t n_letters_of(const struct kafka_records *letters, const struct sample *sample) {
    size_t n = 0;
    for (size_t i = 0; i < letters->n; i++) {
        const struct record *letter = &letters->items[i];
        const char *id = kafka_header(letter, "ce_id");
        if (!id || strcmp(id, sample->id) != 0)
            continue;
        assert_true(kafka_has_content(letter, &sample->record));
        assert_reason(letter, sample->fault);
        n++;
    }
    return n;
}

static void assert_letters(const struct scene *scene, enum shop_topic topic) {
    struct kafka_records letters = wait_for_letters(scene, topic);
    for (size_t i = 0; i < scene->bad.n; i++) {
        const struct sample *sample = &scene->bad.items[i];
        if (sample->topic == topic && n_letters_of(&letters, sample) != n_consumers(topic))
            fail_msg("%s: not in the dead letters once for each consumer", sample->id);
    }
    assert_int_equal(letters.n, n_samples(&scene->bad, topic) * n_consumers(topic));
}

static void counter_example__is_a_dead_letter_that_says_where_and_why(void **state) {
    for (int topic = 0; topic < N_SHOP_TOPICS; topic++)
        assert_letters(*state, (enum shop_topic)topic);
}

/* Until this counter of every consumer has reached the number of samples. */
static void wait_for_counters(const struct scene *scene, const char *name,
                              const struct samples *samples) {
    for (size_t i = 0; i < COUNT(consumers); i++) {
        const enum shop_topic topic = consumers[i].topic;
        const char *line =
            scratch_printf("\norderflow_events_%s_total{topic=\"%s\"} %zu\n", name,
                           shop_topic(scene->shop, topic), n_samples(samples, topic));
        const char *url = shop_url(scene->shop, consumers[i].service, "/metrics");
        assert_soon(strstr(http_get(url).body, line));
    }
}

static void counter_example__is_refused_by_every_consumer(void **state) {
    const struct scene *scene = *state;
    wait_for_counters(scene, "rejected", &scene->bad);
}

/* --- examples --- */

/* The movements that an event led to in a line of an order; a refill is none
 * of them. */
static int n_sales(const struct scene *scene, const cJSON *line, const char *event_id) {
    const char *target =
        scratch_printf("/stock/%s/movements?limit=100", json_text_at(line, "/productId"));
    struct http_answer answer = http_get(shop_url(scene->shop, INVENTORY, target));
    if (answer.status != 200)
        return 0;
    int n = 0;
    const cJSON *movement;
    cJSON_ArrayForEach(movement, json_at(json_of(answer.body), "/items")) {
        n += strcmp(json_text_at(movement, "/eventId"), event_id) == 0 &&
             strcmp(json_text_at(movement, "/kind"), "sale") == 0 &&
             json_number_at(movement, "/delta") == -json_number_at(line, "/quantity");
    }
    return n;
}

static void assert_sold(const struct scene *scene, const struct sample *order) {
    const cJSON *line;
    cJSON_ArrayForEach(line, json_at(json_of(order->record.value.data), "/products")) {
        assert_soon(n_sales(scene, line, order->id) > 0);
        assert_int_equal(n_sales(scene, line, order->id), 1);
    }
}

static void assert_effect(const struct scene *scene, const struct consumer *consumer,
                          const struct sample *sample) {
    if (!consumer->list) {
        assert_sold(scene, sample);
        return;
    }
    const enum shop_service service = consumer->service;
    assert_soon(count_where(scene->shop, service, consumer->list, "eventId", sample->id) > 0);
    assert_int_equal(count_where(scene->shop, service, consumer->list, "eventId", sample->id), 1);
}

static void example__has_its_effect_once_behind_what_was_refused(void **state) {
    const struct scene *scene = *state;
    wait_for_counters(scene, "repeated", &scene->good);
    for (size_t i = 0; i < COUNT(consumers); i++)
        for (size_t j = 0; j < scene->good.n; j++)
            if (scene->good.items[j].topic == consumers[i].topic)
                assert_effect(scene, &consumers[i], &scene->good.items[j]);
}

static void counter_example__has_no_effect(void **state) {
    const struct scene *scene = *state;
    for (size_t i = 0; i < COUNT(consumers); i++)
        if (consumers[i].list)
            for (size_t j = 0; j < scene->bad.n; j++)
                assert_int_equal(count_where(scene->shop, consumers[i].service, consumers[i].list,
                                             "eventId", scene->bad.items[j].id),
                                 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counter_example__is_a_dead_letter_that_says_where_and_why),
        cmocka_unit_test(counter_example__is_refused_by_every_consumer),
        cmocka_unit_test(example__has_its_effect_once_behind_what_was_refused),
        cmocka_unit_test(counter_example__has_no_effect),
    };
    return cmocka_run_group_tests(tests, open_scene, close_scene);
}
