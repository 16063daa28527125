/* The catalogue as a JSON file: {"products": [{"productId", "name", "price"}, …]}. */
#pragma once

#include "base/status.h"
#include "order/domain/catalogue.h"

/* Reads the file; the caller releases the catalogue. ERR_INVALID: it cannot be
 * read or is wrong; the text names the file, the member and why. */
enum status catalogue_load(const char *path, struct catalogue *out, struct error *err);
