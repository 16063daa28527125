/* A product, from the body of the request that saves it to the answer's. */
#include "event/event.h"
#include "fuzz/fuzz.h"
#include "fuzz/oracle.h"
#include "order/adapters/order_body.h"
#include "order/adapters/product_json.h"

#include <assert.h>
#include <string.h>

static void check_limits(const struct product *product) {
    assert(*product->name);
    assert(strlen(product->name) < PRODUCT_NAME_SIZE);
    assert(product->price_cents >= 0 && product->price_cents <= TOTAL_CENTS_MAX);
}

/* The answer to a request is a body that saves the same. */
static void check_round_trip(const struct product *product) {
    struct product again = {.product_id = "PRODUCT-1"};
    struct contract_faults faults;
    struct strbuf body;
    strbuf_init(&body);
    product_body_add(product, &body);
    assert(product_decode(body.data, body.len, &again, &faults) == OK);
    assert(strcmp(again.name, product->name) == 0);
    assert(again.price_cents == product->price_cents);
    strbuf_release(&body);
}

void fuzz_product(const uint8_t *data, size_t size) {
    struct product product;
    struct contract_faults faults;
    oracle_mark(&product, sizeof product);
    if (product_decode((const char *)data, size, &product, &faults) != OK) {
        assert(oracle_is_marked(&product, sizeof product));
        oracle_check_faults(&faults);
        return;
    }
    strcpy(product.product_id, "PRODUCT-1"); /* the path says it, not the body */
    check_limits(&product);
    check_round_trip(&product);
}
