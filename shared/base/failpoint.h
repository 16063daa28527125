/*
 * Places where a process can be made to die, to prove that nothing is lost
 * there and nothing happens twice. They exist in test builds only (`make
 * FAILPOINTS=1`, in build/failpoints); elsewhere FAILPOINT is no code at all.
 *
 *     FAILPOINT(CONSUME_POLLED);
 *
 * In a test build, the environment arms one of them: FAILPOINT=consume.polled:3
 * ends the process with SIGKILL when it comes there for the third time. With
 * FAILPOINT=consume.polled:3:20, the thread first stands there for 20 ms while
 * all others go on: what was said too early gets out.
 */
#pragma once

#include "base/strbuf.h"

#include <stddef.h>

enum failpoint {
#define FAILPOINT_DEF(constant, name, passed_by, n_passes, meaning) FAILPOINT_##constant,
#include "base/failpoints.def"
#undef FAILPOINT_DEF
    N_FAILPOINTS
};

#ifdef FAILPOINTS

#define FAILPOINT(constant) failpoint_pass(FAILPOINT_##constant)

/* Any thread. */
void failpoint_pass(enum failpoint point);

/* Reads FAILPOINT, once, before threads start. A value that names no point or
 * has no good numbers is appended to `faults`; returns the number of faults. */
size_t failpoint_arm(struct strbuf *faults);

#else

/* Still names the constant, so that a typing error fails in every build. */
#define FAILPOINT(constant) ((void)FAILPOINT_##constant)

static inline size_t failpoint_arm(struct strbuf *faults) {
    (void)faults;
    return 0;
}

#endif
