/*
 * Nothing lost, nothing twice, wherever a service dies. Rounds of two kinds
 * (deaths.h) run beside each other, each in a process and a shop of its own:
 *
 *     test_crash                         all rounds
 *     CRASH_SEED=S test_crash KIND N     round N again; KIND: failpoints or kills
 *
 * CRASH_REPEAT   deaths of each service at each of its failpoints (1)
 * CRASH_KILLS    kills at any moment (20)
 * CRASH_SHOPS    rounds at once (16)
 * CRASH_SEED     repeats a run
 * CRASH_POINT    only failpoints whose names begin so
 */
#include "crash/round.h"
#include "support/folder.h"
#include "support/process.h"
#include "support/scratch.h"
#include "support/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KILLS_PER_ROUND = 20, ROUNDS_MAX = 4096, SHOPS_MAX = 64, FAILURES_SHOWN_MAX = 3 };
enum { EXIT_USAGE = 2 };

enum kind { FAILPOINTS_ROUND, KILLS_ROUND, N_KINDS };
static const char *const kind_names[N_KINDS] = {"failpoints", "kills"};

static unsigned seed;

static int number_of(const char *setting, int fallback, int max) {
    const char *text = getenv(setting);
    if (!text || !*text)
        return fallback;
    char *end;
    long number = strtol(text, &end, 10);
    if (*end != '\0' || number < 0 || number > max) {
        fprintf(stderr, "%s=%s: must be a whole number from 0 to %d\n", setting, text, max);
        exit(EXIT_USAGE);
    }
    return (int)number;
}

static const char *text_of(const char *setting, const char *fallback) {
    const char *text = getenv(setting);
    return text ? text : fallback;
}

/* --- one round, in a process of its own --- */

struct one_round {
    enum kind kind;
    int number;
    struct shop *shop;
};

static struct one_round this_round;

