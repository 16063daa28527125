/*
 * A whole shop for one test: a folder of its own, a Kafka, and those of the
 * services that the test needs, on ports of their own. Closing it ends all of
 * them, also after a failed assertion: call it in the test's teardown. One
 * shop is open at a time.
 */
#pragma once

#include "support/broker.h"
#include "support/process.h"

#include <stddef.h>

/* Bits, so that several can be named at once. */
enum shop_service {
    ORDER = 1,
    INVENTORY = 2,
    NOTIFICATION = 4,
    LOGGING = 8,
    EVERY_SERVICE = ORDER | INVENTORY | NOTIFICATION | LOGGING,
};

enum { N_SERVICES = 4 };

enum shop_topic { NEW_ORDER, INVENTORY_EMPTY, NEW_LOGGING_ACTION, N_SHOP_TOPICS };

struct shop;

/* A shop without services yet. */
struct shop *shop_open(enum broker_use use);

/* A shop with these services, which are ready. */
struct shop *shop_open_with(unsigned services);

/* Ends everything and deletes the folder, unless KEEP_TEST_DATA is set; writes
 * what the services logged to the test's log; releases the scratch memory. */
void shop_close(struct shop *shop);

/* "NAME=value" for every service that is started from now on. */
void shop_set(struct shop *shop, const char *setting);

/* The same for these services alone. */
void shop_set_for(struct shop *shop, unsigned services, const char *setting);

/* Starts services, again with the data they had. */
void shop_start(struct shop *shop, unsigned services);

/* A second process of a service, with the same data. It ends with the test. */
struct process *shop_start_another(struct shop *shop, enum shop_service service);

/* Until /readyz of all answers 200. */
void shop_wait_ready(struct shop *shop, unsigned services);

/* SIGTERM to all of them; each must exit with 0 within 5 s. */
void shop_stop(struct shop *shop, unsigned services);

/* kill -9. */
void shop_kill(struct shop *shop, unsigned services);

struct broker *shop_broker(struct shop *shop);
const char *shop_topic(const struct shop *shop, enum shop_topic topic);
const char *shop_dead_letters(const struct shop *shop, enum shop_topic topic);
const char *shop_folder(const struct shop *shop);

/* Of one service. */
const char *shop_service_name(enum shop_service service); /* without "-service" */
struct process *shop_process(struct shop *shop, enum shop_service service);
const char *shop_database(const struct shop *shop, enum shop_service service);
const char *shop_group(const struct shop *shop, enum shop_service service); /* that it joins */
const char *shop_url(struct shop *shop, enum shop_service service, const char *target);
int shop_port(struct shop *shop, enum shop_service service);

/* All that it has printed on stdout, in all its runs. */
const char *shop_output(struct shop *shop, enum shop_service service);

/* Starts its program with an argument such as "--check" and the shop's
 * settings, and waits for its end; returns the exit code. */
int shop_run(struct shop *shop, enum shop_service service, const char *argument,
             struct process **out);

/* The same for orderctl: its command and arguments, NULL ends. */
int shop_orderctl(struct shop *shop, const char *const arguments[], struct process **out);

/* The same without waiting. It ends with the test. */
struct process *shop_start_orderctl(struct shop *shop, const char *const arguments[]);
