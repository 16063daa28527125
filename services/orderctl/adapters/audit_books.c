#include "orderctl/adapters/audit_books.h"

#include "base/clock.h"
#include "bus/topic_reader.h"
#include "orderctl/adapters/audit_copy.h"
#include "orderctl/adapters/audit_laws.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MEGABYTE = 1 << 20 };

const struct audit_database audit_databases[AUDIT_DATABASES] = {
    {"orders", "order-service", "order.db", 4, 1},
    {"inventory", "inventory-service", "inventory.db", 4, 1},
    {"notification", "notification-service", "notification.db", 4, AUDIT_FOLDERS_MAX},
    {"logging", "logging-service", "logging.db", 4, AUDIT_FOLDERS_MAX},
};

/* A topic is the number of its event type; its dead letters' is N_EVENT_TYPES
 * higher. */
enum { N_TOPICS = 2 * N_EVENT_TYPES };

struct audit_books {
    struct audit_books_config config;
    struct db *db;
    struct audit_instance instances[AUDIT_INSTANCES_MAX];
    size_t n_instances;
    char topics[N_TOPICS][TOPIC_NAME_SIZE];
    int64_t spans[N_TOPICS];          /* how many records, at the last look */
    char cluster_id[CLUSTER_ID_SIZE]; /* "": no broker was asked */
};

static const char tables[] =
    "CREATE TABLE audit (keep_since_ms INTEGER, remember_since_ms INTEGER, cluster_id TEXT);"
    "CREATE TABLE instances (name TEXT, label TEXT, file TEXT);"
    "CREATE TABLE topics (topic INTEGER PRIMARY KEY, name TEXT);"
    "CREATE TABLE consumers (service TEXT, topic INTEGER);"
    "INSERT INTO consumers VALUES ('inventory-service', 0), ('notification-service', 0),"
    " ('notification-service', 1), ('logging-service', 2);"
    "CREATE TABLE producers (source TEXT PRIMARY KEY, service TEXT);"
    "INSERT INTO producers VALUES ('/order-service', 'order-service'),"
    " ('/inventory-service', 'inventory-service'),"
    " ('/notification-service', 'notification-service');"
    /* The topics' partitions at the last look. */
    "CREATE TABLE extents (topic INTEGER, partition INTEGER, first INTEGER, end INTEGER,"
    " PRIMARY KEY (topic, partition));"
    /* Topics of which not every record can be seen, and why. */
    "CREATE TABLE incomplete (topic INTEGER PRIMARY KEY, is_trimmed INTEGER, why TEXT);"
    /* Dead letters are known by the place of the record that they were. */
    "CREATE TABLE outbox_rows (service TEXT, seq INTEGER, topic INTEGER, event_id TEXT,"
    " source TEXT, digest INTEGER, created_ms INTEGER, instance TEXT);"
    "CREATE TABLE records (topic INTEGER, partition INTEGER, offset INTEGER, event_id TEXT,"
    " source TEXT, digest INTEGER, time_ms INTEGER, is_good INTEGER,"
    " PRIMARY KEY (topic, partition, offset)) WITHOUT ROWID;"
    /* Each good event once: new orders, inventory-empties, and the log actions
     * of other programs. Subject and detail: order and customer; product and
     * nothing; acting service and action. */
    "CREATE TABLE events (event_id TEXT, source TEXT, topic INTEGER, subject TEXT, detail TEXT,"
    " correlation TEXT, causation TEXT, is_in_orders INTEGER, PRIMARY KEY (event_id, source))"
    " WITHOUT ROWID;"
    "CREATE TABLE lines (event_id TEXT, source TEXT, line INTEGER, product_id TEXT,"
    " quantity INTEGER, PRIMARY KEY (event_id, source, line)) WITHOUT ROWID;"
    /* Events that had an effect and can themselves no longer be seen. */
    "CREATE TABLE unseen (event_id TEXT PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE accepted (order_id TEXT PRIMARY KEY) WITHOUT ROWID;";

