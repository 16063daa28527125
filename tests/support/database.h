/* Looking into the database of a service. To change it, the service must have stopped. */
#pragma once

#include "support/shop.h"

#include <stdint.h>

/* The one number that a query gives. */
int64_t database_number(const struct shop *shop, enum shop_service service, const char *sql);

/* The same of the database in a file. */
int64_t database_number_in(const char *path, const char *sql);

/* Executes statements: what a test does to a database behind its back. */
void database_change(const struct shop *shop, enum shop_service service, const char *sql);

/* The same to a copy of it. */
void database_change_file(const char *path, const char *sql);
