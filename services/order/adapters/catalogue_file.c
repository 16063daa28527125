#include "order/adapters/catalogue_file.h"

#include "base/strbuf.h"
#include "event/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRODUCTS_MAX = 100000, FILE_BYTES_MAX = 16 * 1024 * 1024 };

static enum status read_file(const char *path, struct strbuf *out, struct error *err) {
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set(err, ERR_INVALID, "%s", strerror(errno));
    char chunk[4096];
    size_t n;
    while (out->len <= FILE_BYTES_MAX && (n = fread(chunk, 1, sizeof chunk, file)) > 0)
        strbuf_add(out, chunk, n);
    enum status status = OK;
    if (ferror(file))
        status = error_set(err, ERR_INVALID, "%s", strerror(errno));
    else if (out->len > FILE_BYTES_MAX)
        status = error_set(err, ERR_INVALID, "larger than %d bytes", FILE_BYTES_MAX);
    fclose(file);
    return status;
}

static enum status copy_text(const cJSON *object, const char *member, char *out, size_t size,
                             struct error *err) {
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(object, member);
    if (!cJSON_IsString(text) || !*text->valuestring || strlen(text->valuestring) >= size)
        return error_set(err, ERR_INVALID, "/%s: must be a text of 1 to %zu bytes", member,
                         size - 1);
    strcpy(out, text->valuestring);
    return OK;
}

static enum status read_product(const cJSON *object, struct product *out, struct error *err) {
    if (!cJSON_IsObject(object))
        return error_set(err, ERR_INVALID, ": must be an object");
    enum status status =
        copy_text(object, "productId", out->product_id, sizeof out->product_id, err);
    if (status == OK && !event_is_id(out->product_id))
        status = error_set(err, ERR_INVALID, "/productId: must be 1 to 64 visible characters");
    if (status == OK)
        status = copy_text(object, "name", out->name, sizeof out->name, err);
    if (status != OK)
        return status;
    const cJSON *price = cJSON_GetObjectItemCaseSensitive(object, "price");
    if (!cJSON_IsNumber(price) ||
        json_cents(price->valuedouble, TOTAL_CENTS_MAX, &out->price_cents) != OK)
        return error_set(err, ERR_INVALID,
                         "/price: must be a number from 0 with at most two decimals");
    return OK;
}

static enum status read_products(const cJSON *root, struct catalogue *out, struct error *err) {
    const cJSON *products = cJSON_GetObjectItemCaseSensitive(root, "products");
    int n = cJSON_GetArraySize(products);
    if (!cJSON_IsArray(products) || n > PRODUCTS_MAX)
        return error_set(err, ERR_INVALID, "/products: must be a list of at most %d products",
                         PRODUCTS_MAX);
    out->products = calloc((size_t)n + 1, sizeof *out->products);
    if (!out->products)
        abort();
    const cJSON *product;
    cJSON_ArrayForEach(product, products) {
        struct error inner;
        enum status status = read_product(product, &out->products[out->n_products], &inner);
        if (status != OK)
            return error_set(err, status, "/products/%zu%s", out->n_products, inner.text);
        out->n_products++;
    }
    const char *twice = catalogue_sort(out);
    return twice ? error_set(err, ERR_INVALID, "/products: %s occurs twice", twice) : OK;
}

enum status catalogue_load(const char *path, struct catalogue *out, struct error *err) {
    struct catalogue catalogue = {NULL, 0};
    struct json_fault fault;
    cJSON *root = NULL;
    struct strbuf text;
    strbuf_init(&text);
    enum status status = read_file(path, &text, err);
    if (status == OK && json_parse(text.data, text.len, &root, &fault) != OK)
        status = error_set(err, ERR_INVALID, "line %zu, column %zu: %s", fault.line, fault.column,
                           fault.detail);
    if (status == OK)
        status = read_products(root, &catalogue, err);
    cJSON_Delete(root);
    strbuf_release(&text);
    if (status != OK) {
        catalogue_release(&catalogue);
        return error_wrap(err, status, "CATALOGUE_FILE=%s", path);
    }
    *out = catalogue;
    return OK;
}

void catalogue_release(struct catalogue *catalogue) {
    free(catalogue->products);
    *catalogue = (struct catalogue){NULL, 0};
}
