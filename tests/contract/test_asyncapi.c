/* The tables in schemas/README.md say what schemas/asyncapi.json says. */
#include "support/file.h"
#include "support/json_path.h"
#include "support/scratch.h"
#include "support/testing.h"

#include <string.h>

static int read_document(void **state) {
    *state = (void *)json_of(file_content("schemas/asyncapi.json"));
    return 0;
}

static int release_document(void **state) {
    (void)state;
    scratch_release();
    return 0;
}

/* The part of the page from one heading to the next, of any level. */
static const char *section(const char *heading) {
    const char *page = file_content("schemas/README.md");
    const char *start = strstr(page, heading);
    if (!start)
        fail_msg("schemas/README.md has no %s", heading);
    const char *end = strstr(start + strlen(heading), "\n#");
    return end ? scratch_printf("%.*s", (int)(end - start), start) : start;
}

/* The row of a table whose first column is `name`. */
static const char *row_of(const char *table, const char *name) {
    const char *start = strstr(table, scratch_printf("\n| `%s` |", name));
    if (!start)
        fail_msg("schemas/README.md: no row of %s", name);
    start++;
    return scratch_printf("%.*s", (int)strcspn(start, "\n"), start);
}

static void assert_says(const char *row, const char *what) {
    if (!strstr(row, what))
        fail_msg("schemas/README.md: %s: %s is missing", row, what);
}

static int count_rows(const char *table) {
    int n = 0;
    for (const char *row = strstr(table, "\n| `"); row; row = strstr(row + 1, "\n| `"))
        n++;
    return n;
}

/* What a reference such as "#/channels/new-order" names. */
static const cJSON *follow(const cJSON *document, const cJSON *reference) {
    return json_at(document, json_text_at(reference, "/$ref") + 1);
}

/* The row names the message's payload and the key of what is sent; what is
 * replayed has those that it came with. */
static void assert_row_has_message(const char *row, const cJSON *document, const cJSON *operation) {
    const cJSON *reference;
    cJSON_ArrayForEach(reference, json_at(operation, "/messages")) {
        const cJSON *message = follow(document, follow(document, reference));
        const cJSON *key = json_at(message, "/x-key");
        const cJSON *schema = json_at(message, "/payload/schema");
        const cJSON *part = json_at(schema, "/allOf/0");
        if (schema)
            assert_says(row, json_text_at(part ? part : schema, "/$ref"));
        if (key)
            assert_says(row, scratch_printf("`%s`", strrchr(key->valuestring, '/') + 1));
    }
}

static void readme__has_topics_keys_payloads_and_groups_of_the_document(void **state) {
    const cJSON *document = *state;
    const char *table = section("# The wire contract");
    const cJSON *operation;
    cJSON_ArrayForEach(operation, json_at(document, "/operations")) {
        const char *address =
            json_text_at(follow(document, json_at(operation, "/channel")), "/address");
        if (strstr(address, ".dlq"))
            continue;
        const char *row = row_of(table, address);
        const cJSON *group = json_at(operation, "/bindings/kafka/groupId/const");
        assert_says(row, json_text_at(operation, "/bindings/kafka/clientId/const"));
        if (group)
            assert_says(row, scratch_printf("(`%s`)", group->valuestring));
        assert_row_has_message(row, document, operation);
    }
    /* Each topic has a row, and its dead letters share one. */
    assert_int_equal(count_rows(table) * 2, cJSON_GetArraySize(json_at(document, "/channels")));
}

static void readme__has_headers_of_events(void **state) {
    const cJSON *document = *state;
    const char *table = section("\n## Sending");
    const cJSON *own = json_at(document, "/components/schemas/own-headers/properties");
    const cJSON *accepted = json_at(document, "/components/schemas/accepted-headers/properties");
    const cJSON *header;
    cJSON_ArrayForEach(header, own) {
        row_of(table, header->string);
        assert_non_null(json_at(accepted, scratch_printf("/%s", header->string)));
    }
    assert_int_equal(count_rows(table), cJSON_GetArraySize(own));
    assert_int_equal(count_rows(table), cJSON_GetArraySize(accepted));
}

/* The table has these headers, with the values that are listed, and no others. */
static void assert_table_has_headers(const char *table, const cJSON *headers) {
    const cJSON *header, *value;
    cJSON_ArrayForEach(header, headers) {
        const char *row = row_of(table, header->string);
        cJSON_ArrayForEach(value, json_at(header, "/enum")) {
            assert_says(row, scratch_printf("`%s`", value->valuestring));
        }
    }
    assert_int_equal(count_rows(table), cJSON_GetArraySize(headers));
}

static void readme__has_headers_of_dead_letters_and_their_values(void **state) {
    assert_table_has_headers(section("\n## What is refused"),
                             json_at(*state, "/components/schemas/dead-letter-headers/properties"));
}

static void readme__has_headers_of_marks_and_their_values(void **state) {
    assert_table_has_headers(section("\n### Marks"),
                             json_at(*state, "/components/schemas/mark-headers/properties"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readme__has_topics_keys_payloads_and_groups_of_the_document),
        cmocka_unit_test(readme__has_headers_of_events),
        cmocka_unit_test(readme__has_headers_of_dead_letters_and_their_values),
        cmocka_unit_test(readme__has_headers_of_marks_and_their_values),
    };
    return cmocka_run_group_tests(tests, read_document, release_document);
}
