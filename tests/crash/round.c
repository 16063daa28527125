#include "crash/round.h"

#include "support/auditor.h"
#include "support/free_port.h"
#include "support/http_client.h"
#include "support/kafka_client.h"
#include "support/scratch.h"
#include "support/wait.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    REACH_TIMEOUT_MS = 90000, /* a death: most take a tenth */
    LOOK_MS = 100,            /* between two looks whether a service is ready */
    POISON_MS = 250,
    EXIT_KILLED = 128 + SIGKILL,
};

/* A service, and what is still to happen to it. */
struct doomed {
    struct shop *shop;
    enum shop_service service;
    const struct deaths *deaths;
    int n_died;
    int64_t started_ms;
    int64_t next_look_ms;
    int64_t signal_at_ms; /* 0: not known yet */
    bool is_signalled;
    struct kafka_member *intruder;
};

void round_use_failpoints(void) {
    const char *folder = getenv("BIN_DIR");
    setenv("BIN_DIR", scratch_printf("%s/../failpoints/bin", folder ? folder : "build/bin"), 1);
}

static const struct death *next_death(const struct doomed *doomed) {
    return doomed->n_died < doomed->deaths->n ? &doomed->deaths->items[doomed->n_died] : NULL;
}

static void arm(struct doomed *doomed) {
    const struct death *death = next_death(doomed);
    const char *setting = "FAILPOINT=";
    if (death && death->cause != FROM_OUTSIDE)
        setting = scratch_printf("FAILPOINT=%s:%d:%d", failpoint_name(death->point),
                                 death->n_passes, death->linger_ms);
    shop_set_for(doomed->shop, doomed->service, setting);
}

static void start(struct doomed *doomed) {
    arm(doomed);
    shop_start(doomed->shop, doomed->service);
    doomed->started_ms = clock_monotonic_ms();
    doomed->next_look_ms = doomed->started_ms;
    doomed->signal_at_ms = 0;
    doomed->is_signalled = false;
}

/* It has ended: where it should, and by itself? */
static void check_death(struct doomed *doomed) {
    const struct death *death = next_death(doomed);
    struct process *process = shop_process(doomed->shop, doomed->service);
    const char *name = shop_service_name(doomed->service);
    int code = process_wait(process, REACH_TIMEOUT_MS);
    if (!death)
        fail_msg("the %s-service ended by itself, with %d", name, code);
    const char *where = failpoint_name(death->point);
    if (code != EXIT_KILLED)
        fail_msg("the %s-service was to die at %s (pass %d), but ended with %d", name, where,
                 death->n_passes, code);
    bool said_so =
        strstr(process_stderr(process), scratch_printf("failpoint: dying at %s\n", where));
    if (death->cause == FROM_OUTSIDE ? !doomed->is_signalled : !said_so)
        fail_msg("the %s-service was killed, but not at %s", name, where);
}

static bool is_ready(struct doomed *doomed) {
    int64_t now = clock_monotonic_ms();
    if (now < doomed->next_look_ms)
        return false;
    doomed->next_look_ms = now + LOOK_MS;
    return http_get(shop_url(doomed->shop, doomed->service, "/readyz")).status == 200;
}

static void send_signal(struct doomed *doomed, int signal) {
    process_signal(shop_process(doomed->shop, doomed->service), signal);
    doomed->is_signalled = true;
}

static void join_group(struct doomed *doomed) {
    const char *topic =
        shop_topic(doomed->shop, doomed->service == LOGGING ? NEW_LOGGING_ACTION : NEW_ORDER);
    doomed->intruder = kafka_join(
        broker_address(shop_broker(doomed->shop)),
        scratch_printf("%s-service-group", shop_service_name(doomed->service)), &topic, 1);
    doomed->is_signalled = true;
}

