/*
 * scripts/schema-check, by changes planted in a copy of the new order's schema:
 * one that breaks readers is refused, with its place and direction; one that
 * does not passes.
 */
#include "base/strbuf.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What stands at a JSON Pointer from now on; `json` NULL: nothing. */
struct edit {
    const char *pointer;
    const char *json;
};

enum { EDITS_MAX = 3 };

struct change {
    const char *name;
    struct edit edits[EDITS_MAX];    /* of the schema */
    struct edit released[EDITS_MAX]; /* of the released version */
    const char *faults[2];           /* in the output; none: it passes */
};

#define ORDER_ID "/properties/orderId"
#define LINE "/properties/products/items"
#define QUANTITY LINE "/properties/quantity"
#define PRICE LINE "/properties/totalPrice"
#define ID_STRING "{\"type\": \"string\", \"maxLength\": 64}"

static const struct change changes[] = {
    /* Members. */
    {.name = "required member added",
     .edits = {{"/properties/shop", ID_STRING}, {"/required/3", "\"shop\""}},
     .faults = {"/properties/shop: breaks BACKWARD: a required member was added"}},
    {.name = "required member removed",
     .edits = {{ORDER_ID, NULL}, {"/required/0", NULL}},
     .faults = {ORDER_ID ": breaks FORWARD: a required member was removed"}},
    {.name = "required member renamed",
     .edits = {{ORDER_ID, NULL}, {"/properties/id", ID_STRING}, {"/required/0", "\"id\""}},
     .faults = {ORDER_ID ": breaks FORWARD: a required member was removed",
                "/properties/id: breaks BACKWARD: a required member was added"}},
    {.name = "required member of a line removed",
     .edits = {{PRICE, NULL}, {LINE "/required/2", NULL}},
     .faults = {PRICE ": breaks FORWARD: a required member was removed"}},
    {.name = "required member became optional",
     .edits = {{"/required/0", NULL}},
     .faults = {ORDER_ID ": breaks FORWARD: became optional"}},
    {.name = "optional member became required",
     .released = {{"/required/0", NULL}},
     .faults = {ORDER_ID ": breaks BACKWARD: became required"}},
    {.name = "unlisted member became required",
     .edits = {{"/required/3", "\"shop\""}},
     .faults = {"/properties/shop: breaks BACKWARD: a required member was added"}},
    {.name = "optional member removed",
     .released = {{"/properties/note", ID_STRING}},
     .faults = {"/properties/note: breaks FORWARD: an optional member was removed"}},
    {.name = "optional member added where no further ones are allowed",
     .edits = {{"/properties/note", ID_STRING}, {"/additionalProperties", "false"}},
     .released = {{"/additionalProperties", "false"}},
     .faults = {"/properties/note: breaks FORWARD: a member was added"}},
    {.name = "optional member removed where no further ones are allowed",
     .edits = {{"/additionalProperties", "false"}},
     .released = {{"/properties/note", ID_STRING}, {"/additionalProperties", "false"}},
     .faults = {"/properties/note: breaks BACKWARD: a member was removed"}},
    {.name = "further members forbidden",
     .edits = {{"/additionalProperties", "false"}},
     .faults = {"/additionalProperties: breaks BACKWARD: nothing became false"}},
    {.name = "further members allowed",
     .released = {{LINE "/additionalProperties", "false"}},
     .faults = {LINE "/additionalProperties: breaks FORWARD: false became nothing"}},
    {.name = "further members restricted",
     .edits = {{"/additionalProperties", ID_STRING}},
     .faults = {"/additionalProperties/type: breaks BACKWARD: nothing became \"string\""}},

    /* Types. */
    {.name = "type changed",
     .edits = {{QUANTITY "/type", "\"string\""}},
     .faults = {QUANTITY "/type: breaks BACKWARD and FORWARD: \"integer\" became \"string\""}},
    {.name = "type widened",
     .edits = {{QUANTITY "/type", "\"number\""}},
     .faults = {QUANTITY "/type: breaks FORWARD: \"integer\" became \"number\""}},
    {.name = "type narrowed",
     .edits = {{PRICE "/type", "\"integer\""}},
     .faults = {PRICE "/type: breaks BACKWARD: \"number\" became \"integer\""}},
    {.name = "null allowed",
     .edits = {{ORDER_ID "/type", "[\"string\", \"null\"]"}},
     .faults = {ORDER_ID "/type: breaks FORWARD: "}},
    {.name = "type removed",
     .edits = {{ORDER_ID "/type", NULL}},
     .faults = {ORDER_ID "/type: breaks FORWARD: \"string\" became nothing"}},
    {.name = "items restricted",
     .released = {{LINE, NULL}},
     .faults = {LINE "/type: breaks BACKWARD: nothing became \"object\""}},

    /* Limits. */
    {.name = "minimum raised",
     .edits = {{QUANTITY "/minimum", "2"}},
     .faults = {QUANTITY "/minimum: breaks BACKWARD: 1 became 2: new readers refuse old data"}},
    {.name = "minimum lowered",
     .edits = {{QUANTITY "/minimum", "0"}},
     .faults = {QUANTITY "/minimum: breaks FORWARD: 1 became 0: old readers refuse new data"}},
    {.name = "minimum removed",
     .edits = {{PRICE "/minimum", NULL}},
     .faults = {PRICE "/minimum: breaks FORWARD: 0 became nothing"}},
    {.name = "exclusive minimum added",
     .edits = {{PRICE "/exclusiveMinimum", "0"}},
     .faults = {PRICE "/exclusiveMinimum: breaks BACKWARD: nothing became 0"}},
    {.name = "maximum lowered",
     .edits = {{QUANTITY "/maximum", "999999"}},
     .faults = {QUANTITY "/maximum: breaks BACKWARD: 1000000 became 999999"}},
    {.name = "maximum raised",
     .edits = {{QUANTITY "/maximum", "1000001"}},
     .faults = {QUANTITY "/maximum: breaks FORWARD: 1000000 became 1000001"}},
    {.name = "minLength raised",
     .edits = {{ORDER_ID "/minLength", "2"}},
     .faults = {ORDER_ID "/minLength: breaks BACKWARD: 1 became 2"}},
    {.name = "minLength lowered",
     .edits = {{ORDER_ID "/minLength", "0"}},
     .faults = {ORDER_ID "/minLength: breaks FORWARD: 1 became 0"}},
    {.name = "maxLength lowered",
     .edits = {{ORDER_ID "/maxLength", "63"}},
     .faults = {ORDER_ID "/maxLength: breaks BACKWARD: 64 became 63"}},
    {.name = "maxLength raised",
     .edits = {{ORDER_ID "/maxLength", "65"}},
     .faults = {ORDER_ID "/maxLength: breaks FORWARD: 64 became 65"}},
    {.name = "minItems raised",
     .edits = {{"/properties/products/minItems", "2"}},
     .faults = {"/properties/products/minItems: breaks BACKWARD: 1 became 2"}},
    {.name = "minItems lowered",
     .edits = {{"/properties/products/minItems", "0"}},
     .faults = {"/properties/products/minItems: breaks FORWARD: 1 became 0"}},
    {.name = "minItems removed",
     .edits = {{"/properties/products/minItems", NULL}},
     .faults = {"/properties/products/minItems: breaks FORWARD: 1 became nothing"}},
    {.name = "maxItems lowered",
     .edits = {{"/properties/products/maxItems", "99"}},
     .faults = {"/properties/products/maxItems: breaks BACKWARD: 100 became 99"}},
    {.name = "maxItems raised",
     .edits = {{"/properties/products/maxItems", "101"}},
     .faults = {"/properties/products/maxItems: breaks FORWARD: 100 became 101"}},
    {.name = "pattern changed",
     .edits = {{ORDER_ID "/pattern", "\"^[A-Z]+$\""}},
     .faults = {ORDER_ID "/pattern: breaks BACKWARD and FORWARD: "}},
    {.name = "pattern added",
     .released = {{ORDER_ID "/pattern", NULL}},
     .faults = {ORDER_ID "/pattern: breaks BACKWARD: nothing became"}},
    {.name = "pattern removed",
     .edits = {{ORDER_ID "/pattern", NULL}},
     .faults = {ORDER_ID "/pattern: breaks FORWARD: "}},
    {.name = "multipleOf coarser",
     .edits = {{PRICE "/multipleOf", "0.05"}},
     .faults = {PRICE "/multipleOf: breaks BACKWARD: 0.01 became 0.05"}},
    {.name = "multipleOf finer",
     .edits = {{PRICE "/multipleOf", "0.001"}},
     .faults = {PRICE "/multipleOf: breaks FORWARD: "}},
    {.name = "multipleOf changed to neither",
     .edits = {{PRICE "/multipleOf", "0.015"}},
     .faults = {PRICE "/multipleOf: breaks BACKWARD and FORWARD: "}},
    {.name = "multipleOf removed",
     .edits = {{PRICE "/multipleOf", NULL}},
     .faults = {PRICE "/multipleOf: breaks FORWARD: "}},

    /* Lists of values. */
    {.name = "value added to an enum",
     .edits = {{ORDER_ID "/enum", "[\"a\", \"b\", \"c\"]"}},
     .released = {{ORDER_ID "/enum", "[\"a\", \"b\"]"}},
     .faults = {ORDER_ID "/enum: breaks FORWARD: "}},
    {.name = "value removed from an enum",
     .edits = {{ORDER_ID "/enum", "[\"a\"]"}},
     .released = {{ORDER_ID "/enum", "[\"a\", \"b\"]"}},
     .faults = {ORDER_ID "/enum: breaks BACKWARD: "}},
    {.name = "enum added",
     .edits = {{ORDER_ID "/enum", "[\"a\"]"}},
     .faults = {ORDER_ID "/enum: breaks BACKWARD: "}},
    {.name = "const changed",
     .edits = {{ORDER_ID "/const", "\"a\""}},
     .released = {{ORDER_ID "/const", "\"b\""}},
     .faults = {ORDER_ID "/const: breaks BACKWARD and FORWARD: \"b\" became \"a\""}},

    /* What the script does not understand. */
    {.name = "unknown keyword",
     .edits = {{ORDER_ID "/oneOf", "[{}]"}},
     .faults = {ORDER_ID "/oneOf: breaks BACKWARD and FORWARD: cannot compare this keyword"}},
    {.name = "unknown keyword that stays the same",
     .edits = {{"/patternProperties", "{}"}},
     .released = {{"/patternProperties", "{}"}},
     .faults = {"/patternProperties: breaks BACKWARD and FORWARD: cannot compare this keyword"}},
    {.name = "unknown keyword in a new member",
     .edits = {{"/properties/note", "{\"anyOf\": [{}]}"}},
     .faults = {"/properties/note/anyOf: breaks BACKWARD and FORWARD: cannot compare"}},
    {.name = "a schema for each item",
     .edits = {{LINE, "[{}]"}},
     .faults = {LINE ": breaks BACKWARD and FORWARD: only schemas that are objects"}},
    {.name = "dialect changed",
     .edits = {{"/$schema", "\"https://json-schema.org/draft/2020-12/schema\""}},
     .faults = {"/$schema: breaks BACKWARD and FORWARD: "}},

    /* Versions and files. */
    {.name = "way out named",
     .edits = {{ORDER_ID "/maxLength", "65"}},
     .faults = {"\"$id\": \"urn:orderflow:schema:new-order:2\"",
                "released/new-order.2.schema.json"}},
    {.name = "version that was not released",
     .edits = {{"/$id", "\"urn:orderflow:schema:new-order:2\""}},
     .faults = {"/$id: version 2 was never released: copy the schema to"}},
    {.name = "$id of another event",
     .edits = {{"/$id", "\"urn:orderflow:schema:inventory-empty:1\""}},
     .faults = {"/new-order.schema.json: /$id: is not urn:orderflow:schema:new-order:"}},
    {.name = "$id in a released file is not its name's",
     .released = {{"/$id", "\"urn:orderflow:schema:new-order:2\""}},
     .faults = {"/new-order.1.schema.json: /$id: is not urn:orderflow:schema:new-order:1"}},

    /* Nothing that a reader could not take. */
    {.name = "nothing changed"},
    {.name = "title, description and examples changed",
     .edits = {{"/title", "\"Order\""}, {ORDER_ID "/description", NULL}, {"/examples", "[]"}}},
    {.name = "optional member added", .edits = {{"/properties/note", ID_STRING}}},
    {.name = "optional member added to a line",
     .edits = {{LINE "/properties/colour", "{\"enum\": [\"red\", \"blue\"]}"}}},
    {.name = "members in another order",
     .edits = {{ORDER_ID, NULL}, {ORDER_ID, "{\"maxLength\": 64, \"type\": \"string\"}"}},
     .released = {{ORDER_ID, ID_STRING}}},
    {.name = "required and enum in another order",
     .edits = {{"/required", "[\"products\", \"customerId\", \"orderId\"]"},
               {ORDER_ID "/enum", "[\"b\", \"a\"]"}},
     .released = {{ORDER_ID "/enum", "[\"a\", \"b\"]"}}},
    {.name = "what holds anyway written out",
     .edits = {{"/additionalProperties", "true"},
               {"/minProperties", "0"},
               {PRICE "/type", "[\"integer\", \"number\"]"}}},
};

