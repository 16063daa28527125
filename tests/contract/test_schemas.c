/*
 * Holds together the two places that say what an event looks like: the files
 * in schemas/, for every language, and the codec. What the files themselves
 * say is asked of an independent validator (validate.py).
 */
#include "event/codec.h"
#include "event/event.h"
#include "event/json.h"

#include <cjson/cJSON.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void read_file(const char *path, struct strbuf *out) {
    strbuf_init(out);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s: run this from the repository's root", path);
    char block[4096];
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
        strbuf_add(out, block, n);
    fclose(file);
}

static void write_file(const char *path, const struct strbuf *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text->data, 1, text->len, file), text->len);
    assert_int_equal(fclose(file), 0);
}

static cJSON *parse_file(const char *path) {
    struct strbuf text;
    struct json_fault fault;
    cJSON *tree = NULL;
    read_file(path, &text);
    if (json_parse(text.data, text.len, &tree, &fault) != OK)
        fail_msg("%s: line %zu: %s", path, fault.line, fault.detail);
    strbuf_release(&text);
    return tree;
}

static glob_t find_files(const char *pattern) {
    glob_t found;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    return found;
}

/* The type whose name the file's, or its folder's, begins with. */
static enum event_type type_of(const char *path, const char *folder) {
    assert_memory_equal(path, folder, strlen(folder));
    const char *name = path + strlen(folder);
    for (int type = 0; type < N_EVENT_TYPES; type++) {
        const char *type_name = event_type_name((enum event_type)type);
        if (strncmp(name, type_name, strlen(type_name)) == 0)
            return (enum event_type)type;
    }
    fail_msg("%s: its name begins with no event's type", path);
    return N_EVENT_TYPES;
}

static enum status decode_file(const char *path, struct event *event,
                               struct contract_faults *faults) {
    struct strbuf text;
    read_file(path, &text);
    enum status status = event_decode(text.data, text.len, event, faults);
    strbuf_release(&text);
    return status;
}

/* Whether two events have the same payload, by its only lasting form. */
static bool is_same_payload(const struct event *a, const struct event *b) {
    struct strbuf text_a, text_b;
    strbuf_init(&text_a);
    strbuf_init(&text_b);
    event_encode(a, &text_a);
    event_encode(b, &text_b);
    bool is_same = a->type == b->type && strcmp(text_a.data, text_b.data) == 0;
    strbuf_release(&text_a);
    strbuf_release(&text_b);
    return is_same;
}

static void example__is_the_golden_order(void **state) {
    (void)state;
    static const char golden[] =
        "{\"orderId\":\"ORDER-123\",\"customerId\":\"CUSTOMER-123\",\"products\":["
        "{\"productId\":\"PRODUCT-123\",\"quantity\":3,\"totalPrice\":80},"
        "{\"productId\":\"PRODUCT-321\",\"quantity\":1,\"totalPrice\":233}]}";
    struct event event = {.type = EVENT_NEW_ORDER};
    struct contract_faults faults;
    struct strbuf text;
    strbuf_init(&text);

    assert_int_equal(decode_file("schemas/examples/new-order.json", &event, &faults), OK);
    event_encode(&event, &text);

    assert_string_equal(text.data, golden);
    strbuf_release(&text);
}

static void example__is_accepted_and_survives_encoding(void **state) {
    (void)state;
    glob_t files = find_files("schemas/examples/*.json");
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const char *path = files.gl_pathv[i];
        enum event_type type = type_of(path, "schemas/examples/");
        struct event event = {.type = type}, again = {.type = type};
        struct contract_faults faults;
        if (decode_file(path, &event, &faults) != OK)
            fail_msg("%s: %s: %s", path, faults.items[0].pointer, faults.items[0].detail);

        struct strbuf text;
        strbuf_init(&text);
        event_encode(&event, &text);
        assert_int_equal(event_decode(text.data, text.len, &again, &faults), OK);
        strbuf_release(&text);
        assert_true(is_same_payload(&event, &again));
    }
    globfree(&files);
}

