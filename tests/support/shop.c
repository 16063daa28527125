#include "support/shop.h"

#include "support/exchange_log.h"
#include "support/folder.h"
#include "support/http_client.h"
#include "support/scratch.h"
#include "support/wait.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTINGS_MAX = 32, STOP_TIMEOUT_MS = 5000, RUN_TIMEOUT_MS = 10000 };

static const char *const names[N_SERVICES] = {"order", "inventory", "notification", "logging"};
static const char *const topic_settings[N_SHOP_TOPICS] = {
    "TOPIC_NEW_ORDER", "TOPIC_INVENTORY_EMPTY", "TOPIC_NEW_LOGGING_ACTION"};
static const char *const topic_names[N_SHOP_TOPICS] = {"new-order-topic", "inventory-empty-topic",
                                                       "new-logging-action-topic"};

struct setting {
    unsigned services;
    const char *text; /* NAME=value */
};

struct shop {
    char folder[256];
    const char *suffix; /* of topics and groups, in a Kafka shared with other tests */
    const char *topics[N_SHOP_TOPICS];
    struct broker *broker;
    struct process *processes[N_SERVICES];
    struct setting settings[SETTINGS_MAX];
    size_t n_settings;
};

static size_t index_of(enum shop_service service) {
    return (size_t)__builtin_ctz((unsigned)service);
}

static const char *program(const char *name) {
    const char *folder = getenv("BIN_DIR");
    return scratch_printf("%s/%s", folder ? folder : "build/bin", name);
}

static const char *program_of(size_t service) {
    return program(scratch_printf("%s-service", names[service]));
}

static struct shop *open_shop;

/* cmocka runs no teardown behind a setup that failed. */
static void close_forgotten(void) {
    shop_close(open_shop);
}

static void remember(struct shop *shop) {
    static bool is_registered;
    if (!is_registered)
        atexit(close_forgotten);
    is_registered = true;
    open_shop = shop;
}

struct shop *shop_open(enum broker_use use) {
    close_forgotten();
    struct shop *shop = calloc(1, sizeof *shop);
    if (!shop)
        abort();
    remember(shop);
    folder_make(shop->folder, sizeof shop->folder);
    shop->suffix = broker_is_apache() ? scratch_printf("-%s", strrchr(shop->folder, '-') + 1) : "";
    for (int i = 0; i < N_SHOP_TOPICS; i++) {
        shop->topics[i] = scratch_printf("%s%s", topic_names[i], shop->suffix);
        shop_set(shop, scratch_printf("%s=%s", topic_settings[i], shop->topics[i]));
    }
    shop_set(shop, scratch_printf("TOPIC_PARTITIONS=%d", BROKER_PARTITIONS));
    shop_set(shop, scratch_printf("DATA_DIR=%s", shop->folder));
    shop->broker = broker_open(use, shop->folder, shop->topics, N_SHOP_TOPICS);
    return shop;
}

struct shop *shop_open_with(unsigned services) {
    struct shop *shop = shop_open(BROKER_STEADY);
    shop_start(shop, services);
    shop_wait_ready(shop, services);
    return shop;
}

static void show_log(size_t service, const struct process *process) {
    fprintf(stderr, "--- %s-service's log\n%s", names[service], process_stderr(process));
}

void shop_close(struct shop *shop) {
    if (!shop)
        return;
    open_shop = NULL;
    for (size_t i = 0; i < N_SERVICES; i++) {
        if (shop->processes[i])
            show_log(i, shop->processes[i]);
        process_free(shop->processes[i]);
    }
    broker_close(shop->broker);
    if (!getenv("KEEP_TEST_DATA"))
        folder_delete(shop->folder);
    free(shop);
    scratch_release();
}

void shop_set(struct shop *shop, const char *setting) {
    shop_set_for(shop, EVERY_SERVICE, setting);
}

void shop_set_for(struct shop *shop, unsigned services, const char *setting) {
    size_t n = 0;
    for (size_t i = 0; i < shop->n_settings; i++)
        if (shop->settings[i].services != services ||
            strncmp(shop->settings[i].text, setting, strcspn(setting, "=") + 1) != 0)
            shop->settings[n++] = shop->settings[i];
    assert_true(n < SETTINGS_MAX);
    shop->settings[n++] = (struct setting){services, setting};
    shop->n_settings = n;
}

/* The first of two values counts in a process's environment, so the latest
 * settings go first, and the defaults last. Returns how many those are that
 * all of these services have. */
static size_t collect_shared_settings(const struct shop *shop, unsigned services,
                                      const char *out[SETTINGS_MAX + 4]) {
    size_t n = 0;
    for (size_t i = shop->n_settings; i-- > 0;)
        if ((shop->settings[i].services & services) == services)
            out[n++] = shop->settings[i].text;
    out[n++] = scratch_printf("KAFKA_BROKERS=%s", broker_address(shop->broker));
    out[n] = NULL;
    return n;
}

static void collect_settings(const struct shop *shop, size_t service,
                             const char *out[SETTINGS_MAX + 4]) {
    size_t n = collect_shared_settings(shop, 1u << service, out);
    out[n++] = "HTTP_PORT=0";
    out[n++] =
        scratch_printf("CONSUMER_GROUP=%s", shop_group(shop, (enum shop_service)(1u << service)));
    out[n] = NULL;
}

