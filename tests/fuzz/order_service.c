#include "fuzz/order_service.h"

#include "fuzz/nameless_db.h"
#include "order/adapters/catalogue_file.h"
#include "order/adapters/customer_index.h"

#include <assert.h>

static const char catalogue_path[] = "services/order/catalogue.json";
static const char *const schema_steps[] = {OUTBOX_SCHEMA ORDER_STORE_SCHEMA,
                                           OUTBOX_SCHEMA_2 ORDER_STORE_SCHEMA_2,
                                           OUTBOX_SCHEMA_3 CUSTOMER_INDEX_SCHEMA};
static const struct db_schema schema = {schema_steps, sizeof schema_steps / sizeof *schema_steps};
static const char *const topics[N_EVENT_TYPES] = {"orders", "empty", "actions"};

static struct service_context context;
static const struct order_config config = {.catalogue_file = catalogue_path,
                                           .backlog_max = INT64_MAX};
static struct order_service service = {.context = &context, .config = &config};

static void note_commit(void *outbox) {
    outbox_committed(outbox);
}

static enum status open_context(struct error *err) {
    nameless_db_open(&schema, &context.db, &context.reader);
    enum status status = outbox_open(context.db, "order-service", topics, &context.outbox, err);
    const struct writer_config writer = {
        .batch_max = 8, .queue_max = 8, .committed = note_commit, .context = context.outbox};
    context.metrics = metrics_new();
    return status == OK ? writer_open(context.db, &writer, &context.writer, err) : status;
}

static enum status open_service(struct error *err) {
    enum status status = order_store_open(context.db, &service.orders, err);
    if (status == OK)
        status = order_store_open(context.reader, &service.reader, err);
    if (status == OK)
        status = catalogue_load(catalogue_path, &service.catalogue, err);
    service.n_accepted = metrics_counter(context.metrics, "accepted_total", "", "");
    service.n_repeated = metrics_counter(context.metrics, "repeated_total", "", "");
    service.n_refused = metrics_counter(context.metrics, "refused_total", "", "");
    return status;
}

struct order_service *order_service(void) {
    struct error err;
    if (!context.writer)
        assert(open_context(&err) == OK && open_service(&err) == OK);
    return &service;
}

static enum status delete_rows(void *db, struct error *err) {
    return db_exec(db, "DELETE FROM orders; DELETE FROM customer_orders; DELETE FROM outbox", err);
}

void order_service_forget(void) {
    struct error err;
    assert(writer_run(context.writer, delete_rows, context.db, &err) == OK);
    order_store_close(service.reader); /* it knows of the last orders */
    assert(order_store_open(context.reader, &service.reader, &err) == OK);
}
