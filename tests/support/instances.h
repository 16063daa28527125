/*
 * Two instances of a service, each with a database of its own, which share the
 * partitions of their group: the shop's own, and a second one.
 */
#pragma once

#include "support/auditor.h"
#include "support/load.h"
#include "support/shop.h"

#include <stdbool.h>

enum {
    NOTIFICATION_PARTITIONS = 2 * BROKER_PARTITIONS, /* of both its topics */
    LOGGING_PARTITIONS = BROKER_PARTITIONS,
    MOVE_TIMEOUT_MS = 60000, /* until partitions have moved, on a busy machine */
};

/* Where the second one of any service has its database. */
const char *second_folder(struct shop *shop);

/* It ends with the test. */
struct process *start_second(struct shop *shop, enum shop_service service);

/* SIGTERM; it must exit with 0. */
void stop_second(struct process *second);

/* As its log said last; 0: it has none yet. */
int n_partitions(const struct process *process);

/* Has each of them some of the partitions, and both together all of them? */
bool are_shared(const struct process *one, const struct process *other, int n_all);

/* Customers who order changing products until load_end; they have begun. */
struct load *start_mixed_load(struct shop *shop);

/* Until they have ordered some more. */
void let_order(struct load *load);

/* orderctl audit, told of both notification-services and logging-services and of
 * the orders that were accepted; the load must have ended. */
struct audit_report audit_both(struct shop *shop, struct load *load);

/* Events that both instances have handled, by an audit that has found nothing else
 * wrong, or the test fails: none is missing, and no law is broken that does not
 * follow from them. */
int count_handled_twice(const struct audit_report *report);

/* The line in which a service has said that an event may be handled twice; NULL:
 * none has said so. */
const char *warning_of_repetition(struct shop *shop);