/* The same table of several databases as one. */
static const struct view {
    const char *name, *columns, *table;
    size_t first, last; /* of the databases that have it */
} views[] = {
    {"states", "cluster_id, sent_upto, ever_sent_upto", "outbox_state", 0, 3},
    {"last_rows", "max(seq) AS seq", "outbox", 0, 3},
    {"outboxes", "seq", "outbox", 0, 3},
    {"inboxes", "event_id, source, received_ms", "inbox", 1, 3},
    {"rejections", "cluster_id, topic, partition, offset, rejected_ms", "rejected", 1, 3},
    {"positions", "cluster_id, topic, partition, next_offset", "positions", 1, 3},
    {"notices", "event_id, kind, order_id, product_id, customer_id, sent_ms", "notifications", 2,
     2},
    /* For itself: only so, SQLite searches a database's own index. */
    {"journal_inboxes", "event_id, source", "inbox", 3, 3},
    {"journal_rows", "event_id, service_name, action, order_id, logged_ms", "actions", 3, 3},
};

static bool has_table(const struct audit_instance *instance, const struct view *view) {
    size_t database = (size_t)(instance->database - audit_databases);
    return database >= view->first && database <= view->last;
}

static enum status create_view(const struct audit_books *books, const struct view *view,
                               struct error *err) {
    struct strbuf sql;
    strbuf_init(&sql);
    strbuf_printf(&sql, "CREATE TEMP VIEW %s AS ", view->name);
    const char *between = "";
    for (size_t i = 0; i < books->n_instances; i++) {
        const struct audit_instance *instance = &books->instances[i];
        if (!has_table(instance, view))
            continue;
        strbuf_printf(&sql, "%sSELECT '%s' AS instance, '%s' AS service, %s FROM %s.%s", between,
                      instance->label, instance->database->service, view->columns, instance->name,
                      view->table);
        between = " UNION ALL ";
    }
    enum status status = db_exec(books->db, sql.data, err);
    strbuf_release(&sql);
    return status;
}

/* Runs SQL with text and numbers as its parameters ?1 and ?2, ?3, .... */
static enum status run(struct audit_books *books, const char *sql, const char *text,
                       const int64_t *numbers, int n_numbers, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    enum status status = db_prepare(books->db, sql, &stmt, err);
    if (status == OK) {
        db_bind_text(stmt, 1, text);
        for (int i = 0; i < n_numbers; i++)
            sqlite3_bind_int64(stmt, i + 2, numbers[i]);
        status = db_run(stmt, err);
    }
    sqlite3_finalize(stmt);
    return status;
}

/* Reads a database in the order of its file, so that its pages are in memory:
 * the checks read them in the order of their trees, which takes a disk several
 * times as long. Only a help: what cannot be read, the checks will say. Never
 * while the database is attached: to close a file is to lose the locks that
 * SQLite has on it (sqlite.org/howtocorrupt.html, 2.2). */
static void read_ahead(const struct audit_books *books, const char *folder, const char *file) {
    static char buffer[MEGABYTE];
    struct strbuf path, what;
    struct stat size;
    strbuf_init(&path);
    strbuf_init(&what);
    strbuf_printf(&path, "%s/%s", folder, file);
    strbuf_printf(&what, "reading %s, MB", file);
    FILE *stream = fopen(path.data, "re");
    if (stream && fstat(fileno(stream), &size) == 0)
        for (int64_t n = 0; fread(buffer, 1, sizeof buffer, stream) > 0; n++)
            books->config.progress(what.data, n, size.st_size / MEGABYTE);
    if (stream)
        fclose(stream);
    strbuf_release(&path);
    strbuf_release(&what);
}

/* `number` counts the service's instances from 1. */
static enum status attach_instance(struct audit_books *books, const struct audit_database *database,
                                   size_t number, const char *folder, struct error *err) {
    struct audit_instance *instance = &books->instances[books->n_instances++];
    char suffix[8] = "";
    struct strbuf path, sql;
    instance->database = database;
    if (number > 1)
        snprintf(suffix, sizeof suffix, "%zu", number);
    const char *between = number > 1 ? " " : "";
    snprintf(instance->name, sizeof instance->name, "%s%s%s", database->name, number > 1 ? "_" : "",
             suffix);
    snprintf(instance->label, sizeof instance->label, "%s%s%s", database->service, between, suffix);
    strbuf_init(&path);
    strbuf_init(&sql);
    strbuf_printf(&path, "%s/%s", folder, database->file);
    strbuf_printf(&sql, "INSERT INTO instances VALUES ('%s', '%s', '%s%s%s')", instance->name,
                  instance->label, database->file, between, suffix);
    enum status status = db_attach(books->db, path.data, instance->name, database->version, err);
    if (status == OK)
        status = db_exec(books->db, sql.data, err);
    strbuf_release(&path);
    strbuf_release(&sql);
    return status;
}

