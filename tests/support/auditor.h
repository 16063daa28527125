/*
 * orderctl audit, the judge of what tests do to a shop: whether nothing was
 * lost and nothing happened twice. Services may run or be stopped.
 */
#pragma once

#include "support/load.h"
#include "support/shop.h"

#include <stdint.h>

struct audit_report {
    int exit_code;
    const char *text;   /* its stdout; for the rest of the test, as all here */
    const char *errors; /* its stderr */
};

/* `options` are those of orderctl audit, NULL ends; NULL: none. */
struct audit_report audit_run(struct shop *shop, const char *const options[]);

/* The same in two steps, for several at once. */
struct process *audit_start(struct shop *shop, const char *const options[]);
struct audit_report audit_end(struct process *process);

/* The laws that it found broken, as "movements actions", in the auditor's order. */
const char *audit_broken_laws(const struct audit_report *report);

/* How many breaches of this law it found. */
int audit_breaches(const struct audit_report *report, const char *law);

/* Fails the test, and shows the report, unless all laws hold. */
void audit_assert_holds(const struct audit_report *report);
struct audit_report audit_must_hold(struct shop *shop, const char *const options[]);

/* A file with the orders that customers were told are accepted, for --accepted. */
const char *audit_list(struct shop *shop, struct load_ids told);

/* Ends the load; fails the test unless all that was ordered was accepted,
 * arrives, and has its effects once. */
void audit_load(struct shop *shop, struct load *load);

/* Lets a whole shop, which runs, drain, stops it, and audits what it leaves.
 * Orders must have ended. `told`: as audit_list; NULL: nobody has asked. */
struct audit_report audit_stopped_shop(struct shop *shop, const struct load_ids *told);

/* The same; fails the test unless all laws hold. Returns the number of orders. */
int audit_shop(struct shop *shop);