static cJSON *parse_file(const char *path) {
    static char text[1 << 16];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    cJSON *tree = cJSON_ParseWithLength(text, len);
    assert_non_null(tree);
    return tree;
}

static cJSON *find_child(const cJSON *parent, const char *name) {
    return cJSON_IsArray(parent) ? cJSON_GetArrayItem(parent, atoi(name))
                                 : cJSON_GetObjectItemCaseSensitive(parent, name);
}

static void apply(cJSON *tree, const struct edit *edit) {
    char pointer[128];
    snprintf(pointer, sizeof pointer, "%s", edit->pointer);
    char *name = strtok(pointer, "/");
    for (char *next; (next = strtok(NULL, "/")); name = next) {
        tree = find_child(tree, name);
        assert_non_null(tree);
    }
    cJSON_Delete(cJSON_DetachItemViaPointer(tree, find_child(tree, name)));
    if (!edit->json)
        return;
    cJSON *value = cJSON_Parse(edit->json);
    assert_non_null(value);
    if (cJSON_IsArray(tree))
        cJSON_InsertItemInArray(tree, atoi(name), value);
    else
        cJSON_AddItemToObject(tree, name, value);
}

static void write_edited(const char *folder, const char *name, const struct edit edits[EDITS_MAX]) {
    cJSON *schema = parse_file("schemas/new-order.schema.json");
    for (size_t i = 0; i < EDITS_MAX && edits[i].pointer; i++)
        apply(schema, &edits[i]);
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *text = cJSON_Print(schema);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    free(text);
    cJSON_Delete(schema);
}

