#include "support/cluster.h"

#include "support/file.h"
#include "support/kafka_script.h"
#include "support/scratch.h"
#include "support/testing.h"

#include <signal.h>
#include <stdlib.h>

/* What tests/kafka.sh has set. */
static const char *setting(const char *name) {
    const char *value = getenv(name);
    if (!value)
        fail_msg("%s is not set: run make test-cluster", name);
    return value;
}

static void run_script(const char *command, int broker, const char *folder) {
    const char *const arguments[] = {command, "--broker", scratch_printf("%d", broker), NULL};
    const char *const settings[] = {
        scratch_printf("KAFKA_DIR=%s", setting("KAFKA_DIR")),
        scratch_printf("KAFKA_PORTS=%s", setting("KAFKA_PORTS")),
        scratch_printf("KAFKA_HEAP_OPTS=%s", setting("KAFKA_HEAP_OPTS")),
        NULL,
    };
    kafka_script_run(arguments, settings, folder);
}

void cluster_kill(int broker) {
    const char *file = scratch_printf("%s/broker-%d/kafka.pid", setting("KAFKA_DIR"), broker);
    pid_t pid = atoi(file_content(file));
    assert_true(pid > 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
}

void cluster_stop(int broker, const char *folder) {
    run_script("stop", broker, folder);
}

void cluster_start(int broker, const char *folder) {
    run_script("start", broker, folder);
}
