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

/* A record's headers, as record_text.h has them. */
fuzz_target fuzz_envelope;

/* The same; and bytes in place of the form in which the outbox keeps them. */
fuzz_target fuzz_outbox;

/* The begin of a request's first line: "POST /orders?limit=1". */
fuzz_target fuzz_http;

/* The body of a checkout request. */
fuzz_target fuzz_checkout;

/* The body of a request that saves a product. */
fuzz_target fuzz_product;

/* What a client sends on one connection. The byte 0xff ends a piece, which the
 * server reads before the next one comes; at the input's end, the client leaves
 * without waiting for answers. */
fuzz_target fuzz_server;