/* Returns the exit code. */
static int run(const char *command, struct strbuf *out) {
    FILE *output = popen(command, "r");
    assert_non_null(output);
    char block[4096];
    for (size_t n; (n = fread(block, 1, sizeof block, output)) > 0;)
        strbuf_add(out, block, n);
    int result = pclose(output);
    assert_true(WIFEXITED(result));
    return WEXITSTATUS(result);
}

/* A folder with schemas as scripts/schema-check wants them. */
static void make_folder(char *folder) {
    char released[64];
    assert_non_null(mkdtemp(folder));
    snprintf(released, sizeof released, "%s/released", folder);
    assert_int_equal(mkdir(released, 0700), 0);
}

/* Checks the schemas in the folder, then deletes it. */
static int check_folder(const char *folder, struct strbuf *out) {
    char command[128];
    snprintf(command, sizeof command, "scripts/schema-check %s 2>&1; c=$?; rm -r %s; exit $c",
             folder, folder);
    return run(command, out);
}

#define NEW_FOLDER "/tmp/orderflow-schemas-XXXXXX"

static void change__is_refused_when_it_breaks_readers(void **state) {
    const struct change *change = *state;
    char folder[] = NEW_FOLDER;
    struct strbuf out;
    strbuf_init(&out);
    make_folder(folder);
    write_edited(folder, "new-order.schema.json", change->edits);
    write_edited(folder, "released/new-order.1.schema.json", change->released);

    int code = check_folder(folder, &out);

    for (size_t i = 0; i < COUNT(change->faults) && change->faults[i]; i++)
        if (!strstr(out.data, change->faults[i]))
            fail_msg("expected \"%s\" in:\n%s", change->faults[i], out.data);
    if (code != (change->faults[0] ? 1 : 0))
        fail_msg("exit code %d, and:\n%s", code, out.data);
    strbuf_release(&out);
}

