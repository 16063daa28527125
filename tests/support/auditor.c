#include "support/auditor.h"

#include "support/scratch.h"
#include "support/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 16, TIMEOUT_MS = 120000 };

static const char *const topic_settings[N_SHOP_TOPICS] = {
    "TOPIC_NEW_ORDER", "TOPIC_INVENTORY_EMPTY", "TOPIC_NEW_LOGGING_ACTION"};

struct process *audit_start(struct shop *shop, const char *const options[]) {
    static int n_runs;
    const char *bin = getenv("BIN_DIR");
    const char *argv[ARGUMENTS_MAX + 1] = {scratch_printf("%s/orderctl", bin ? bin : "build/bin"),
                                           "audit"};
    for (size_t i = 0; options && options[i]; i++) {
        assert_true(i + 3 < ARGUMENTS_MAX);
        argv[i + 2] = options[i];
    }
    const char *settings[N_SHOP_TOPICS + 3] = {
        scratch_printf("DATA_DIR=%s", shop_folder(shop)),
        scratch_printf("KAFKA_BROKERS=%s", broker_address(shop_broker(shop))),
    };
    for (int i = 0; i < N_SHOP_TOPICS; i++)
        settings[i + 2] =
            scratch_printf("%s=%s", topic_settings[i], shop_topic(shop, (enum shop_topic)i));
    const char *output = scratch_printf("%s/audit-%d", shop_folder(shop), ++n_runs);
    struct process *audit = process_start(argv, settings, output);
    scratch_keep(audit, (void (*)(void *))process_free);
    return audit;
}

struct audit_report audit_end(struct process *audit) {
    int exit_code = process_wait(audit, TIMEOUT_MS);
    return (struct audit_report){exit_code, process_stdout(audit), process_stderr(audit)};
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

struct audit_report audit_must_hold(struct shop *shop, const char *const options[]) {
    struct audit_report report = audit_run(shop, options);
    if (report.exit_code != 0) {
        fprintf(stderr, "%s%s", report.text, report.errors); /* cmocka would cut it */
        fail_msg("the audit ended with %d", report.exit_code);
    }
    return report;
}
