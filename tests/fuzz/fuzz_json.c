/* The strict JSON reader, held against cJSON and against what JSON is; and the writer of strings.
 */
#include "event/json.h"
#include "event/json_check.h"
#include "event/json_cursor.h"
#include "fuzz/fuzz.h"
#include "fuzz/oracle.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static bool is_accepted(const struct strbuf *text) {
    struct json_fault fault;
    return json_check(text->data, text->len, &fault);
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* What cJSON prints of an accepted text is accepted, and prints the same again. */
static void check_reprint(const cJSON *tree) {
    char *text = cJSON_PrintUnformatted(tree);
    assert(text);
    cJSON *again;
    struct json_fault fault;
    assert(json_parse(text, strlen(text), &again, &fault) == OK);
    char *text_again = cJSON_PrintUnformatted(again);
    assert(text_again && strcmp(text, text_again) == 0);
    cJSON_Delete(again);
    free(text_again);
    free(text);
}

static void check_walked_text(struct json_cursor *cursor, const char *expected,
                              bool (*take)(struct json_cursor *cursor, char *out, size_t size)) {
    char *text = malloc(strlen(expected) + 1);
    assert(text && take(cursor, text, strlen(expected) + 1));
    assert(strcmp(text, expected) == 0);
    free(text);
}

/* A cursor comes to what cJSON has found, in the same order. */
static void check_walk(struct json_cursor *cursor, const cJSON *tree, bool is_inside) {
    double number;
    const cJSON *item = tree->child;
    if (cJSON_IsString(tree)) {
        check_walked_text(cursor, tree->valuestring, json_take_string);
    } else if (cJSON_IsNumber(tree) && is_inside) {
        assert(json_take_number(cursor, &number) && number == tree->valuedouble);
    } else if (cJSON_IsObject(tree) || cJSON_IsArray(tree)) {
        for (bool more = json_enter(cursor); more; more = json_next(cursor), item = item->next) {
            assert(item);
            if (cJSON_IsObject(tree))
                check_walked_text(cursor, item->string, json_take_name);
            check_walk(cursor, item, true);
        }
        assert(!item);
    } else {
        json_skip(cursor);
    }
}

/* The same place is come to by passing over the whole. */
static void check_cursor(const char *text, size_t len, const cJSON *tree) {
    struct json_cursor walked = json_cursor(text, len), skipped = walked;
    check_walk(&walked, tree, false);
    json_skip(&skipped);
    assert(walked.at == skipped.at && skipped.at <= skipped.end);
}

/* Nothing may stand behind a value, and one that has an end mark needs it. */
static void check_ends(const char *text, size_t len) {
    struct strbuf changed;
    struct json_fault fault;
    while (is_space(text[len - 1]))
        len--;
    if (strchr("}]\"", text[len - 1]))
        assert(!json_check(text, len - 1, &fault));
    strbuf_init(&changed);
    strbuf_add(&changed, text, len);
    strbuf_add_str(&changed, " 1");
    assert(!is_accepted(&changed));
    strbuf_release(&changed);
}

static size_t depth_of(const cJSON *value) {
    size_t deepest = 0;
    if (!cJSON_IsArray(value) && !cJSON_IsObject(value))
        return 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, value) {
        size_t depth = depth_of(item);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

/* A value may stand in an array, unless that makes it too deep. */
static void check_nested(const char *text, size_t len, const cJSON *tree) {
    size_t depth = depth_of(tree);
    assert(depth <= JSON_DEPTH_MAX);
    struct strbuf nested;
    strbuf_init(&nested);
    strbuf_add_str(&nested, "[");
    strbuf_add(&nested, text, len);
    strbuf_add_str(&nested, "]");
    assert(is_accepted(&nested) == (depth < JSON_DEPTH_MAX));
    strbuf_release(&nested);
}

static void check_fault(const char *text, size_t len, const struct json_fault *fault) {
    size_t n_lines = 1;
    for (size_t i = 0; i < len; i++)
        n_lines += text[i] == '\n' ? 1 : 0;
    assert(fault->line >= 1 && fault->line <= n_lines);
    assert(fault->column >= 1 && fault->column <= len + 1);
    assert(memchr(fault->pointer, '\0', sizeof fault->pointer));
    assert(memchr(fault->detail, '\0', sizeof fault->detail));
    assert(oracle_is_json_pointer(fault->pointer));
    assert(*fault->detail);
}

/* That cJSON reads what the strict reader accepts, json_parse asserts itself. */
static void check_text(const char *text, size_t len) {
    cJSON *tree = NULL;
    struct json_fault fault;
    if (json_parse(text, len, &tree, &fault) != OK) {
        assert(!tree);
        check_fault(text, len, &fault);
        return;
    }
    assert(oracle_is_utf8(text, len));
    assert(!memchr(text, '\0', len));
    check_reprint(tree);
    check_cursor(text, len, tree);
    check_ends(text, len);
    check_nested(text, len, tree);
    cJSON_Delete(tree);
}

/* Any bytes become a string that is read; UTF-8 comes back as it was. */
static void check_string(const char *bytes, size_t len) {
    struct strbuf text;
    struct json_fault fault;
    strbuf_init(&text);
    json_add_bytes(&text, bytes, len);
    assert(oracle_is_utf8(text.data, text.len));

    cJSON *string;
    if (len > 0 && memchr(bytes, '\0', len)) {
        assert(!is_accepted(&text)); /* the writer can say NUL, the reader refuses it */
    } else {
        assert(json_parse(text.data, text.len, &string, &fault) == OK);
        const char *value = cJSON_GetStringValue(string);
        assert(value && oracle_is_utf8(value, strlen(value)));
        if (oracle_is_utf8(bytes, len))
            assert(strlen(value) == len && (len == 0 || memcmp(value, bytes, len) == 0));
        cJSON_Delete(string);
    }
    strbuf_release(&text);
}

void fuzz_json(const uint8_t *data, size_t size) {
    check_text((const char *)data, size);
    check_string((const char *)data, size);
}
