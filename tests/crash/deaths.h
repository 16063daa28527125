/*
 * Which service dies where, and when. A round is one shop; what happens to its
 * services is dealt from the seed and the round's number alone.
 */
#pragma once

#include "base/failpoint.h"
#include "support/shop.h"

enum cause {
    FROM_INSIDE,     /* at a failpoint, as the load brings it there */
    WHEN_REBALANCED, /* at a failpoint, when another member joins its group */
    WHEN_STOPPED,    /* at a failpoint, behind a SIGTERM */
    FROM_OUTSIDE,    /* kill -9 */
};

struct death {
    enum cause cause;
    enum failpoint point; /* N_FAILPOINTS: from outside */
    int n_passes;         /* the one at which it dies */
    int linger_ms;        /* for that long its other threads go on */
    int delay_ms;         /* of a signal: since the service was ready, or was started */
};

enum { DEATHS_MAX = 128 };

struct deaths {
    struct death items[DEATHS_MAX];
    int n;
};

/* A failpoint's name as in FAILPOINT, "any moment" for N_FAILPOINTS. */
const char *failpoint_name(enum failpoint point);

/* Does this service pass it? Any moment is of all. */
bool failpoint_is_of(enum failpoint point, enum shop_service service);

/* Each service dies at each of its failpoints once in this many rounds. */
enum { ROUNDS_PER_REPEAT = 15 };

/* `only`: the points whose names begin so, "" for all. */
void deal_failpoints(unsigned seed, int round, const char *only, struct deaths out[N_SERVICES]);

/* Some `n` kills from outside, spread over the services in proportion to how
 * soon each is at work again. */
void deal_kills(unsigned seed, int round, int n, struct deaths out[N_SERVICES]);
