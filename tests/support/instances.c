#include "support/instances.h"

#include "support/file.h"
#include "support/scratch.h"
#include "support/wait.h"

#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

const char *second_folder(struct shop *shop) {
    return scratch_printf("%s/second", shop_folder(shop));
}

struct process *start_second(struct shop *shop, enum shop_service service) {
    shop_set_for(shop, service, scratch_printf("DATA_DIR=%s", second_folder(shop)));
    struct process *second = shop_start_another(shop, service);
    shop_set_for(shop, service, scratch_printf("DATA_DIR=%s", shop_folder(shop)));
    return second;
}

void stop_second(struct process *second) {
    process_signal(second, SIGTERM);
    assert_int_equal(process_wait(second, WAIT_TIMEOUT_MS), 0);
}

int n_partitions(const struct process *process) {
    const char *number = "";
    const char *text = process_stderr(process);
    while ((text = strstr(text, " partitions of cluster"))) {
        for (number = text; number[-1] >= '0' && number[-1] <= '9';)
            number--;
        text++;
    }
    return atoi(number);
}

bool are_shared(const struct process *one, const struct process *other, int n_all) {
    int n_one = n_partitions(one), n_other = n_partitions(other);
    return n_one > 0 && n_other > 0 && n_one + n_other == n_all;
}

struct audit_report audit_both(struct shop *shop, struct load *load) {
    struct load_ids accepted = load_accepted(load);
    const char *const options[] = {
        "--timeout",
        "120",
        "--accepted",
        audit_list(shop, accepted),
        "--notification",
        shop_folder(shop),
        "--notification",
        second_folder(shop),
        "--logging",
        shop_folder(shop),
        "--logging",
        second_folder(shop),
        NULL,
    };
    return audit_run(shop, options);
}

struct load *start_mixed_load(struct shop *shop) {
    const struct load_config config = {.prefix = "LOAD",
                                       .n_customers = 4,
                                       .n_orders_each = 20000,
                                       .is_mixed = true,
                                       .pause_ms = 5};
    struct load *load = load_start_with(shop, &config);
    assert_soon(load_n_accepted(load) > 50);
    return load;
}

void let_order(struct load *load) {
    int n = load_n_accepted(load);
    assert_soon(load_n_accepted(load) > n + 50);
}

int count_handled_twice(const struct audit_report *report) {
    static const char *const laws[] = {"", "notifications effects", "actions journal effects",
                                       "notifications actions journal effects"};
    const char *broken = audit_broken_laws(report);
    bool is_known = false;
    for (size_t i = 0; i < sizeof laws / sizeof *laws; i++)
        is_known = is_known || strcmp(broken, laws[i]) == 0;
    int n_twice = audit_breaches(report, "effects");
    if (!is_known || strstr(report->text, "are missing") ||
        n_twice != audit_breaches(report, "notifications") + audit_breaches(report, "journal"))
        audit_assert_holds(report);
    return n_twice;
}

static const char *find_warning(const char *log) {
    static const char *const warnings[] = {"given its partitions away",
                                           "was not told the last offsets", "are sent once more",
                                           "wait in the outbox for the next start"};
    for (size_t i = 0; i < sizeof warnings / sizeof *warnings; i++) {
        const char *found = strstr(log, warnings[i]);
        if (!found)
            continue;
        while (found > log && found[-1] != '\n')
            found--;
        return scratch_printf("%.*s", (int)strcspn(found, "\n"), found);
    }
    return NULL;
}

const char *warning_of_repetition(struct shop *shop) {
    glob_t logs;
    const char *warning = NULL;
    assert_int_equal(glob(scratch_printf("%s/*.err", shop_folder(shop)), 0, NULL, &logs), 0);
    for (size_t i = 0; i < logs.gl_pathc && !warning; i++)
        warning = find_warning(file_content(logs.gl_pathv[i]));
    globfree(&logs);
    return warning;
}
