/* orderctl audit, run on a shop whose services may run or be stopped. */
#pragma once

#include "support/shop.h"

struct audit_report {
    int exit_code;
    const char *text;   /* its stdout; for the rest of the test, as all here */
    const char *errors; /* its stderr */
};

/* `options` are those of orderctl audit, NULL ends; NULL: none. */
struct process *audit_start(struct shop *shop, const char *const options[]);

/* Waits for its end. */
struct audit_report audit_end(struct process *audit);

/* Both at once. */
struct audit_report audit_run(struct shop *shop, const char *const options[]);

/* The laws that it found broken, as "movements actions", in the auditor's order. */
const char *audit_broken_laws(const struct audit_report *report);

/* Fails the test, and shows the report, unless all laws hold. */
struct audit_report audit_must_hold(struct shop *shop, const char *const options[]);