static enum status attach_all(struct audit_books *books, struct error *err) {
    enum status status = OK;
    for (size_t i = 0; i < AUDIT_DATABASES; i++)
        for (size_t at = 0; at < books->config.folders[i].n; at++)
            read_ahead(books, books->config.folders[i].paths[at], audit_databases[i].file);
    for (size_t i = 0; i < AUDIT_DATABASES; i++) {
        const struct audit_folders *folders = &books->config.folders[i];
        for (size_t at = 0; status == OK && at < folders->n; at++)
            status = attach_instance(books, &audit_databases[i], at + 1, folders->paths[at], err);
    }
    return status;
}

static enum status note_settings(struct audit_books *books, struct error *err) {
    const struct config *config = books->config.config;
    const int64_t hour_ms = 3600000, now = clock_now_ms();
    const int64_t since[] = {now - config->outbox_retention_hours * hour_ms,
                             now - config->inbox_retention_hours * hour_ms};
    enum status status = run(books, "INSERT INTO audit VALUES (?2, ?3, ?1)", "", since, 2, err);
    for (int64_t topic = 0; status == OK && topic < N_TOPICS; topic++) {
        const char *name = config->topics[topic % N_EVENT_TYPES];
        if (topic < N_EVENT_TYPES)
            snprintf(books->topics[topic], TOPIC_NAME_SIZE, "%s", name);
        else
            config_dead_letter_topic(name, books->topics[topic]);
        status =
            run(books, "INSERT INTO topics VALUES (?2, ?1)", books->topics[topic], &topic, 1, err);
    }
    return status;
}

enum status audit_books_open(const struct audit_books_config *config, struct audit_books **out,
                             struct error *err) {
    struct audit_books *books = calloc(1, sizeof *books);
    if (!books)
        abort();
    books->config = *config;
    enum status status = db_open_scratch(&books->db, err);
    if (status == OK)
        status = db_exec(books->db, tables, err);
    if (status == OK)
        status = attach_all(books, err);
    for (size_t i = 0; status == OK && i < sizeof views / sizeof *views; i++)
        status = create_view(books, &views[i], err);
    if (status == OK)
        status = audit_laws_define(books->db, err);
    if (status == OK)
        status = note_settings(books, err);
    if (status == OK)
        status = db_exec(books->db, "BEGIN", err);
    if (status != OK) {
        audit_books_close(books);
        return status;
    }
    *out = books;
    return OK;
}

void audit_books_close(struct audit_books *books) {
    if (!books)
        return;
    db_close(books->db);
    free(books);
}

struct db *audit_books_db(struct audit_books *books) {
    return books->db;
}

/* --- looking --- */

/* A topic that is not there is one without records. */
static enum status open_topic(struct audit_books *books, int topic, struct topic_reader **out,
                              struct error *err) {
    *out = NULL;
    enum status status = topic_reader_open(&books->config.config->kafka, books->topics[topic],
                                           books->config.broker_timeout_ms, out, err);
    return status == ERR_NOT_FOUND ? OK : status;
}

static enum status note_extents(struct audit_books *books, int topic,
                                const struct topic_reader *reader, struct error *err) {
    size_t n;
    const struct topic_extent *extents = topic_reader_extents(reader, &n);
    enum status status = OK;
    books->spans[topic] = topic_reader_span(reader);
    for (size_t i = 0; status == OK && i < n; i++) {
        const int64_t numbers[] = {topic, extents[i].partition, extents[i].first, extents[i].end};
        status = run(books, "INSERT INTO extents VALUES (?2, ?3, ?4, ?5)", "", numbers, 4, err);
    }
    return status;
}

