/*
 * One round: a shop under load whose services die as they were dealt, and are
 * started again at once, until all have died their deaths. Then it drains,
 * stops, and is judged. Some of the records in its topics are no events.
 */
#pragma once

#include "crash/deaths.h"

/* Shops that are opened from now on run the programs that have failpoints
 * (beside those in BIN_DIR). */
void round_use_failpoints(void);

/* Fails the test when a law is broken, or when a service does not die where it
 * should. On stdout it says as it goes:
 *
 *     died SERVICE WHERE
 *     result: ORDERS acknowledged, ORDERS lost, REQUESTS sent again
 */
void round_run(struct shop *shop, const struct deaths deaths[N_SERVICES]);
