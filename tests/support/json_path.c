#include "support/json_path.h"

#include "support/scratch.h"
#include "support/testing.h"

#include <stdlib.h>
#include <string.h>

static void delete_document(void *document) {
    cJSON_Delete(document);
}

const cJSON *json_of(const char *text) {
    cJSON *document = cJSON_Parse(text);
    if (!document)
        fail_msg("not JSON: %s", text);
    scratch_keep(document, delete_document);
    return document;
}

static const cJSON *member(const cJSON *parent, const char *name) {
    if (cJSON_IsArray(parent))
        return cJSON_GetArrayItem(parent, atoi(name));
    return cJSON_GetObjectItemCaseSensitive(parent, name);
}

const cJSON *json_at(const cJSON *document, const char *pointer) {
    while (document && *pointer == '/') {
        size_t len = strcspn(++pointer, "/");
        document = member(document, scratch_printf("%.*s", (int)len, pointer));
        pointer += len;
    }
    return document;
}

const char *json_text_at(const cJSON *document, const char *pointer) {
    const cJSON *item = json_at(document, pointer);
    if (!cJSON_IsString(item))
        fail_msg("there is no text at %s", pointer);
    return item->valuestring;
}

double json_number_at(const cJSON *document, const char *pointer) {
    const cJSON *item = json_at(document, pointer);
    if (!cJSON_IsNumber(item))
        fail_msg("there is no number at %s", pointer);
    return item->valuedouble;
}