static enum status look_at_topics(struct audit_books *books, struct error *err) {
    enum status status = db_exec(books->db, "DELETE FROM extents", err);
    if (status == OK)
        status = kafka_cluster_id(&books->config.config->kafka, books->config.broker_timeout_ms,
                                  books->cluster_id, err);
    for (int topic = 0; status == OK && topic < N_TOPICS; topic++) {
        struct topic_reader *reader;
        status = open_topic(books, topic, &reader, err);
        if (status == OK && reader)
            status = note_extents(books, topic, reader, err);
        topic_reader_close(reader);
    }
    if (status == OK)
        status = run(books, "UPDATE audit SET cluster_id = ?1", books->cluster_id, NULL, 0, err);
    return status;
}

/* Everything that happens moves one of these numbers, and none ever goes back. */
static const char state_query[] = "SELECT group_concat(number) FROM ("
                                  "SELECT sent_upto AS number FROM states UNION ALL "
                                  "SELECT ifnull(seq, 0) FROM last_rows UNION ALL "
                                  "SELECT next_offset FROM positions UNION ALL "
                                  "SELECT end FROM extents)";

static enum status read_state(struct audit_books *books, struct strbuf *out, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    enum status status = db_prepare(books->db, state_query, &stmt, err);
    if (status == OK)
        status = db_step(stmt, &row, err);
    strbuf_reset(out);
    if (status == OK && row)
        strbuf_add_str(out, db_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    return status;
}

enum status audit_books_look(struct audit_books *books, struct strbuf *out_state,
                             struct error *err) {
    enum status status = db_exec(books->db, "COMMIT; BEGIN", err);
    if (status == OK && books->config.has_broker)
        status = look_at_topics(books, err);
    if (status == OK)
        status = read_state(books, out_state, err);
    return status;
}

/* --- copying --- */

static enum status copy_outboxes(struct audit_books *books, struct audit_copy *copy,
                                 struct error *err) {
    enum status status = OK;
    for (size_t i = 0; status == OK && i < books->n_instances; i++) {
        const struct audit_instance *instance = &books->instances[i];
        books->config.progress(instance->database->file, (int64_t)i, (int64_t)books->n_instances);
        status = audit_copy_outbox(copy, instance, err);
    }
    return status;
}

static enum status copy_topic(struct audit_books *books, struct audit_copy *copy, int topic,
                              struct error *err) {
    struct topic_reader *reader;
    if (books->spans[topic] == 0)
        return OK;
    enum status status = open_topic(books, topic, &reader, err);
    if (status != OK || !reader)
        return status;
    int64_t n_all = topic_reader_span(reader);
    bool found = true;
    for (int64_t n = 0; status == OK && found; n++) {
        struct record record;
        status = topic_reader_next(reader, &record, &found, err);
        if (status == OK && found)
            status = audit_copy_record(copy, topic, &record, err);
        books->config.progress(books->topics[topic], n, n_all);
    }
    topic_reader_close(reader);
    return status == OK ? OK : error_wrap(err, status, "topic %s", books->topics[topic]);
}

static enum status copy_topics(struct audit_books *books, struct audit_copy *copy,
                               struct error *err) {
    enum status status = OK;
    for (int topic = 0; status == OK && topic < N_TOPICS; topic++)
        status = copy_topic(books, copy, topic, err);
    return status;
}

enum status audit_books_load(struct audit_books *books, struct error *err) {
    struct audit_copy *copy;
    enum status status = audit_copy_open(books->db, books->cluster_id, &copy, err);
    if (status != OK)
        return status;
    status = audit_copy_orders(copy, err);
    if (status == OK)
        status = copy_outboxes(books, copy, err);
    if (status == OK && books->config.has_broker)
        status = copy_topics(books, copy, err);
    if (status == OK)
        status = audit_copy_finish(copy, books->config.has_broker, err);
    audit_copy_close(copy);
    return status;
}

enum status audit_books_load_accepted(struct audit_books *books, const char *path,
                                      struct error *err) {
    char line[ID_SIZE + 2];
    FILE *file = fopen(path, "re");
    if (!file)
        return error_set(err, ERR_INVALID, "%s: %s", path, strerror(errno));
    enum status status = OK;
    while (status == OK && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (!*line)
            continue;
        if (event_is_id(line))
            status = run(books, "INSERT OR IGNORE INTO accepted VALUES (?1)", line, NULL, 0, err);
        else
            status = error_set(err, ERR_INVALID, "%s: not an order's id: %s", path, line);
    }
    fclose(file);
    return status;
}