/* What does not happen by itself under load. */
static void prompt(struct doomed *doomed, const struct death *death) {
    if (death->cause == FROM_INSIDE || doomed->is_signalled)
        return;
    if (death->cause == FROM_OUTSIDE && doomed->signal_at_ms == 0)
        doomed->signal_at_ms = doomed->started_ms + death->delay_ms;
    if (doomed->signal_at_ms == 0 && is_ready(doomed))
        doomed->signal_at_ms = clock_monotonic_ms() + death->delay_ms;
    if (doomed->signal_at_ms == 0 || clock_monotonic_ms() < doomed->signal_at_ms)
        return;
    if (death->cause == WHEN_REBALANCED)
        join_group(doomed);
    else
        send_signal(doomed, death->cause == FROM_OUTSIDE ? SIGKILL : SIGTERM);
}

static void attend(struct doomed *doomed) {
    const struct death *death = next_death(doomed);
    if (!process_is_running(shop_process(doomed->shop, doomed->service))) {
        check_death(doomed);
        kafka_leave(doomed->intruder);
        doomed->intruder = NULL;
        doomed->n_died++;
        print_message("died %s %s\n", shop_service_name(doomed->service),
                      failpoint_name(death->point));
        start(doomed);
    } else if (death) {
        prompt(doomed, death);
        if (clock_monotonic_ms() > doomed->started_ms + REACH_TIMEOUT_MS)
            fail_msg("the %s-service did not come to %s (pass %d) within %d s",
                     shop_service_name(doomed->service), failpoint_name(death->point),
                     death->n_passes, REACH_TIMEOUT_MS / 1000);
    }
}

/* Records that are no events, for every consumer, so that each rejects some. */
static void send_poison(struct shop *shop) {
    static const enum shop_topic topics[] = {NEW_ORDER, NEW_LOGGING_ACTION};
    struct record records[BROKER_PARTITIONS * sizeof topics / sizeof *topics];
    size_t n = 0;
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        for (int partition = 0; partition < BROKER_PARTITIONS; partition++)
            records[n++] = (struct record){.topic = shop_topic(shop, topics[i]),
                                           .partition = partition,
                                           .value = {"no event", strlen("no event")}};
    kafka_send_all(broker_address(shop_broker(shop)), records, n);
}

static bool have_died(const struct doomed doomed[N_SERVICES]) {
    for (size_t i = 0; i < N_SERVICES; i++)
        if (next_death(&doomed[i]))
            return false;
    return true;
}

static void live_through(struct shop *shop, struct doomed doomed[N_SERVICES]) {
    int64_t poison_at_ms = 0;
    while (!have_died(doomed)) {
        for (size_t i = 0; i < N_SERVICES; i++)
            attend(&doomed[i]);
        if (clock_monotonic_ms() >= poison_at_ms) {
            send_poison(shop);
            poison_at_ms = clock_monotonic_ms() + POISON_MS;
        }
        wait_pause();
    }
}

static void judge(struct shop *shop, struct load *load) {
    struct load_ids acknowledged = load_confirmed(load);
    struct audit_report report = audit_stopped_shop(shop, &acknowledged);
    print_message("result: %zu acknowledged, %d lost, %d sent again\n", acknowledged.n,
                  audit_breaches(&report, "accepted"), load_n_retried(load));
    assert_int_equal(load_refused(load).n, 0);
    assert_int_equal(load_unanswered(load).n, 0);
    audit_assert_holds(&report);
}

void round_run(struct shop *shop, const struct deaths deaths[N_SERVICES]) {
    static const struct load_config customers = {
        .prefix = "CRASH",
        .n_customers = 4,
        .n_orders_each = 20000,
        .is_mixed = true,
        .pause_ms = 60,
        .n_retries = 1000,
        .patience_ms = 10000,
    };
    struct doomed doomed[N_SERVICES];
    shop_set_for(shop, ORDER, scratch_printf("HTTP_PORT=%d", free_port()));
    shop_start(shop, ORDER); /* once in peace, for the customers to find it */
    struct load *load = load_start_with(shop, &customers);
    shop_stop(shop, ORDER);
    for (size_t i = 0; i < N_SERVICES; i++) {
        doomed[i] = (struct doomed){
            .shop = shop, .service = (enum shop_service)(1u << i), .deaths = &deaths[i]};
        start(&doomed[i]);
    }
    live_through(shop, doomed);
    shop_wait_ready(shop, EVERY_SERVICE);
    load_end(load, LOAD_STOP);
    judge(shop, load);
}
