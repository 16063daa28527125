#include "orderctl/adapters/audit_copy.h"

#include "base/strbuf.h"
#include "event/codec.h"
#include "event/dead_letter.h"
#include "event/envelope.h"
#include "orderctl/adapters/audit_balance.h"
#include "store/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADD_ROW, ADD_RECORD, ADD_EVENT, ADD_LINE, FIND_END, FIND_TOPIC, N_STATEMENTS };

static const char *const statements[N_STATEMENTS] = {
    [ADD_ROW] = "INSERT INTO outbox_rows VALUES (?,?,?,?,?,?,?,?)",
    [ADD_RECORD] = "INSERT OR IGNORE INTO records VALUES (?,?,?,?,?,?,?,?)",
    [ADD_EVENT] = "INSERT OR IGNORE INTO events VALUES (?,?,?,?,?,?,?,0)",
    [ADD_LINE] = "INSERT OR IGNORE INTO lines VALUES (?,?,?,?,?)",
    [FIND_END] = "SELECT end FROM extents WHERE topic = ? AND partition = ?",
    [FIND_TOPIC] = "SELECT topic FROM topics WHERE name = ?",
};

struct audit_copy {
    struct db *books;
    const char *cluster_id;
    sqlite3_stmt *stmt[N_STATEMENTS];
};

enum status audit_copy_open(struct db *books, const char *cluster_id, struct audit_copy **out,
                            struct error *err) {
    struct audit_copy *copy = calloc(1, sizeof *copy);
    if (!copy)
        abort();
    copy->books = books;
    copy->cluster_id = cluster_id;
    enum status status = OK;
    for (int i = 0; status == OK && i < N_STATEMENTS; i++)
        status = db_prepare(books, statements[i], &copy->stmt[i], err);
    if (status != OK) {
        audit_copy_close(copy);
        return status;
    }
    *out = copy;
    return OK;
}

void audit_copy_close(struct audit_copy *copy) {
    if (!copy)
        return;
    for (int i = 0; i < N_STATEMENTS; i++)
        sqlite3_finalize(copy->stmt[i]);
    free(copy);
}

static uint64_t hash_bytes(uint64_t digest, struct bytes bytes) {
    const int64_t len = bytes.data ? (int64_t)bytes.len : -1;
    digest = audit_digest(digest, &len, sizeof len);
    return bytes.data ? audit_digest(digest, bytes.data, bytes.len) : digest;
}

/* Of everything that makes a record: two with one event id that differ in a byte
 * differ here. */
static int64_t digest_of(const struct record *record) {
    uint64_t digest = hash_bytes(AUDIT_DIGEST_EMPTY, record->key);
    digest = hash_bytes(digest, record->value);
    struct record_walk walk = record_walk(record);
    struct record_header header;
    while (record_walk_next(&walk, &header)) {
        digest = audit_digest(digest, header.name, strlen(header.name) + 1);
        digest = hash_bytes(digest, header.value);
    }
    return (int64_t)digest;
}

enum status audit_copy_orders(struct audit_copy *copy, struct error *err) {
    return db_exec(
        copy->books,
        "INSERT OR IGNORE INTO events SELECT event_id, '/order-service', 0, order_id, customer_id,"
        " order_id, '', 1 FROM orders.orders;"
        "INSERT OR IGNORE INTO lines SELECT event_id, '/order-service', line.key,"
        " line.value ->> 'productId', line.value ->> 'quantity' FROM orders.orders,"
        " json_each(CASE json_valid(payload) WHEN 1 THEN payload ELSE '{}' END, '$.products')"
        " AS line",
        err);
}

/* --- events --- */

