/*
 * hot_paths MODE FOLDER TIMES: the three paths that every order takes, without
 * network and waiting, so that their instructions can be counted:
 *
 *   order    decode, validate and encode an order, TIMES over
 *   apply    the inventory-service's work: TIMES batches of 128 orders
 *   publish  hand TIMES batches of 128 events of an outbox to librdkafka
 *
 * What TIMES = 2n takes more than TIMES = n is the cost of n: starting is not
 * in it. `publish` has a broker that is never there; the events are dropped.
 */
#include "bench/sample_order.h"
#include "bus/publisher.h"
#include "event/codec.h"
#include "inventory/handlers.h"
#include "order/adapters/catalogue_file.h"
#include "order/domain/checkout.h"
#include "store/inbox.h"
#include "store/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 128 };

static const char *const topics[N_EVENT_TYPES] = {"new-order-topic", "inventory-empty-topic",
                                                  "new-logging-action-topic"};

static void demand(enum status status, const struct error *err) {
    if (status == OK)
        return;
    fprintf(stderr, "hot_paths: %s\n", err->text);
    exit(1);
}

static void run_order(const char *folder, int times) {
    struct catalogue catalogue = {0};
    struct error err;
    struct strbuf body, encoded;
    (void)folder;
    demand(catalogue_load("tests/bench/catalogue.json", &catalogue, &err), &err);
    strbuf_init(&body);
    strbuf_init(&encoded);
    for (int i = 0; i < times; i++) {
        struct order order;
        struct contract_faults faults;
        size_t line;
        strbuf_reset(&body);
        strbuf_reset(&encoded);
        sample_order_body("HOT", 0, &body);
        if (order_decode(body.data, body.len, ORDER_REQUEST, &order, &faults) != OK ||
            checkout_decide(&order, NULL, &catalogue, &line) != CHECKOUT_ACCEPTED)
            abort();
        order_encode(&order, &encoded);
    }
    catalogue_release(&catalogue);
    strbuf_release(&body);
    strbuf_release(&encoded);
}

/* A database with an outbox and an inbox, as consumers have them. */
struct stores {
    struct db *db;
    struct outbox *outbox;
    struct inbox *inbox;
};

static void stores_open(struct stores *stores, const char *folder) {
    static const char *const schema[] = {
        OUTBOX_SCHEMA INBOX_SCHEMA STOCK_STORE_SCHEMA,
        OUTBOX_SCHEMA_2 INBOX_SCHEMA_2 STOCK_STORE_SCHEMA_2,
        OUTBOX_SCHEMA_3,
        INBOX_SCHEMA_3,
    };
    const struct db_schema steps = {schema, sizeof schema / sizeof *schema};
    char path[4096];
    struct error err;
    snprintf(path, sizeof path, "%s/hot.db", folder);
    demand(db_open_writer(path, &steps, &stores->db, &err), &err);
    demand(outbox_open(stores->db, "inventory-service", topics, &stores->outbox, &err), &err);
    demand(inbox_open(stores->db, &stores->inbox, &err), &err);
}

static void stores_close(struct stores *stores) {
    inbox_close(stores->inbox);
    outbox_close(stores->outbox);
    db_close(stores->db);
}

/* As a consumer is given it: bytes and headers. */
static void handle_once(struct inventory_service *service, struct inbox *inbox, uint64_t number,
                        struct strbuf *value) {
    struct event sent = {.type = EVENT_NEW_ORDER}, event = {.type = EVENT_NEW_ORDER};
    struct envelope_text text;
    struct record record = {.topic = topics[EVENT_NEW_ORDER]};
    struct contract_faults faults;
    struct error err;
    bool is_new;
    sample_order("HOT", number, &sent.order);
    envelope_init(&sent.envelope, "order-service", NULL);
    envelope_write(&sent.envelope, event_type_name(sent.type), &text, &record);
    strbuf_reset(value);
    event_encode(&sent, value);
    demand(envelope_read(&event.envelope, &record, "bench", event_type_name(event.type), &err),
           &err);
    if (event_decode(value->data, value->len, &event, &faults) != OK)
        abort();
    event_correlate(&event);
    demand(inbox_insert(inbox, &event.envelope, &is_new, &err), &err);
    demand(handle_new_order(service, &event, &err), &err);
}

static void run_apply(const char *folder, int times) {
    struct stores stores;
    struct error err;
    struct strbuf value;
    stores_open(&stores, folder);
    const struct service_context context = {.db = stores.db, .outbox = stores.outbox};
    struct inventory_service service = {.context = &context};
    demand(stock_store_open(stores.db, &service.stock, &err), &err);
    strbuf_init(&value);
    for (int i = 0; i < times; i++) {
        demand(db_exec(stores.db, "BEGIN IMMEDIATE", &err), &err);
        begin_batch(&service);
        for (int j = 0; j < BATCH; j++)
            handle_once(&service, stores.inbox, (uint64_t)(i * BATCH + j), &value);
        demand(end_batch(&service, &err), &err);
        demand(db_exec(stores.db, "COMMIT", &err), &err);
        outbox_committed(stores.outbox);
    }
    strbuf_release(&value);
    stock_store_close(service.stock);
    stores_close(&stores);
}

static void drop(void *context, uint64_t tag, enum status status, const char *reason) {
    (void)context;
    (void)tag;
    (void)status;
    (void)reason;
}

static void fill_outbox(const char *folder) {
    struct stores stores;
    struct error err;
    stores_open(&stores, folder);
    demand(db_exec(stores.db, "BEGIN IMMEDIATE", &err), &err);
    for (int i = 0; i < BATCH; i++) {
        struct event event = {.type = EVENT_NEW_ORDER};
        sample_order("HOT", (uint64_t)i, &event.order);
        demand(outbox_append(stores.outbox, &event, NULL, &err), &err);
    }
    demand(db_exec(stores.db, "COMMIT", &err), &err);
    stores_close(&stores);
}

static void publish_batch(struct outbox_reader *reader, struct publisher *publisher) {
    struct outbox_row row;
    struct error err;
    bool found;
    outbox_reader_seek(reader, 0);
    for (uint64_t i = 0; i < BATCH; i++) {
        demand(outbox_reader_next(reader, &row, &found, &err), &err);
        demand(publisher_send(publisher, &row.record, i, &err), &err);
    }
    outbox_reader_pause(reader);
}

static void run_publish(const char *folder, int times) {
    const struct kafka_config kafka = {"127.0.0.1:1", "", "bench"};
    const struct publisher_events events = {.delivered = drop, .wake_fd = -1};
    char path[4096];
    struct error err;
    struct db *db;
    struct outbox_reader *reader;
    struct publisher *publisher;
    fill_outbox(folder);
    snprintf(path, sizeof path, "%s/hot.db", folder);
    demand(db_open_reader(path, &db, &err), &err);
    demand(outbox_reader_open(db, "inventory-service", &reader, &err), &err);
    demand(publisher_open(&kafka, &events, &publisher, &err), &err);
    for (int i = 0; i < times; i++)
        publish_batch(reader, publisher);
    publisher_close(publisher);
    outbox_reader_close(reader);
    db_close(db);
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(const char *folder, int times);
    } modes[] = {{"order", run_order}, {"apply", run_apply}, {"publish", run_publish}};
    for (size_t i = 0; argc == 4 && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            modes[i].run(argv[2], atoi(argv[3]));
            return 0;
        }
    }
    fputs("usage: hot_paths order|apply|publish FOLDER TIMES\n", stderr);
    return 2;
}