static const char *text_member(const cJSON *object, const char *name) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    assert_non_null(text);
    return text;
}

static void counter_example__is_refused_where_and_why_the_index_says(void **state) {
    (void)state;
    cJSON *index = parse_file("schemas/counter-examples/index.json");
    const cJSON *entry;
    cJSON_ArrayForEach(entry, index) {
        char path[256];
        snprintf(path, sizeof path, "schemas/counter-examples/%s", text_member(entry, "file"));
        struct event event = {.type = type_of(path, "schemas/counter-examples/")};
        struct contract_faults faults;

        if (decode_file(path, &event, &faults) == OK)
            fail_msg("%s: accepted", path);

        const struct contract_fault *fault = &faults.items[0];
        if (strcmp(fault->pointer, text_member(entry, "pointer")) != 0 ||
            !strstr(fault->detail, text_member(entry, "reason")))
            fail_msg("%s: \"%s: %s\"", path, fault->pointer, fault->detail);
        assert_int_equal(faults.n, 1);
        assert_true(faults.is_syntax || strcmp(text_member(entry, "refusedBy"), "schema") == 0);
    }
    cJSON_Delete(index);
}

static void counter_examples__are_all_in_the_index(void **state) {
    (void)state;
    glob_t files = find_files("schemas/counter-examples/*/*.json");
    cJSON *index = parse_file("schemas/counter-examples/index.json");
    assert_int_equal(files.gl_pathc, cJSON_GetArraySize(index));
    cJSON_Delete(index);
    globfree(&files);
}

/* Follows names through nested objects: "properties", "products", NULL. */
static double schema_number(const cJSON *schema, const char *const path[]) {
    for (; *path; path++)
        schema = cJSON_GetObjectItemCaseSensitive(schema, *path);
    assert_true(cJSON_IsNumber(schema));
    return schema->valuedouble;
}

static void schema__has_the_limits_of_the_vocabulary(void **state) {
    (void)state;
    cJSON *schema = parse_file("schemas/new-order.schema.json");
    static const struct {
        double limit;
        const char *path[8];
    } limits[] = {
        {1, {"properties", "orderId", "minLength"}},
        {ID_SIZE - 1, {"properties", "orderId", "maxLength"}},
        {ID_SIZE - 1, {"properties", "customerId", "maxLength"}},
        {1, {"properties", "products", "minItems"}},
        {ORDER_LINES_MAX, {"properties", "products", "maxItems"}},
        {ID_SIZE - 1, {"properties", "products", "items", "properties", "productId", "maxLength"}},
        {1, {"properties", "products", "items", "properties", "quantity", "minimum"}},
        {QUANTITY_MAX, {"properties", "products", "items", "properties", "quantity", "maximum"}},
        {0, {"properties", "products", "items", "properties", "totalPrice", "minimum"}},
        {(double)TOTAL_CENTS_MAX / 100,
         {"properties", "products", "items", "properties", "totalPrice", "maximum"}},
        {0.01, {"properties", "products", "items", "properties", "totalPrice", "multipleOf"}},
    };
    for (size_t i = 0; i < COUNT(limits); i++)
        assert_true(schema_number(schema, limits[i].path) == limits[i].limit);
    cJSON_Delete(schema);
}

/* Runs the validator on all files that match the pattern, and gives what it
 * prints: a line for each. */
static void ask_validator(enum event_type type, const char *pattern, struct strbuf *out) {
    char command[512];
    snprintf(command, sizeof command,
             "/usr/bin/python3 tests/contract/validate.py schemas/%s.schema.json %s",
             event_type_name(type), pattern);
    FILE *verdicts = popen(command, "r");
    assert_non_null(verdicts);
    strbuf_init(out);
    char block[4096];
    for (size_t n; (n = fread(block, 1, sizeof block, verdicts)) > 0;)
        strbuf_add(out, block, n);
    int result = pclose(verdicts);
    if (!WIFEXITED(result) || WEXITSTATUS(result) != 0)
        fail_msg("the validator failed (is python3-jsonschema installed?): %s", command);
}