static enum status add_event(struct audit_copy *copy, const struct event *event,
                             const char *subject, const char *detail, struct error *err) {
    sqlite3_stmt *add = copy->stmt[ADD_EVENT];
    db_bind_text(add, 1, event->envelope.id);
    db_bind_text(add, 2, event->envelope.source);
    sqlite3_bind_int(add, 3, (int)event->type);
    db_bind_text(add, 4, subject);
    db_bind_text(add, 5, detail);
    db_bind_text(add, 6, event->envelope.correlation);
    db_bind_text(add, 7, event->envelope.causation);
    return db_run(add, err);
}

static enum status add_order(struct audit_copy *copy, const struct event *event,
                             struct error *err) {
    const struct order *order = &event->order;
    sqlite3_stmt *add = copy->stmt[ADD_LINE];
    enum status status = add_event(copy, event, order->order_id, order->customer_id, err);
    for (size_t i = 0; status == OK && i < order->n_lines; i++) {
        db_bind_text(add, 1, event->envelope.id);
        db_bind_text(add, 2, event->envelope.source);
        sqlite3_bind_int64(add, 3, (int64_t)i);
        db_bind_text(add, 4, order->lines[i].product_id);
        sqlite3_bind_int64(add, 5, order->lines[i].quantity);
        status = db_run(add, err);
    }
    return status;
}

static enum status add_inventory_empty(struct audit_copy *copy, const struct event *event,
                                       struct error *err) {
    return add_event(copy, event, event->inventory_empty.product_id, "", err);
}

/* Those of our services are what their effects imply; only others are news. */
static enum status add_action(struct audit_copy *copy, const struct event *event,
                              struct error *err) {
    const struct logging_action *action = &event->logging_action;
    char own_source[ID_SIZE + 1];
    snprintf(own_source, sizeof own_source, "/%s", action->service_name);
    if (strcmp(event->envelope.source, own_source) == 0)
        return OK;
    return add_event(copy, event, action->service_name, action->action, err);
}

static enum status (*const adders[N_EVENT_TYPES])(struct audit_copy *, const struct event *,
                                                  struct error *) = {
    [EVENT_NEW_ORDER] = add_order,
    [EVENT_INVENTORY_EMPTY] = add_inventory_empty,
    [EVENT_NEW_LOGGING_ACTION] = add_action,
};

/* Reads the event as the consumers do. *out_is_good: they take it for one; what
 * there is of its envelope is in `out` also when they do not. */
static void read_event(const struct audit_copy *copy, enum event_type type,
                       const struct record *record, struct event *out, bool *out_is_good) {
    struct contract_faults faults;
    out->type = type;
    out->envelope = (struct envelope){.time_ms = record->timestamp_ms};
    *out_is_good = envelope_read(&out->envelope, record, copy->cluster_id, event_type_name(type),
                                 NULL) == OK &&
                   event_decode(record->value.data, record->value.len, out, &faults) == OK;
    if (*out_is_good)
        event_correlate(out);
}

/* --- outboxes --- */

/* -1: none of the shop's. */
static enum status find_topic(struct audit_copy *copy, const char *name, int *out,
                              struct error *err) {
    sqlite3_stmt *find = copy->stmt[FIND_TOPIC];
    bool row;
    db_bind_text(find, 1, name);
    enum status status = db_step(find, &row, err);
    if (status != OK)
        return status;
    *out = row ? sqlite3_column_int(find, 0) : -1;
    db_reset(find);
    return OK;
}

/* Of the rows that are events, only the inventory-empties are known from
 * nowhere else: orders are in the order-service's table. */
