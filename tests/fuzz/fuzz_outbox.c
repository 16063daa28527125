/* A record's way through the outbox: its headers are kept in a form of their own. */
#include "fuzz/fuzz.h"
#include "fuzz/nameless_db.h"
#include "fuzz/record_text.h"
#include "store/outbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const topics[N_EVENT_TYPES] = {"orders", "empty", "actions"};
static const char *const steps[] = {OUTBOX_SCHEMA, OUTBOX_SCHEMA_2, OUTBOX_SCHEMA_3};
static const struct db_schema schema = {steps, sizeof steps / sizeof *steps};

static struct db *db;
static struct outbox *outbox;
static struct outbox_reader *reader;
static sqlite3_stmt *set_headers, *delete_rows;

/* All is done in one transaction, which is never committed. */
static void open_outbox(void) {
    struct db *unused;
    struct error err;
    nameless_db_open(&schema, &db, &unused);
    db_close(unused);
    assert(db_exec(db, "BEGIN IMMEDIATE", &err) == OK);
    assert(outbox_open(db, "order-service", topics, &outbox, &err) == OK);
    assert(outbox_reader_open(db, "order-service", &reader, &err) == OK);
    assert(db_prepare(db, "UPDATE outbox SET headers = ?", &set_headers, &err) == OK);
    assert(db_prepare(db, "DELETE FROM outbox", &delete_rows, &err) == OK);
}

static bool is_same(struct bytes a, struct bytes b) {
    if (!a.data || !b.data)
        return !a.data && !b.data;
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* The table has one row at a time. */
static enum status read_row(struct outbox_row *out, struct error *err) {
    bool is_found = false;
    outbox_reader_seek(reader, 0);
    enum status status = outbox_reader_next(reader, out, &is_found, err);
    assert(status != OK || is_found);
    return status;
}

static void forget_row(void) {
    outbox_reader_pause(reader);
    assert(db_run(delete_rows, NULL) == OK);
}

static void check_round_trip(const struct record *record) {
    struct outbox_row row;
    struct error err;
    assert(outbox_append_record(outbox, "id", record, &err) == OK);
    assert(read_row(&row, &err) == OK);
    assert(strcmp(row.record.topic, record->topic) == 0);
    assert(is_same(row.record.key, record->key) && is_same(row.record.value, record->value));
    struct record_walk walk = record_walk(record), row_walk = record_walk(&row.record);
    struct record_header header, row_header;
    while (record_walk_next(&walk, &header)) {
        assert(record_walk_next(&row_walk, &row_header));
        assert(strcmp(row_header.name, header.name) == 0);
        assert(is_same(row_header.value, header.value));
    }
    assert(!record_walk_next(&row_walk, &row_header));
    forget_row();
}

static void check_lines(const uint8_t *data, size_t size) {
    struct record record = {.topic = "orders", .value = {data, size}};
    char *text = malloc(size + 1);
    assert(text);
    if (size > 0)
        memcpy(text, data, size);
    record_text_read(text, size, RECORD_HEADERS_MAX, &record);
    if (record.n_headers > 0)
        record.key = record.headers[0].value;
    check_round_trip(&record);
    free(text);
}

/* Bytes in place of a row's headers: refused, or headers that take just these bytes. */
static void check_damaged(const uint8_t *data, size_t size) {
    const struct record record = {.topic = "orders"};
    struct outbox_row row;
    struct error err = {""};
    assert(outbox_append_record(outbox, "id", &record, &err) == OK);
    db_bind_blob(set_headers, 1, size > 0 ? (const void *)data : "", size);
    assert(db_run(set_headers, &err) == OK);
    if (read_row(&row, &err) == OK) {
        size_t n_bytes = 0;
        struct record_walk walk = record_walk(&row.record);
        struct record_header header;
        while (record_walk_next(&walk, &header))
            n_bytes += strlen(header.name) + 1 + sizeof(int32_t) + header.value.len;
        assert(n_bytes == size);
    } else {
        assert(*err.text);
    }
    forget_row();
}

void fuzz_outbox(const uint8_t *data, size_t size) {
    if (!outbox)
        open_outbox();
    check_lines(data, size);
    check_damaged(data, size);
}
