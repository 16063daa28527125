/*
 * The order that all measurements use: two lines of the products of
 * catalogue.json, one to three pieces each, of one of a thousand customers. With
 * what it causes it makes some 6.3 records.
 */
#pragma once

#include "base/strbuf.h"
#include "event/event.h"

#include <stdint.h>

/* Order `number` of those that `prefix` names ("PREFIX-NUMBER", 1 to 40
 * characters): the same arguments give the same order. */
void sample_order(const char *prefix, uint64_t number, struct order *out);

/* Appends it as the body of a checkout. */
void sample_order_body(const char *prefix, uint64_t number, struct strbuf *out);