static enum status copy_row(struct audit_copy *copy, const struct audit_instance *instance,
                            sqlite3_stmt *row, struct error *err) {
    struct outbox_row found;
    struct event event;
    char source[ID_SIZE + 1];
    int topic = -1;
    bool is_good = false;
    const char *service = instance->database->service;
    enum status status = outbox_row_read(row, service, &found, err);
    if (status == OK)
        status = find_topic(copy, found.record.topic, &topic, err);
    if (status == OK && topic == EVENT_INVENTORY_EMPTY) {
        read_event(copy, EVENT_INVENTORY_EMPTY, &found.record, &event, &is_good);
        if (is_good)
            status = add_inventory_empty(copy, &event, err);
    }
    if (status != OK)
        return status;

    sqlite3_stmt *add = copy->stmt[ADD_ROW];
    snprintf(source, sizeof source, "/%s", service);
    db_bind_text(add, 1, service);
    sqlite3_bind_int64(add, 2, found.seq);
    sqlite3_bind_int(add, 3, topic);
    db_bind_text(add, 4, found.id);
    db_bind_text(add, 5, source);
    sqlite3_bind_int64(add, 6, digest_of(&found.record));
    sqlite3_bind_int64(add, 7, found.created_ms);
    db_bind_text(add, 8, instance->label);
    return db_run(add, err);
}

enum status audit_copy_outbox(struct audit_copy *copy, const struct audit_instance *instance,
                              struct error *err) {
    struct strbuf sql;
    sqlite3_stmt *rows = NULL;
    bool found = true;
    strbuf_init(&sql);
    strbuf_printf(&sql, "SELECT " OUTBOX_ROW " FROM %s.outbox ORDER BY seq", instance->name);
    enum status status = db_prepare(copy->books, sql.data, &rows, err);
    while (status == OK && found) {
        status = db_step(rows, &found, err);
        if (status == OK && found)
            status = copy_row(copy, instance, rows, err);
    }
    sqlite3_finalize(rows);
    strbuf_release(&sql);
    return status == OK ? OK : error_wrap(err, status, "the %s's outbox", instance->label);
}

/* --- topics --- */

static enum status was_there(struct audit_copy *copy, int topic, const struct record *record,
                             bool *out, struct error *err) {
    sqlite3_stmt *find = copy->stmt[FIND_END];
    bool row;
    sqlite3_bind_int(find, 1, topic);
    sqlite3_bind_int(find, 2, record->partition);
    enum status status = db_step(find, &row, err);
    if (status != OK)
        return status;
    *out = row && record->offset < sqlite3_column_int64(find, 0);
    db_reset(find);
    return OK;
}

/* The place of the record that a dead letter was, as outboxes name it; "" for
 * what is no dead letter. */
static void name_letter(const struct record *record, char *out, size_t size) {
    struct dead_letter parts;
    dead_letter_read(record, &parts);
    *out = '\0';
    if (parts.topic.data && parts.partition.data && parts.offset.data)
        snprintf(out, size, "%.*s/%.*s/%.*s", (int)parts.topic.len, (const char *)parts.topic.data,
                 (int)parts.partition.len, (const char *)parts.partition.data,
                 (int)parts.offset.len, (const char *)parts.offset.data);
}

static enum status add_record(struct audit_copy *copy, int topic, const struct record *record,
                              const struct envelope *envelope, bool is_good, struct error *err) {
    sqlite3_stmt *add = copy->stmt[ADD_RECORD];
    sqlite3_bind_int(add, 1, topic);
    sqlite3_bind_int(add, 2, record->partition);
    sqlite3_bind_int64(add, 3, record->offset);
    db_bind_text(add, 4, envelope->id);
    db_bind_text(add, 5, envelope->source);
    sqlite3_bind_int64(add, 6, digest_of(record));
    sqlite3_bind_int64(add, 7, envelope->time_ms);
    sqlite3_bind_int(add, 8, is_good);
    return db_run(add, err);
}

static enum status copy_letter(struct audit_copy *copy, int topic, const struct record *record,
                               struct error *err) {
    struct envelope envelope = {.time_ms = record->timestamp_ms};
    name_letter(record, envelope.id, sizeof envelope.id);
    return *envelope.id ? add_record(copy, topic, record, &envelope, false, err) : OK;
}

static enum status copy_event(struct audit_copy *copy, int topic, const struct record *record,
                              struct error *err) {
    struct event event;
    bool is_good;
    read_event(copy, (enum event_type)topic, record, &event, &is_good);
    enum status status = add_record(copy, topic, record, &event.envelope, is_good, err);
    if (status == OK && is_good)
        status = adders[topic](copy, &event, err);
    return status;
}

