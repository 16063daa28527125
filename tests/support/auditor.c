#include "support/auditor.h"

#include "base/clock.h"
#include "support/database.h"
#include "support/scratch.h"
#include "support/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 14, TIMEOUT_MS = 150000 };

#define DRAIN_TIMEOUT_S "90"

struct process *audit_start(struct shop *shop, const char *const options[]) {
    const char *arguments[ARGUMENTS_MAX + 2] = {"audit"};
    for (size_t i = 0; options && options[i]; i++) {
        assert_true(i < ARGUMENTS_MAX);
        arguments[i + 1] = options[i];
    }
    return shop_start_orderctl(shop, arguments);
}

struct audit_report audit_end(struct process *process) {
    int exit_code = process_wait(process, TIMEOUT_MS);
    return (struct audit_report){exit_code, process_stdout(process), process_stderr(process)};
}

struct audit_report audit_run(struct shop *shop, const char *const options[]) {
    return audit_end(audit_start(shop, options));
}

const char *audit_broken_laws(const struct audit_report *report) {
    static const char mark[] = "\nFAIL  ";
    const char *laws = "";
    const char *text = scratch_printf("\n%s", report->text);
    while ((text = strstr(text, mark))) {
        text += strlen(mark);
        laws = scratch_printf("%s%s%.*s", laws, *laws ? " " : "", (int)strcspn(text, " "), text);
    }
    return laws;
}

int audit_breaches(const struct audit_report *report, const char *law) {
    const char *mark = scratch_printf("\nFAIL  %s ", law);
    const char *found = strstr(scratch_printf("\n%s", report->text), mark);
    return found ? atoi(found + strlen(mark)) : 0;
}

void audit_assert_holds(const struct audit_report *report) {
    if (report->exit_code == 0)
        return;
    fprintf(stderr, "%s%s", report->text, report->errors); /* cmocka would cut it */
    fail_msg("the audit ended with %d", report->exit_code);
}

struct audit_report audit_must_hold(struct shop *shop, const char *const options[]) {
    struct audit_report report = audit_run(shop, options);
    audit_assert_holds(&report);
    return report;
}

const char *audit_list(struct shop *shop, struct load_ids told) {
    const char *path = scratch_printf("%s/accepted", shop_folder(shop));
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (size_t i = 0; i < told.n; i++)
        fprintf(file, "%s\n", told.items[i]);
    assert_int_equal(fclose(file), 0);
    return path;
}

void audit_load(struct shop *shop, struct load *load) {
    load_end(load, LOAD_STOP);
    assert_int_equal(load_unanswered(load).n, 0);
    assert_int_equal(load_refused(load).n, 0);
    int64_t began_ms = clock_monotonic_ms();
    const char *const options[] = {"--timeout", DRAIN_TIMEOUT_S, "--accepted",
                                   audit_list(shop, load_accepted(load)), NULL};
    audit_must_hold(shop, options);
    print_message("%d orders, %lld ms later all was drained\n", load_n_accepted(load),
                  (long long)(clock_monotonic_ms() - began_ms));
}

struct audit_report audit_stopped_shop(struct shop *shop, const struct load_ids *told) {
    static const char *const patient[] = {"--timeout", DRAIN_TIMEOUT_S, NULL};
    const char *impatient[] = {"--timeout", "0", NULL, NULL, NULL};
    if (told) {
        impatient[2] = "--accepted";
        impatient[3] = audit_list(shop, *told);
    }
    shop_wait_ready(shop, EVERY_SERVICE);
    audit_run(shop, patient); /* what counts is what it finds when all has stopped */
    shop_stop(shop, EVERY_SERVICE);
    return audit_run(shop, impatient);
}

int audit_shop(struct shop *shop) {
    struct audit_report report = audit_stopped_shop(shop, NULL);
    audit_assert_holds(&report);
    return (int)database_number(shop, ORDER, "SELECT count(*) FROM orders");
}