static void version__may_change_anything_when_it_is_new(void **state) {
    (void)state;
    static const struct edit first[EDITS_MAX] = {{NULL, NULL}};
    static const struct edit second[EDITS_MAX] = {{"/$id", "\"urn:orderflow:schema:new-order:2\""},
                                                  {ORDER_ID "/maxLength", "32"}};
    char folder[] = NEW_FOLDER;
    struct strbuf out;
    strbuf_init(&out);
    make_folder(folder);
    write_edited(folder, "released/new-order.1.schema.json", first);
    write_edited(folder, "released/new-order.2.schema.json", second);
    write_edited(folder, "new-order.schema.json", second);

    if (check_folder(folder, &out) != 0)
        fail_msg("%s", out.data);
    strbuf_release(&out);
}

static void version__is_refused_when_a_newer_one_was_released(void **state) {
    (void)state;
    static const struct edit first[EDITS_MAX] = {{NULL, NULL}};
    static const struct edit second[EDITS_MAX] = {{"/$id", "\"urn:orderflow:schema:new-order:2\""}};
    char folder[] = NEW_FOLDER;
    struct strbuf out;
    strbuf_init(&out);
    make_folder(folder);
    write_edited(folder, "released/new-order.1.schema.json", first);
    write_edited(folder, "released/new-order.2.schema.json", second);
    write_edited(folder, "new-order.schema.json", first);

    assert_int_equal(check_folder(folder, &out), 1);
    assert_non_null(strstr(out.data, "released/new-order.2.schema.json is newer"));
    strbuf_release(&out);
}