enum status audit_copy_record(struct audit_copy *copy, int topic, const struct record *record,
                              struct error *err) {
    bool is_wanted;
    enum status status = was_there(copy, topic, record, &is_wanted, err);
    if (status != OK || !is_wanted)
        return status;
    return topic < N_EVENT_TYPES ? copy_event(copy, topic, record, err)
                                 : copy_letter(copy, topic, record, err);
}

/* --- what cannot be seen --- */

static const char gaps[] =
    "CREATE INDEX outbox_rows_by_event ON outbox_rows (event_id, source, topic);"
    "CREATE INDEX records_by_event ON records (event_id);"
    "INSERT OR IGNORE INTO incomplete SELECT topic, 1, 'its oldest records are gone' FROM extents"
    " WHERE first > 0 GROUP BY topic;"
    "INSERT OR IGNORE INTO incomplete SELECT t.topic, 0, 'there was another cluster before'"
    " FROM topics AS t, positions AS p, audit AS a WHERE p.cluster_id <> a.cluster_id"
    " GROUP BY t.topic;";

static const char no_topics[] =
    "INSERT OR REPLACE INTO incomplete SELECT topic, 0, 'it was not read' FROM topics;";

/* An effect whose event stands in no book is unexplained, unless there are
 * records that cannot be seen, and it may be one of those: an event of another
 * program, or one of ours from before what outboxes keep. An order of ours is
 * always in the order-service's table. */
static const char unseen[] =
    "INSERT OR IGNORE INTO unseen SELECT event_id FROM inventory.movements AS m"
    " WHERE EXISTS (SELECT 1 FROM incomplete WHERE topic = 0)"
    " AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.event_id = m.event_id)"
    " AND NOT EXISTS (SELECT 1 FROM inventory.inbox AS i WHERE i.event_id = m.event_id"
    "  AND i.source = '/order-service')"
    " AND (moved_ms < (SELECT remember_since_ms FROM audit) OR EXISTS (SELECT 1 FROM"
    "  inventory.inbox AS i WHERE i.event_id = m.event_id));"
    "INSERT OR IGNORE INTO unseen SELECT event_id FROM notices AS n"
    " WHERE EXISTS (SELECT 1 FROM incomplete WHERE topic = CASE kind WHEN 'order' THEN 0 ELSE 1"
    "  END)"
    " AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.event_id = n.event_id)"
    " AND (sent_ms < (SELECT keep_since_ms FROM audit) OR EXISTS (SELECT 1 FROM"
    "  inboxes AS i WHERE i.service = 'notification-service' AND i.event_id = n.event_id"
    "  AND i.source NOT IN (SELECT source FROM producers)));"
    "INSERT OR IGNORE INTO unseen SELECT event_id FROM journal_rows AS a"
    " WHERE EXISTS (SELECT 1 FROM incomplete WHERE topic = 2)"
    " AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.event_id = a.event_id)"
    " AND NOT EXISTS (SELECT 1 FROM outbox_rows AS o WHERE o.event_id = a.event_id)"
    " AND NOT EXISTS (SELECT 1 FROM records AS r WHERE r.event_id = a.event_id)"
    " AND (logged_ms < (SELECT keep_since_ms FROM audit) OR EXISTS (SELECT 1 FROM"
    "  inboxes AS i WHERE i.service = 'logging-service' AND i.event_id = a.event_id"
    "  AND i.source NOT IN (SELECT source FROM producers)));"
    "ANALYZE main";

enum status audit_copy_finish(struct audit_copy *copy, bool has_broker, struct error *err) {
    enum status status = db_exec(copy->books, gaps, err);
    if (status == OK && !has_broker)
        status = db_exec(copy->books, no_topics, err);
    if (status == OK)
        status = db_exec(copy->books, unseen, err);
    return status;
}
