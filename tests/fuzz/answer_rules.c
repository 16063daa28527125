#include "fuzz/answer_rules.h"

#include "event/json.h"
#include "fuzz/oracle.h"

#include <cjson/cJSON.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

bool answer_field_is(const struct http_answer *answer, const char *name, const char *value) {
    struct bytes field = http_find_field(&answer->head, name);
    return field.data && http_bytes_are(field, value);
}

bool answer_is_closing(const struct http_answer *answer) {
    return http_has_token(&answer->head, "Connection", "close");
}

static const char *text_member(const cJSON *object, const char *name) {
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    assert(text && *text);
    return text;
}

static cJSON *parse_body(const struct http_answer *answer) {
    cJSON *document;
    struct json_fault fault;
    assert(json_parse(answer->body.data, answer->body.len, &document, &fault) == OK);
    return document;
}

void answer_check_problem(const struct http_answer *answer) {
    static const char prefix[] = "urn:orderflow:problem:";
    assert(answer_field_is(answer, "Content-Type", "application/problem+json"));
    cJSON *document = parse_body(answer);
    const cJSON *status = cJSON_GetObjectItemCaseSensitive(document, "status");
    const cJSON *instance = cJSON_GetObjectItemCaseSensitive(document, "instance");
    const cJSON *fault, *faults = cJSON_GetObjectItemCaseSensitive(document, "errors");
    assert(strncmp(text_member(document, "type"), prefix, strlen(prefix)) == 0);
    text_member(document, "title");
    text_member(document, "detail");
    assert(cJSON_IsNumber(status) && status->valueint == answer->status);
    assert(cJSON_IsString(instance));
    assert(cJSON_GetArraySize(document) == (faults ? 6 : 5));
    assert(!faults || cJSON_GetArraySize(faults) > 0);
    cJSON_ArrayForEach(fault, faults) {
        const cJSON *pointer = cJSON_GetObjectItemCaseSensitive(fault, "pointer");
        text_member(fault, "detail");
        assert(cJSON_IsString(pointer) && oracle_is_json_pointer(pointer->valuestring));
    }
    cJSON_Delete(document);
}

void answer_check_document(const struct http_answer *answer) {
    assert(answer_field_is(answer, "Content-Type", "application/json"));
    cJSON_Delete(parse_body(answer));
}

void answer_check_fields(const struct http_answer *answer) {
    static const char *const ours[] = {"Date", "Content-Type", "X-Content-Type-Options",
                                       "Cache-Control"};
    for (size_t i = 0; i < answer->head.n_fields; i++) {
        char name[64];
        struct bytes bytes = answer->head.fields[i].name;
        snprintf(name, sizeof name, "%.*s", (int)bytes.len, (const char *)bytes.data);
        assert(http_count_fields(&answer->head, name) == 1);
    }
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        assert(http_count_fields(&answer->head, ours[i]) == 1);
    assert(answer_field_is(answer, "X-Content-Type-Options", "nosniff"));
    assert(answer_field_is(answer, "Cache-Control", "no-store"));
}

bool answer_is_of_library(const struct http_answer *answer) {
    return http_count_fields(&answer->head, "X-Content-Type-Options") == 0;
}

void answer_check_refusal(const struct http_answer *answer, bool has_body) {
    static const int statuses[] = {400, 413, 414, 431, 505};
    bool is_known = false;
    assert(answer_is_closing(answer));
    if (!answer_is_of_library(answer)) {
        answer_check_fields(answer);
        if (has_body)
            answer_check_problem(answer);
    }
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        is_known = is_known || statuses[i] == answer->status;
    assert(is_known || answer->status == 404 || answer->status == 405);
}