static void released_version__is_missed_when_its_schema_is_gone(void **state) {
    (void)state;
    static const struct edit none[EDITS_MAX] = {{NULL, NULL}};
    char folder[] = NEW_FOLDER;
    struct strbuf out;
    strbuf_init(&out);
    make_folder(folder);
    write_edited(folder, "new-order.schema.json", none);
    write_edited(folder, "released/new-order.1.schema.json", none);
    write_edited(folder, "released/refund.1.schema.json", none);

    assert_int_equal(check_folder(folder, &out), 1);
    assert_non_null(strstr(out.data, "refund.1.schema.json: was released, but"));
    strbuf_release(&out);
}

static void addition__is_named_until_it_is_in_the_released_version(void **state) {
    (void)state;
    static const struct edit none[EDITS_MAX] = {{NULL, NULL}};
    static const struct edit added[EDITS_MAX] = {{"/properties/note", ID_STRING}};
    char folder[] = NEW_FOLDER;
    struct strbuf out;
    strbuf_init(&out);
    make_folder(folder);
    write_edited(folder, "new-order.schema.json", added);
    write_edited(folder, "released/new-order.1.schema.json", none);

    assert_int_equal(check_folder(folder, &out), 0);
    assert_non_null(strstr(out.data, "new-order.schema.json: has compatible changes"));
    strbuf_release(&out);
}

static void schemas__are_compatible_with_their_released_versions(void **state) {
    (void)state;
    struct strbuf out;
    strbuf_init(&out);
    if (run("scripts/schema-check 2>&1", &out) != 0)
        fail_msg("%s", out.data);
    strbuf_release(&out);
}

int main(void) {
    enum { N_OTHERS = 5 };
    struct CMUnitTest tests[N_OTHERS + COUNT(changes)] = {
        cmocka_unit_test(schemas__are_compatible_with_their_released_versions),
        cmocka_unit_test(version__may_change_anything_when_it_is_new),
        cmocka_unit_test(version__is_refused_when_a_newer_one_was_released),
        cmocka_unit_test(released_version__is_missed_when_its_schema_is_gone),
        cmocka_unit_test(addition__is_named_until_it_is_in_the_released_version),
    };
    for (size_t i = 0; i < COUNT(changes); i++)
        tests[N_OTHERS + i] = (struct CMUnitTest){
            .name = changes[i].name,
            .test_func = change__is_refused_when_it_breaks_readers,
            .initial_state = (void *)&changes[i],
        };
    return cmocka_run_group_tests_name("schema-check", tests, NULL, NULL);
}
