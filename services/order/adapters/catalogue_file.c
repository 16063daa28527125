#include "order/adapters/catalogue_file.h"

#include "base/strbuf.h"
#include "event/json.h"
#include "order/adapters/product_json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 16 * 1024 * 1024 };

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

static enum status read_items(const cJSON *items, struct product *products, struct catalogue *out,
                              struct error *err) {
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, items) {
        struct contract_faults faults;
        if (product_read(item, true, &products[n], &faults) != OK)
            return error_set(err, ERR_INVALID, "/products/%zu%s: %s", n, faults.items[0].pointer,
                             faults.items[0].detail);
        n++;
    }
    const char *twice = catalogue_fill(out, products, n);
    return twice ? error_set(err, ERR_INVALID, "/products: %s occurs twice", twice) : OK;
}

static enum status read_products(const cJSON *root, struct catalogue *out, struct error *err) {
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(root, "products");
    int n = cJSON_GetArraySize(items);
    if (!cJSON_IsArray(items) || n > PRODUCTS_MAX)
        return error_set(err, ERR_INVALID, "/products: must be a list of at most %d products",
                         PRODUCTS_MAX);
    struct product *products = calloc((size_t)n + 1, sizeof *products);
    if (!products)
        abort();
    enum status status = read_items(items, products, out, err);
    free(products);
    return status;
}

enum status catalogue_load(const char *path, struct catalogue *out, struct error *err) {
    struct catalogue catalogue = {0};
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
