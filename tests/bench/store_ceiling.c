/*
 * store_ceiling FOLDER SECONDS: the ceiling of the disk. Stores orders with
 * their events as the order-service does, in transactions of 128, with nothing
 * in front of it and nothing behind it; prints orders a second.
 */
#include "base/clock.h"
#include "bench/sample_order.h"
#include "event/codec.h"
#include "order/adapters/customer_index.h"
#include "order/adapters/order_store.h"
#include "store/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRANSACTION_ORDERS = 128 };

struct ceiling {
    struct db *db;
    struct outbox *outbox;
    struct order_store *orders;
    struct strbuf payload; /* of the order at hand */
};

static enum status open_stores(struct ceiling *ceiling, const char *folder, struct error *err) {
    static const char *const schema[] = {OUTBOX_SCHEMA ORDER_STORE_SCHEMA,
                                         OUTBOX_SCHEMA_2 ORDER_STORE_SCHEMA_2,
                                         OUTBOX_SCHEMA_3 CUSTOMER_INDEX_SCHEMA};
    static const char *const topics[N_EVENT_TYPES] = {"new-order-topic", "inventory-empty-topic",
                                                      "new-logging-action-topic"};
    const struct db_schema steps = {schema, sizeof schema / sizeof *schema};
    char path[4096];
    snprintf(path, sizeof path, "%s/ceiling.db", folder);
    enum status status = db_open_writer(path, &steps, &ceiling->db, err);
    if (status == OK)
        status = outbox_open(ceiling->db, "order-service", topics, &ceiling->outbox, err);
    if (status == OK)
        status = order_store_open(ceiling->db, &ceiling->orders, err);
    return status;
}

/* The statements of the order-service's checkout. */
static enum status store(struct ceiling *ceiling, uint64_t number, struct error *err) {
    struct stored_order stored;
    struct event event;
    struct envelope trace = {.id = ""};
    bool is_stored;
    event.type = EVENT_NEW_ORDER;
    sample_order("CEILING", number, &event.order);
    strbuf_reset(&ceiling->payload);
    order_encode(&event.order, &ceiling->payload);
    strcpy(trace.correlation, event.order.order_id);
    enum status status =
        order_store_find(ceiling->orders, event.order.order_id, &stored, &is_stored, err);
    if (status == OK)
        status = outbox_append_encoded(ceiling->outbox, &event, &ceiling->payload, &trace, err);
    if (status != OK)
        return status;
    order_copy(&stored.order, &event.order);
    stored.outbox_seq = outbox_last_seq(ceiling->outbox);
    stored.accepted_ms = event.envelope.time_ms;
    strcpy(stored.event_id, event.envelope.id);
    status = order_store_add(ceiling->orders, &stored, &ceiling->payload, err);
    if (status == OK)
        status = outbox_append_action(ceiling->outbox, "new-order", &event.envelope, err);
    return status;
}

static enum status store_for(struct ceiling *ceiling, int64_t duration_ms, double *out_rate,
                             struct error *err) {
    enum status status = OK;
    uint64_t n = 0;
    int64_t began = clock_monotonic_ms(), now = began;
    while (status == OK && now - began < duration_ms) {
        status = db_exec(ceiling->db, "BEGIN IMMEDIATE", err);
        for (int i = 0; status == OK && i < TRANSACTION_ORDERS; i++)
            status = store(ceiling, n++, err);
        if (status == OK)
            status = db_exec(ceiling->db, "COMMIT", err);
        outbox_committed(ceiling->outbox);
        now = clock_monotonic_ms();
    }
    if (status == OK)
        *out_rate = 1000.0 * (double)n / (double)(now - began);
    return status;
}

int main(int argc, char **argv) {
    struct ceiling ceiling = {.db = NULL};
    struct error err;
    double rate = 0;
    if (argc != 3 || atoi(argv[2]) <= 0) {
        fputs("usage: store_ceiling FOLDER SECONDS\n", stderr);
        return 2;
    }
    strbuf_init(&ceiling.payload);
    enum status status = open_stores(&ceiling, argv[1], &err);
    if (status == OK)
        status = store_for(&ceiling, atoi(argv[2]) * INT64_C(1000), &rate, &err);
    order_store_close(ceiling.orders);
    outbox_close(ceiling.outbox);
    db_close(ceiling.db);
    strbuf_release(&ceiling.payload);
    if (status != OK) {
        fprintf(stderr, "store_ceiling: %s\n", err.text);
        return 1;
    }
    printf("%.0f\n", rate);
    return 0;
}
