#include "support/kafka_script.h"

#include "support/process.h"
#include "support/scratch.h"
#include "support/testing.h"

#include <stdlib.h>

enum { ARGUMENTS_MAX = 8, SETTINGS_MAX = 8, TIMEOUT_MS = 90000 };

static size_t append(const char *out[], size_t max, size_t n, const char *const items[]) {
    for (; *items; items++) {
        assert_true(n < max);
        out[n++] = *items;
    }
    return n;
}

void kafka_script_run(const char *const arguments[], const char *const settings[],
                      const char *folder) {
    const char *libs = getenv("KAFKA_LIBS_DIR");
    const char *argv[ARGUMENTS_MAX + 1] = {"scripts/kafka.sh"};
    const char *all[SETTINGS_MAX + 1] = {
        scratch_printf("KAFKA_LIBS_DIR=%s", libs ? libs : "build/kafka/libs")};
    append(argv, ARGUMENTS_MAX, 1, arguments);
    append(all, SETTINGS_MAX, 1, settings);
    struct process *script;
    const char *output = scratch_printf("%s/kafka-%s", folder, arguments[0]);
    if (process_run(argv, all, output, TIMEOUT_MS, &script) != 0)
        fail_msg("kafka.sh %s: %s%s", arguments[0], process_stdout(script), process_stderr(script));
}