/* "valid", "invalid" or "malformed", as the line of `verdicts` on `path` says. */
static void find_verdict(const char *verdicts, const char *path, char out[static 16]) {
    size_t len = strlen(path);
    for (const char *line = verdicts; *line; line = strchr(line, '\n') + 1) {
        size_t n = strcspn(line, " ");
        const char *file = line + n + 1;
        if (strncmp(file, path, len) == 0 && (file[len] == '\n' || file[len] == ':')) {
            snprintf(out, 16, "%.*s", (int)n, line);
            return;
        }
    }
    fail_msg("the validator says nothing of %s", path);
}

static void schema__accepts_every_example(void **state) {
    (void)state;
    for (int type = 0; type < N_EVENT_TYPES; type++) {
        char pattern[128];
        struct strbuf verdicts;
        snprintf(pattern, sizeof pattern, "schemas/examples/%s*.json",
                 event_type_name((enum event_type)type));
        ask_validator((enum event_type)type, pattern, &verdicts);
        glob_t files = find_files(pattern);
        for (size_t i = 0; i < files.gl_pathc; i++) {
            char verdict[16];
            find_verdict(verdicts.data, files.gl_pathv[i], verdict);
            if (strcmp(verdict, "valid") != 0)
                fail_msg("%s", verdicts.data);
        }
        globfree(&files);
        strbuf_release(&verdicts);
    }
}

/* What the validator should say of a counter-example: those that only our
 * reader refuses break rules that neither JSON nor its schemas have. */
static const char *expected_verdict(const cJSON *entry) {
    const char *who = text_member(entry, "refusedBy");
    if (strcmp(who, "schema") == 0)
        return "invalid";
    if (strcmp(who, "parser") == 0)
        return "malformed";
    assert_string_equal(who, "reader");
    return "valid";
}

static void schema__refuses_every_counter_example_that_it_can_express(void **state) {
    (void)state;
    cJSON *index = parse_file("schemas/counter-examples/index.json");
    for (int type = 0; type < N_EVENT_TYPES; type++) {
        const char *type_name = event_type_name((enum event_type)type);
        char pattern[128];
        struct strbuf verdicts;
        snprintf(pattern, sizeof pattern, "schemas/counter-examples/%s/*.json", type_name);
        ask_validator((enum event_type)type, pattern, &verdicts);
        const cJSON *entry;
        cJSON_ArrayForEach(entry, index) {
            const char *file = text_member(entry, "file");
            if (strncmp(file, type_name, strlen(type_name)) != 0)
                continue;
            char path[256], verdict[16];
            snprintf(path, sizeof path, "schemas/counter-examples/%s", file);
            find_verdict(verdicts.data, path, verdict);
            if (strcmp(verdict, expected_verdict(entry)) != 0)
                fail_msg("%s: %s, not %s", path, verdict, expected_verdict(entry));
        }
        strbuf_release(&verdicts);
    }
    cJSON_Delete(index);
}

static unsigned seed;

static int random_below(int n) {
    return rand_r(&seed) % n;
}

static void generate_id(char out[static ID_SIZE]) {
    int len = 1 + random_below(ID_SIZE - 1);
    for (int i = 0; i < len; i++)
        out[i] = (char)('!' + random_below('~' - '!' + 1));
    out[len] = '\0';
}

/* Any order that the contract allows, limits among them. */
static void generate_order(struct event *event) {
    *event = (struct event){.type = EVENT_NEW_ORDER};
    struct order *order = &event->order;
    generate_id(order->order_id);
    generate_id(order->customer_id);
    order->n_lines = (size_t)(1 + random_below(random_below(10) == 0 ? ORDER_LINES_MAX : 5));
    for (size_t i = 0; i < order->n_lines; i++) {
        struct order_line *line = &order->lines[i];
        generate_id(line->product_id);
        line->quantity = random_below(10) == 0 ? QUANTITY_MAX : 1 + random_below(QUANTITY_MAX);
        line->total_cents = ((int64_t)rand_r(&seed) << 10 | random_below(1024)) % TOTAL_CENTS_MAX;
        if (random_below(10) == 0)
            line->total_cents = random_below(2) == 0 ? TOTAL_CENTS_MAX : 0;
    }
}

