/*
 * Runs every fuzz target on the inputs that are kept: its seeds, what was
 * found with it once, and all examples and counter-examples of the contract.
 */
#include "base/strbuf.h"
#include "fuzz/fuzz.h"
#include "support/testing.h"

#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TIMEOUT_S = 60 };

struct target {
    const char *name;
    const char *test_name;
    fuzz_target *run;
};

/* Seen by both processes: which input the one that dies was at. */
struct progress {
    size_t n_inputs;
    char path[1024];
};

/* In memory of just its size, so that a sanitizer sees a read behind it. */
static void run_file(fuzz_target *run, const char *path, size_t size) {
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (!file || !data || fread(data, 1, size, file) != size) {
        fprintf(stderr, "%s: cannot be read\n", path);
        abort();
    }
    fclose(file);
    run(data, size);
    free(data);
}

static void run_folders(const struct target *target, struct progress *progress) {
    char seeds[128], regressions[128];
    snprintf(seeds, sizeof seeds, "tests/fuzz/seeds/%s", target->name);
    snprintf(regressions, sizeof regressions, "tests/fuzz/regressions/%s", target->name);
    char *folders[] = {"schemas/examples", "schemas/counter-examples", seeds, regressions, NULL};
    FTS *files = fts_open(folders, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry; (entry = fts_read(files));) {
        if (entry->fts_info != FTS_F)
            continue;
        snprintf(progress->path, sizeof progress->path, "%s", entry->fts_path);
        run_file(target->run, entry->fts_path, (size_t)entry->fts_statp->st_size);
        progress->n_inputs++;
    }
    fts_close(files);
}

/* In a process of its own: a finding ends it. */
static int run_apart(const struct target *target, struct progress *progress) {
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(TIMEOUT_S);
        run_folders(target, progress);
        _exit(EXIT_SUCCESS);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void run_target(void **state) {
    const struct target *target = *state;
    struct progress *progress =
        mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(progress, MAP_FAILED);

    int status = run_apart(target, progress);

    if (status != 0)
        fail_msg("%s: %s, see above", target->name, progress->path);
    assert_true(progress->n_inputs > 0);
    munmap(progress, sizeof *progress);
}

#define TARGET(name)                                                                               \
    { #name, "fuzz_" #name "__finds_nothing_in_the_inputs_that_are_kept", fuzz_##name }

static struct target targets[] = {
    TARGET(checkout), TARGET(envelope),       TARGET(http),  TARGET(inventory_empty),
    TARGET(json),     TARGET(logging_action), TARGET(order), TARGET(outbox),
    TARGET(product),  TARGET(server),
};
enum { N_TARGETS = sizeof targets / sizeof targets[0] };

int main(void) {
    struct CMUnitTest tests[N_TARGETS];
    for (size_t i = 0; i < N_TARGETS; i++)
        tests[i] = (struct CMUnitTest){
            .name = targets[i].test_name,
            .test_func = run_target,
            .initial_state = &targets[i],
        };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
