/*
 * A service without its daemon: a database with its writer, outbox and inbox,
 * and a Kafka cluster, all inside the test. What it reads, it reads through a
 * connection of its own.
 */
#pragma once

#include "runtime/config.h"
#include "runtime/metrics.h"
#include "store/inbox.h"
#include "store/outbox.h"
#include "store/writer.h"
#include "unit/bus/mock_cluster.h"
#include "unit/store/folder.h"

#include <time.h>

#define ORDERS "orders"

enum { SHOP_PATIENCE_MS = 20000 };

struct shop {
    struct mock_cluster mock;
    struct folder folder;
    char db_path[128], kafka_file[128];
    struct config config;
    struct db *db, *reader_db;
    struct writer *writer;
    struct outbox *outbox;
    struct inbox *inbox;
    struct metrics *metrics;
    void (*committed)(void *context); /* after each commit; NULL: nothing */
    void *context;
};

static inline void shop_on_committed(void *context) {
    struct shop *shop = context;
    outbox_committed(shop->outbox);
    if (shop->committed)
        shop->committed(shop->context);
}

static inline void shop_open_database(struct shop *shop) {
    static const char *const steps[] = {
        OUTBOX_SCHEMA INBOX_SCHEMA OUTBOX_SCHEMA_2 INBOX_SCHEMA_2 OUTBOX_SCHEMA_3 INBOX_SCHEMA_3
        "CREATE TABLE effects (seq INTEGER PRIMARY KEY, event_id TEXT,"
        " order_id TEXT) STRICT"};
    const struct writer_config writer = {
        .batch_max = 512, .queue_max = 2048, .committed = shop_on_committed, .context = shop};
    struct error err;
    if (db_open_writer(shop->db_path, &(struct db_schema){steps, 1}, &shop->db, &err) != OK ||
        outbox_open(shop->db, "inventory-service", shop->config.topics, &shop->outbox, &err) !=
            OK ||
        inbox_open(shop->db, &shop->inbox, &err) != OK ||
        writer_open(shop->db, &writer, &shop->writer, &err) != OK ||
        db_open_reader(shop->db_path, &shop->reader_db, &err) != OK)
        fail_msg("%s", err.text);
    shop->metrics = metrics_new();
}

static inline void shop_close_database(struct shop *shop) {
    writer_close(shop->writer);
    inbox_close(shop->inbox);
    outbox_close(shop->outbox);
    db_close(shop->reader_db);
    db_close(shop->db);
    metrics_free(shop->metrics);
}

static inline void shop_open(struct shop *shop) {
    *shop = (struct shop){.config = {
                              .kafka = {.config_file = "", .client_id = "inventory-service"},
                              .topics = {ORDERS, "empty", "actions"},
                              .topic_partitions = MOCK_PARTITIONS,
                              .topic_replication_factor = 1,
                              .consumer_group = "inventory-service-group",
                              .outbox_retention_hours = 1,
                              .inbox_retention_hours = 2,
                          }};
    mock_cluster_open(&shop->mock);
    mock_topic_create(&shop->mock, ORDERS);
    shop->config.kafka.brokers = shop->mock.brokers;
    folder_make(&shop->folder);
    folder_path(&shop->folder, "inventory.db", shop->db_path);
    shop_open_database(shop);
}

/* After shop_close_database. */
static inline void shop_close(struct shop *shop) {
    folder_remove(&shop->folder);
    mock_cluster_close(&shop->mock);
}

/* Sets librdkafka's properties, "name=value\n…". */
static inline void shop_set_kafka_properties(struct shop *shop, const char *text) {
    folder_path(&shop->folder, "kafka.properties", shop->kafka_file);
    FILE *file = fopen(shop->kafka_file, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    shop->config.kafka.config_file = shop->kafka_file;
}

/* A number out of the database, as a reader sees it. */
static inline int64_t shop_count(struct shop *shop, const char *sql) {
    sqlite3_stmt *stmt;
    bool row;
    assert_int_equal(db_prepare(shop->reader_db, sql, &stmt, NULL), OK);
    assert_int_equal(db_step(stmt, &row, NULL), OK);
    int64_t n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return n;
}

/* Waits until the database says so; fails the test when it takes too long. */
static inline void shop_wait_for(struct shop *shop, const char *sql, int64_t expected) {
    int64_t deadline = clock_monotonic_ms() + SHOP_PATIENCE_MS;
    int64_t n = shop_count(shop, sql);
    while (n != expected && clock_monotonic_ms() < deadline) {
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        n = shop_count(shop, sql);
    }
    if (n != expected)
        fail_msg("%s: %lld, not %lld", sql, (long long)n, (long long)expected);
}

/* Waits until /metrics has this line: batches are counted once they are
 * committed. Fails the test when it takes too long. */
static inline void shop_assert_metric(struct shop *shop, const char *line) {
    int64_t deadline = clock_monotonic_ms() + SHOP_PATIENCE_MS;
    struct strbuf text;
    strbuf_init(&text);
    metrics_render(shop->metrics, &text);
    while (!strstr(text.data, line) && clock_monotonic_ms() < deadline) {
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        strbuf_reset(&text);
        metrics_render(shop->metrics, &text);
    }
    if (!strstr(text.data, line))
        fail_msg("no line \"%s\" in:\n%s", line, text.data);
    strbuf_release(&text);
}
