#include "crash/deaths.h"

#include <stdlib.h>
#include <string.h>

enum {
    EVERYONE = EVERY_SERVICE,
    ACCEPTS = ORDER,
    CONSUMES = INVENTORY | NOTIFICATION | LOGGING,
    ANNOUNCES = NOTIFICATION | LOGGING,
};

static const struct {
    const char *name;
    unsigned services;
    unsigned n_passes;
} points[N_FAILPOINTS] = {
#define FAILPOINT_DEF(constant, name, passed_by, n_passes, meaning)                                \
    [FAILPOINT_##constant] = {name, passed_by, n_passes},
#include "base/failpoints.def"
#undef FAILPOINT_DEF
};

/* A consumer needs some 3 s to get its partitions back from the member that
 * was killed; it is to die before that, and after it. */
enum { ORDER_LIFE_MS = 2000, CONSUMER_LIFE_MS = 7000, STOP_DELAY_MS = 300, LINGER_MS = 25 };

const char *failpoint_name(enum failpoint point) {
    return point < N_FAILPOINTS ? points[point].name : "any moment";
}

bool failpoint_is_of(enum failpoint point, enum shop_service service) {
    return point == N_FAILPOINTS || points[point].services & service;
}

static unsigned seed_of(unsigned seed, int number, size_t service) {
    return seed * 2654435761u + (unsigned)number * 40503u + (unsigned)service * 97u;
}

static unsigned draw_below(unsigned *random, unsigned limit) {
    return (unsigned)rand_r(random) % limit;
}

static void shuffle(enum failpoint *items, size_t n, unsigned *random) {
    for (size_t i = n; i > 1; i--) {
        size_t other = draw_below(random, (unsigned)i);
        enum failpoint kept = items[i - 1];
        items[i - 1] = items[other];
        items[other] = kept;
    }
}

static enum cause cause_of(enum failpoint point) {
    if (point == FAILPOINT_REBALANCE_REVOKED)
        return WHEN_REBALANCED;
    return strncmp(points[point].name, "stop.", 5) == 0 ? WHEN_STOPPED : FROM_INSIDE;
}

void deal_failpoints(unsigned seed, int round, const char *only, struct deaths out[N_SERVICES]) {
    for (size_t service = 0; service < N_SERVICES; service++) {
        unsigned random = seed_of(seed, round / ROUNDS_PER_REPEAT, service);
        enum failpoint dealt[N_FAILPOINTS];
        size_t n = 0;
        for (int point = 0; point < N_FAILPOINTS; point++)
            if (points[point].services & 1u << service &&
                strncmp(points[point].name, only, strlen(only)) == 0)
                dealt[n++] = (enum failpoint)point;
        shuffle(dealt, n, &random);
        random = seed_of(seed + 1, round, service);
        out[service].n = 0;
        for (size_t i = (size_t)round % ROUNDS_PER_REPEAT; i < n; i += ROUNDS_PER_REPEAT)
            out[service].items[out[service].n++] = (struct death){
                .cause = cause_of(dealt[i]),
                .point = dealt[i],
                .n_passes = 1 + (int)draw_below(&random, points[dealt[i]].n_passes),
                .linger_ms = draw_below(&random, 2) ? LINGER_MS : 0,
                .delay_ms = (int)draw_below(&random, STOP_DELAY_MS),
            };
    }
}

void deal_kills(unsigned seed, int round, int n, struct deaths out[N_SERVICES]) {
    for (size_t service = 0; service < N_SERVICES; service++) {
        bool is_order = 1u << service == ORDER;
        unsigned random = seed_of(seed, round, service);
        out[service].n = is_order ? n - n / 5 * 3 : n / 5;
        for (int i = 0; i < out[service].n; i++)
            out[service].items[i] = (struct death){
                .cause = FROM_OUTSIDE,
                .point = N_FAILPOINTS,
                .delay_ms = (int)draw_below(&random, is_order ? ORDER_LIFE_MS : CONSUMER_LIFE_MS),
            };
    }
}
