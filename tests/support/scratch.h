/*
 * What lives until the end of a test, so that tests read without a line about
 * freeing, and nothing leaks where an assertion ends one early. All functions
 * but scratch_release: any thread.
 */
#pragma once

#include <stddef.h>

/* Zeroed memory. */
void *scratch_alloc(size_t size);

char *scratch_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Calls `release(resource)` at the end of the test. */
void scratch_keep(void *resource, void (*release)(void *resource));

/* Releases the resources, the youngest first, which may end threads that still
 * take memory; then all memory. For teardown functions. */
void scratch_release(void);
