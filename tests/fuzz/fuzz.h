/*
 * The fuzz targets. Each takes any bytes and asserts what must be true of the
 * code under test whatever they are; so that a process which lives on found
 * nothing. libfuzzer.c lets clang search for bytes that break one,
 * test_regressions.c runs them on the inputs that are kept.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* `data` has `size` bytes, not terminated; it may be NULL when there are none. */
typedef void fuzz_target(const uint8_t *data, size_t size);

/* A payload as bytes, by the type of event it is taken for. */
fuzz_target fuzz_order;
fuzz_target fuzz_inventory_empty;
fuzz_target fuzz_logging_action;

/* A text for the JSON reader, and bytes for its writer. */
fuzz_target fuzz_json;

/* A record's headers, one a line: "name:value", or "name" with Kafka's null. */
fuzz_target fuzz_envelope;

/* The begin of a request's first line: "POST /orders?limit=1". */
fuzz_target fuzz_http;

/* The body of a checkout request. */
fuzz_target fuzz_checkout;