/* TEST_SEED repeats a run. */
static int choose_seed(void **state) {
    (void)state;
    const char *chosen = getenv("TEST_SEED");
    seed = chosen ? (unsigned)strtoul(chosen, NULL, 10) : (unsigned)time(NULL);
    print_message("TEST_SEED=%u\n", seed);
    return 0;
}

static void assert_same_order(const struct order *a, const struct order *b) {
    assert_string_equal(a->order_id, b->order_id);
    assert_string_equal(a->customer_id, b->customer_id);
    assert_int_equal(a->n_lines, b->n_lines);
    for (size_t i = 0; i < a->n_lines; i++) {
        assert_string_equal(a->lines[i].product_id, b->lines[i].product_id);
        assert_int_equal(a->lines[i].quantity, b->lines[i].quantity);
        assert_int_equal(a->lines[i].total_cents, b->lines[i].total_cents);
    }
}

static void order__is_the_same_when_it_was_encoded_and_decoded(void **state) {
    (void)state;
    struct strbuf text;
    strbuf_init(&text);
    for (int i = 0; i < 1000; i++) {
        struct event event, again = {.type = EVENT_NEW_ORDER};
        struct contract_faults faults;
        generate_order(&event);
        strbuf_reset(&text);
        event_encode(&event, &text);
        if (event_decode(text.data, text.len, &again, &faults) != OK)
            fail_msg("%s: %s in %s", faults.items[0].pointer, faults.items[0].detail, text.data);
        assert_same_order(&event.order, &again.order);
    }
    strbuf_release(&text);
}

static void order__is_valid_by_the_schema_when_it_was_encoded(void **state) {
    (void)state;
    enum { N_ORDERS = 50 };
    char folder[] = "/tmp/orderflow-contract-XXXXXX";
    char paths[N_ORDERS][64], pattern[64];
    struct strbuf text, verdicts;
    assert_non_null(mkdtemp(folder));
    strbuf_init(&text);
    for (int i = 0; i < N_ORDERS; i++) {
        struct event event;
        generate_order(&event);
        strbuf_reset(&text);
        event_encode(&event, &text);
        snprintf(paths[i], sizeof paths[i], "%s/%d.json", folder, i);
        write_file(paths[i], &text);
    }

    snprintf(pattern, sizeof pattern, "%s/*.json", folder);
    ask_validator(EVENT_NEW_ORDER, pattern, &verdicts);

    for (int i = 0; i < N_ORDERS; i++) {
        char verdict[16];
        find_verdict(verdicts.data, paths[i], verdict);
        if (strcmp(verdict, "valid") != 0)
            fail_msg("%s", verdicts.data);
        unlink(paths[i]);
    }
    rmdir(folder);
    strbuf_release(&verdicts);
    strbuf_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example__is_the_golden_order),
        cmocka_unit_test(example__is_accepted_and_survives_encoding),
        cmocka_unit_test(counter_example__is_refused_where_and_why_the_index_says),
        cmocka_unit_test(counter_examples__are_all_in_the_index),
        cmocka_unit_test(schema__has_the_limits_of_the_vocabulary),
        cmocka_unit_test(schema__accepts_every_example),
        cmocka_unit_test(schema__refuses_every_counter_example_that_it_can_express),
        cmocka_unit_test(order__is_the_same_when_it_was_encoded_and_decoded),
        cmocka_unit_test(order__is_valid_by_the_schema_when_it_was_encoded),
    };
    return cmocka_run_group_tests(tests, choose_seed, NULL);
}