static int open_shop(void **state) {
    if (this_round.kind == FAILPOINTS_ROUND)
        round_use_failpoints();
    this_round.shop = shop_open(BROKER_STEADY);
    print_message("data %s\n", shop_folder(this_round.shop));
    *state = this_round.shop;
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static void shop__loses_and_doubles_nothing_when_its_services_die(void **state) {
    struct deaths deaths[N_SERVICES];
    if (this_round.kind == FAILPOINTS_ROUND)
        deal_failpoints(seed, this_round.number, text_of("CRASH_POINT", ""), deaths);
    else
        deal_kills(seed, this_round.number, KILLS_PER_ROUND, deaths);
    round_run(*state, deaths);
    unsetenv("KEEP_TEST_DATA");
}

static int run_this_round(const char *kind, const char *number) {
    while (this_round.kind < N_KINDS && strcmp(kind, kind_names[this_round.kind]) != 0)
        this_round.kind++;
    if (this_round.kind == N_KINDS) {
        fprintf(stderr, "test_crash: a round is of failpoints or of kills, not %s\n", kind);
        return EXIT_USAGE;
    }
    this_round.number = atoi(number);
    setenv("KEEP_TEST_DATA", "1", 1); /* for a round that fails */
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        shop__loses_and_doubles_nothing_when_its_services_die, open_shop, close_shop)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* --- all rounds, some at once --- */

struct runner {
    const char *program;
    char folder[256];
    int64_t started_ms;
    int n_rounds[N_KINDS];
    int n_started, n_ended, n_failed;
    struct running {
        enum kind kind;
        int number;
        struct process *process; /* NULL: none */
        int64_t started_ms;
    } running[SHOPS_MAX];
    int n_deaths[N_FAILPOINTS + 1][N_SERVICES];
    int n_acknowledged, n_lost, n_retried;
};

static int n_all(const struct runner *runner) {
    return runner->n_rounds[FAILPOINTS_ROUND] + runner->n_rounds[KILLS_ROUND];
}

static void start_next(struct runner *runner, struct running *running) {
    int next = runner->n_started++;
    int n_first = runner->n_rounds[FAILPOINTS_ROUND];
    running->kind = next < n_first ? FAILPOINTS_ROUND : KILLS_ROUND;
    running->number = next < n_first ? next : next - n_first;
    const char *const argv[] = {runner->program, kind_names[running->kind],
                                scratch_printf("%d", running->number), NULL};
    const char *const settings[] = {
        scratch_printf("CRASH_SEED=%u", seed),
        scratch_printf("CRASH_POINT=%s", text_of("CRASH_POINT", "")),
        scratch_printf("BIN_DIR=%s", text_of("BIN_DIR", "build/bin")),
        NULL,
    };
    running->started_ms = clock_monotonic_ms();
    running->process = process_start(
        argv, settings, scratch_printf("%s/%s-%d", runner->folder, argv[1], running->number));
}

static void count_death(struct runner *runner, const char *service, const char *where) {
    for (size_t i = 0; i < N_SERVICES; i++) {
        if (strcmp(service, shop_service_name((enum shop_service)(1u << i))) != 0)
            continue;
        for (int point = 0; point <= N_FAILPOINTS; point++)
            runner->n_deaths[point][i] += strcmp(where, failpoint_name((enum failpoint)point)) == 0;
    }
}

/* What a round says of itself, line by line; returns its number of deaths. */
static int read_report(struct runner *runner, const char *report) {
    int n_deaths = 0, n_acknowledged, n_lost, n_retried;
    for (const char *line = report; line; line = strchr(line, '\n')) {
        char service[32], where[64];
        line += *line == '\n';
        if (sscanf(line, "died %31s %63[^\n]", service, where) == 2) {
            count_death(runner, service, where);
            n_deaths++;
        }
        if (sscanf(line, "result: %d acknowledged, %d lost, %d sent again", &n_acknowledged,
                   &n_lost, &n_retried) == 3) {
            runner->n_acknowledged += n_acknowledged;
            runner->n_lost += n_lost;
            runner->n_retried += n_retried;
        }
    }
    return n_deaths;
}

static void show_failure(struct runner *runner, const struct running *running) {
    runner->n_failed++;
    if (runner->n_failed > FAILURES_SHOWN_MAX)
        return;
    const char *log = process_stderr(running->process);
    const char *services_log = strstr(log, "--- "); /* too long to be shown */
    printf("%s%.*s", process_stdout(running->process),
           (int)(services_log ? services_log - log : (ptrdiff_t)strlen(log)), log);
    printf("crash: this was round %s %d. Its data is kept where it says; to repeat it:\n"
           "crash:   CRASH_SEED=%u CRASH_POINT=%s BIN_DIR=%s %s %s %d\n",
           kind_names[running->kind], running->number, seed, text_of("CRASH_POINT", ""),
           text_of("BIN_DIR", "build/bin"), runner->program, kind_names[running->kind],
           running->number);
}

static void end_round(struct runner *runner, struct running *running) {
    int code = process_wait(running->process, 0);
    int n_deaths = read_report(runner, process_stdout(running->process));
    runner->n_ended++;
    printf("crash: %d of %d: round %s %d, %d deaths, %lld s: %s\n", runner->n_ended, n_all(runner),
           kind_names[running->kind], running->number, n_deaths,
           (long long)(clock_monotonic_ms() - running->started_ms) / 1000,
           code == 0 ? "every law holds" : "FAILED");
    if (code != 0)
        show_failure(runner, running);
    process_free(running->process);
    running->process = NULL;
    fflush(stdout);
}

static void run_all(struct runner *runner, int n_shops) {
    while (runner->n_ended < n_all(runner)) {
        for (int i = 0; i < n_shops; i++) {
            struct running *running = &runner->running[i];
            if (running->process && !process_is_running(running->process))
                end_round(runner, running);
            if (!running->process && runner->n_started < n_all(runner))
                start_next(runner, running);
        }
        wait_pause();
    }
}

static int print_row(const struct runner *runner, enum failpoint point) {
    int n_deaths = 0;
    printf("\n%-26s", failpoint_name(point));
    for (size_t i = 0; i < N_SERVICES; i++) {
        n_deaths += runner->n_deaths[point][i];
        if (failpoint_is_of(point, (enum shop_service)(1u << i)))
            printf("%14d", runner->n_deaths[point][i]);
        else
            printf("%14s", "-");
    }
    return n_deaths;
}

static void print_summary(const struct runner *runner) {
    int n_deaths = 0, n_kills;
    long long seconds = (clock_monotonic_ms() - runner->started_ms) / 1000;
    printf("\n%-26s", "deaths at");
    for (size_t i = 0; i < N_SERVICES; i++)
        printf("%14s", shop_service_name((enum shop_service)(1u << i)));
    for (int point = 0; point < N_FAILPOINTS; point++)
        n_deaths += print_row(runner, (enum failpoint)point);
    n_kills = print_row(runner, N_FAILPOINTS);
    printf("\n\ncrash: %d deaths at %d failpoints and %d kills at any moment, in %d rounds and "
           "%lld s; %d rounds failed\n"
           "crash: %d orders acknowledged (%d requests were sent again), %d lost%s\n"
           "crash: CRASH_SEED=%u\n",
           n_deaths, N_FAILPOINTS, n_kills, runner->n_ended, seconds, runner->n_failed,
           runner->n_acknowledged, runner->n_retried, runner->n_lost,
           runner->n_failed == 0 ? ", 0 effects doubled" : "; see above what was broken", seed);
}

/* A failpoint that nobody died at has proven nothing. */
static void check_all_died(const struct runner *runner, int n_repeats) {
    for (int point = 0; point < N_FAILPOINTS; point++)
        for (size_t i = 0; i < N_SERVICES; i++)
            if (failpoint_is_of((enum failpoint)point, (enum shop_service)(1u << i)))
                assert_int_equal(runner->n_deaths[point][i], n_repeats);
}

static const char *program;

static void shop__loses_and_doubles_nothing_wherever_a_service_dies(void **state) {
    (void)state;
    const char *only = text_of("CRASH_POINT", "");
    int n_repeats = number_of("CRASH_REPEAT", 1, ROUNDS_MAX / ROUNDS_PER_REPEAT);
    int n_kills = number_of("CRASH_KILLS", 20, ROUNDS_MAX * KILLS_PER_ROUND);
    int n_shops = number_of("CRASH_SHOPS", 16, SHOPS_MAX);
    struct runner *runner = scratch_alloc(sizeof *runner);
    runner->program = program;
    runner->started_ms = clock_monotonic_ms();
    runner->n_rounds[FAILPOINTS_ROUND] = n_repeats * ROUNDS_PER_REPEAT;
    runner->n_rounds[KILLS_ROUND] = (n_kills + KILLS_PER_ROUND - 1) / KILLS_PER_ROUND;
    folder_make(runner->folder, sizeof runner->folder);
    setenv("TMPDIR", runner->folder, 1); /* for the rounds' shops */

    printf("crash: %d rounds, %d at once, CRASH_SEED=%u\n", n_all(runner), n_shops, seed);
    fflush(stdout);
    run_all(runner, n_shops > 0 ? n_shops : 1);
    print_summary(runner);
    if (runner->n_failed > 0)
        fail_msg("%d rounds failed; logs and data are in %s", runner->n_failed, runner->folder);
    if (!*only)
        check_all_died(runner, n_repeats);
    folder_delete(runner->folder);
}

static int release(void **state) {
    (void)state;
    scratch_release();
    return 0;
}

int main(int argc, char **argv) {
    program = argv[0];
    seed = (unsigned)number_of("CRASH_SEED", (int)(clock_now_ms() % 1000000), 1000000);
    if (argc == 3)
        return run_this_round(argv[1], argv[2]);
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(
        shop__loses_and_doubles_nothing_wherever_a_service_dies, release)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
