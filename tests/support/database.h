/* Looking into the database of a service that has stopped. */
#pragma once

#include "support/shop.h"

#include <stdint.h>

/* The one number that a query gives. */
int64_t database_number(const struct shop *shop, enum shop_service service, const char *sql);

/* Executes statements: what a test does to a database behind its back. */
void database_change(const struct shop *shop, enum shop_service service, const char *sql);
