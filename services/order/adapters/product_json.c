#include "order/adapters/product_json.h"

#include "event/json.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

static void add_fault(struct contract_faults *faults, const char *member, const char *detail) {
    struct contract_fault *fault = &faults->items[faults->n++];
    snprintf(fault->pointer, sizeof fault->pointer, "%s%s", *member ? "/" : "", member);
    snprintf(fault->detail, sizeof fault->detail, "%s", detail);
}

/* Of UTF-8: the bytes that begin one. */
static size_t count_characters(const char *text) {
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void read_id(const cJSON *value, struct product *out, struct contract_faults *faults) {
    if (cJSON_IsString(value) && event_is_id(value->valuestring))
        strcpy(out->product_id, value->valuestring);
    else
        add_fault(faults, "productId", "must be a string of 1 to 64 characters from '!' to '~'");
}

static void read_name(const cJSON *value, struct product *out, struct contract_faults *faults) {
    _Static_assert(PRODUCT_NAME_MAX == 127, "the text says so");
    if (cJSON_IsString(value) && *value->valuestring &&
        count_characters(value->valuestring) <= PRODUCT_NAME_MAX)
        strcpy(out->name, value->valuestring);
    else
        add_fault(faults, "name", "must be a string of 1 to 127 characters");
}

static void read_price(const cJSON *value, struct product *out, struct contract_faults *faults) {
    _Static_assert(TOTAL_CENTS_MAX / 100 == 1000000000, "the text says so");
    if (!cJSON_IsNumber(value) ||
        json_cents(value->valuedouble, TOTAL_CENTS_MAX, &out->price_cents) != OK)
        add_fault(faults, "price",
                  "must be a number from 0 to 1000000000 with at most two decimals");
}

static const struct {
    const char *name;
    void (*read)(const cJSON *value, struct product *out, struct contract_faults *faults);
} members[] = {{"productId", read_id}, {"name", read_name}, {"price", read_price}};

enum status product_read(const cJSON *object, bool with_id, struct product *out,
                         struct contract_faults *faults) {
    struct product product = *out;
    faults->is_syntax = false;
    faults->n = 0;
    if (!cJSON_IsObject(object)) {
        add_fault(faults, "", "must be an object");
        return ERR_INVALID;
    }
    for (size_t i = with_id ? 0 : 1; i < sizeof members / sizeof *members; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, members[i].name);
        if (value)
            members[i].read(value, &product, faults);
        else
            add_fault(faults, members[i].name, "is missing");
    }
    if (faults->n > 0)
        return ERR_INVALID;
    *out = product;
    return OK;
}

enum status product_decode(const char *json, size_t len, struct product *out,
                           struct contract_faults *faults) {
    struct json_fault syntax;
    cJSON *document;
    if (json_parse(json, len, &document, &syntax) != OK)
        return contract_faults_of_syntax(&syntax, faults);
    enum status status = product_read(document, false, out, faults);
    cJSON_Delete(document);
    return status;
}
