/*
 * W3C Trace Context (https://www.w3.org/TR/trace-context/): the two values
 * that tie together what one request causes in many programs. A traceparent is
 * "00-<trace id>-<span id>-<flags>". Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* With the terminator; the standard asks for at least 512 characters of state. */
enum { TRACEPARENT_SIZE = 56, TRACESTATE_SIZE = 513 };

/*
 * Reads a traceparent, which need not be terminated, as version 00: from a
 * later version only what 00 knows is kept, as the standard asks. Returns
 * false, and writes nothing, when it is malformed: ignore it, and the
 * tracestate that came with it.
 */
bool traceparent_parse(const char *text, size_t len, char out[static TRACEPARENT_SIZE]);

/* Copies a tracestate unread; false, and nothing written, when it is empty,
 * too long or not visible ASCII: go on without it. */
bool tracestate_copy(const char *text, size_t len, char out[static TRACESTATE_SIZE]);

/* Begins a trace, sampled. */
void traceparent_start(char out[static TRACEPARENT_SIZE]);

/* Begins the trace of an event that came without one, sampled. The same event
 * gives the same trace, whoever reads it and however often. */
void traceparent_derive(const char *source, const char *id, char out[static TRACEPARENT_SIZE]);

/* Makes a traceparent that was parsed or started into a new span of its trace. */
void traceparent_continue(char traceparent[static TRACEPARENT_SIZE]);