static struct process *start(struct shop *shop, size_t service, const char *argument,
                             const char *output) {
    const char *settings[SETTINGS_MAX + 4];
    const char *const argv[] = {program_of(service), argument, NULL};
    collect_settings(shop, service, settings);
    return process_start(argv, settings, output);
}

void shop_start(struct shop *shop, unsigned services) {
    for (size_t i = 0; i < N_SERVICES; i++) {
        if (!(services & 1u << i))
            continue;
        assert_true(!shop->processes[i] || !process_is_running(shop->processes[i]));
        process_free(shop->processes[i]);
        shop->processes[i] = start(shop, i, NULL, scratch_printf("%s/%s", shop->folder, names[i]));
    }
}

static const char *next_output(const struct shop *shop) {
    static int n_runs;
    return scratch_printf("%s/run-%d", shop->folder, ++n_runs);
}

struct process *shop_start_another(struct shop *shop, enum shop_service service) {
    struct process *process = start(shop, index_of(service), NULL, next_output(shop));
    scratch_keep(process, (void (*)(void *))process_free);
    return process;
}

int shop_run(struct shop *shop, enum shop_service service, const char *argument,
             struct process **out) {
    struct process *process = start(shop, index_of(service), argument, next_output(shop));
    scratch_keep(process, (void (*)(void *))process_free);
    if (out)
        *out = process;
    return process_wait(process, RUN_TIMEOUT_MS);
}

struct process *shop_start_orderctl(struct shop *shop, const char *const arguments[]) {
    enum { ARGUMENTS_MAX = 15 };
    const char *settings[SETTINGS_MAX + 4];
    const char *argv[ARGUMENTS_MAX + 2] = {program("orderctl")};
    for (size_t i = 0; arguments[i]; i++) {
        assert_true(i < ARGUMENTS_MAX);
        argv[i + 1] = arguments[i];
    }
    collect_shared_settings(shop, EVERY_SERVICE, settings);
    struct process *process = process_start(argv, settings, next_output(shop));
    scratch_keep(process, (void (*)(void *))process_free);
    return process;
}

int shop_orderctl(struct shop *shop, const char *const arguments[], struct process **out) {
    struct process *process = shop_start_orderctl(shop, arguments);
    if (out)
        *out = process;
    return process_wait(process, RUN_TIMEOUT_MS);
}

/* 0: it has not said it yet. */
static int announced_port(const struct process *process) {
    static const char phrase[] = "listens on http://127.0.0.1:";
    const char *found = strstr(process_stderr(process), phrase);
    return found ? atoi(found + strlen(phrase)) : 0;
}

int shop_port(struct shop *shop, enum shop_service service) {
    struct process *process = shop_process(shop, service);
    assert_soon(announced_port(process) > 0 || !process_is_running(process));
    if (announced_port(process) == 0)
        fail_msg("%s-service did not start: %s", names[index_of(service)], process_stderr(process));
    int port = announced_port(process);
    exchange_log_name(port, names[index_of(service)]);
    return port;
}

const char *shop_url(struct shop *shop, enum shop_service service, const char *target) {
    return scratch_printf("http://127.0.0.1:%d%s", shop_port(shop, service), target);
}

void shop_wait_ready(struct shop *shop, unsigned services) {
    for (unsigned bit = ORDER; bit < EVERY_SERVICE; bit <<= 1) {
        if (!(services & bit))
            continue;
        const char *url = shop_url(shop, (enum shop_service)bit, "/readyz");
        struct process *process = shop_process(shop, (enum shop_service)bit);
        assert_soon(http_get(url).status == 200 || !process_is_running(process));
        assert_true(process_is_running(process));
    }
}

void shop_stop(struct shop *shop, unsigned services) {
    for (size_t i = 0; i < N_SERVICES; i++)
        if (services & 1u << i)
            process_signal(shop->processes[i], SIGTERM);
    for (size_t i = 0; i < N_SERVICES; i++)
        if (services & 1u << i)
            assert_int_equal(process_wait(shop->processes[i], STOP_TIMEOUT_MS), 0);
}

void shop_kill(struct shop *shop, unsigned services) {
    for (size_t i = 0; i < N_SERVICES; i++)
        if (services & 1u << i)
            process_signal(shop->processes[i], SIGKILL);
    for (size_t i = 0; i < N_SERVICES; i++)
        if (services & 1u << i)
            process_wait(shop->processes[i], STOP_TIMEOUT_MS);
}

struct broker *shop_broker(struct shop *shop) {
    return shop->broker;
}

const char *shop_topic(const struct shop *shop, enum shop_topic topic) {
    return shop->topics[topic];
}

const char *shop_dead_letters(const struct shop *shop, enum shop_topic topic) {
    return scratch_printf("%s.dlq", shop->topics[topic]);
}

const char *shop_folder(const struct shop *shop) {
    return shop->folder;
}

const char *shop_service_name(enum shop_service service) {
    return names[index_of(service)];
}

struct process *shop_process(struct shop *shop, enum shop_service service) {
    return shop->processes[index_of(service)];
}

const char *shop_database(const struct shop *shop, enum shop_service service) {
    return scratch_printf("%s/%s.db", shop->folder, names[index_of(service)]);
}

const char *shop_group(const struct shop *shop, enum shop_service service) {
    return scratch_printf("%s-service-group%s", names[index_of(service)], shop->suffix);
}

const char *shop_output(struct shop *shop, enum shop_service service) {
    return process_stdout(shop_process(shop, service));
}
