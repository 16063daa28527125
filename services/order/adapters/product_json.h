/* A product as JSON: in the catalogue's file, and as a request brings it. */
#pragma once

#include "base/status.h"
#include "event/codec.h"
#include "order/domain/catalogue.h"

#include <stdbool.h>
#include <stddef.h>

struct cJSON;

/* Reads name and price, and productId `with_id`; further members are ignored.
 * ERR_INVALID: `faults` says where and why. */
enum status product_read(const struct cJSON *object, bool with_id, struct product *out,
                         struct contract_faults *faults);

/* The same from a request's body, which has name and price; productId stays as
 * it is in `out`. */
enum status product_decode(const char *json, size_t len, struct product *out,
                           struct contract_faults *faults);
