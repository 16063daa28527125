/* The memory of a service is bounded: it does not grow with what it has done. */
#include "support/auditor.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is kept for reuse finds its size while orders come, and after a burst it is
 * larger: only who grows with every N_ROUND_EACH orders of each customer, by more
 * than 64 bytes an order, does not give back what it takes. */
enum {
    N_CUSTOMERS = 16,
    N_WARM_UP_EACH = 300,
    N_ROUND_EACH = 500,
    N_ROUNDS = 4,
    GROWTH_MAX_KB = N_CUSTOMERS * N_ROUND_EACH * 64 / 1024,
    PATIENCE_MS = 120000,
    /* A backlog for the logging-service, four records an order and more, and what
     * it may take while it catches up: some 25 MB, the libraries' pages included. */
    N_BACKLOG_EACH = 800,
    PEAK_MAX_KB = 34 * 1024,
};

/* As the sanitizers do, to find uses after it: then memory tells nothing. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool keeps_what_is_freed = true;
#else
static const bool keeps_what_is_freed = false;
#endif

static int open_shop(void **state) {
    *state = shop_open_with(EVERY_SERVICE);
    return 0;
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

/* A line of the process' status: "RssAnon:" is its own memory, without the pages of
 * programs and libraries, "VmHWM:" the most that it ever had with them. */
static long memory_kb(struct process *process, const char *name) {
    const char *path = scratch_printf("/proc/%d/status", (int)process_pid(process));
    char line[256];
    long kb = -1;
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            kb = atol(line + strlen(name));
    fclose(file);
    assert_true(kb > 0);
    return kb;
}

static void order_and_drain(struct shop *shop, const char *prefix, int n_each) {
    struct load *load = load_start(shop, prefix, N_CUSTOMERS, n_each);
    load_end(load, LOAD_FINISH);
    assert_int_equal(load_n_accepted(load), N_CUSTOMERS * n_each);
    assert_within(PATIENCE_MS, has_published_all(shop, ORDER) &&
                                   has_published_all(shop, INVENTORY) &&
                                   has_published_all(shop, NOTIFICATION));
}

static void measure(struct shop *shop, long out_kb[static N_SERVICES]) {
    for (int i = 0; i < N_SERVICES; i++)
        out_kb[i] = memory_kb(shop_process(shop, (enum shop_service)(1 << i)), "RssAnon:");
}

/* Takes those out of `growing` that did not grow in one round of orders. */
static unsigned still_growing(struct shop *shop, int round, unsigned growing) {
    long before_kb[N_SERVICES], after_kb[N_SERVICES];
    measure(shop, before_kb);
    order_and_drain(shop, scratch_printf("ROUND-%d", round), N_ROUND_EACH);
    measure(shop, after_kb);
    for (int i = 0; i < N_SERVICES; i++) {
        print_message("%s-service: %ld kB, %ld kB after %d more orders\n",
                      shop_service_name((enum shop_service)(1 << i)), before_kb[i], after_kb[i],
                      N_CUSTOMERS * N_ROUND_EACH);
        if (after_kb[i] <= before_kb[i] + GROWTH_MAX_KB)
            growing &= ~(1U << i);
    }
    return growing;
}

static void services__do_not_grow_with_the_orders_they_have_handled(void **state) {
    struct shop *shop = *state;
    unsigned growing = EVERY_SERVICE;
    if (keeps_what_is_freed)
        skip();
    order_and_drain(shop, "WARM-UP", N_WARM_UP_EACH);

    for (int round = 0; growing && round < N_ROUNDS; round++)
        growing = still_growing(shop, round, growing);

    for (int i = 0; i < N_SERVICES; i++)
        if (growing & 1U << i)
            fail_msg("%s-service has grown with each of %d rounds",
                     shop_service_name((enum shop_service)(1 << i)), N_ROUNDS);
}

static void consumer__keeps_to_its_memory_when_it_catches_up(void **state) {
    struct shop *shop = *state;
    if (keeps_what_is_freed)
        skip();
    shop_stop(shop, LOGGING);
    order_and_drain(shop, "BACKLOG", N_BACKLOG_EACH);

    shop_start(shop, LOGGING);
    wait_for_effects(shop, LOGGING, N_CUSTOMERS * N_BACKLOG_EACH);

    long peak_kb = memory_kb(shop_process(shop, LOGGING), "VmHWM:");
    print_message("logging-service: at most %ld kB while it caught up\n", peak_kb);
    assert_true(peak_kb <= PEAK_MAX_KB);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(services__do_not_grow_with_the_orders_they_have_handled,
                                        open_shop, close_shop),
        cmocka_unit_test_setup_teardown(consumer__keeps_to_its_memory_when_it_catches_up, open_shop,
                                        close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
