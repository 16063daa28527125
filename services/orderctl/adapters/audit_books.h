/*
 * The auditor's books: what the shop's databases and topics say at one moment,
 * side by side in a scratch database, so that a law is a query. The databases
 * are attached to it, read-only; from the outboxes and topics, the auditor
 * copies what it compares.
 *
 * Attached: orders, inventory, notification, logging, and of the latter two
 * those of further instances. Copied, as the schema in audit_books.c says:
 * outbox_rows, records, events, lines. Everything is used by one thread.
 */
#pragma once

#include "base/strbuf.h"
#include "runtime/config.h"
#include "store/db.h"

#include <stdbool.h>

enum {
    AUDIT_DATABASES = 4,
    AUDIT_FOLDERS_MAX = 4,    /* of one service */
    AUDIT_INSTANCES_MAX = 10, /* in all: SQLite attaches no more */
};

struct audit_database {
    const char *name;    /* as it is attached: "orders" */
    const char *service; /* "order-service" */
    const char *file;    /* "order.db" */
    int64_t version;     /* the newest that the laws know */
    size_t n_max;        /* instances that share the service's work */
};

/* One of them: a service may have several, each with a database of its own. */
struct audit_instance {
    const struct audit_database *database;
    char name[24];  /* as it is attached: "logging", "logging_2" */
    char label[32]; /* "logging-service", "logging-service 2" */
};

extern const struct audit_database audit_databases[AUDIT_DATABASES];

struct audit_books_config {
    const struct config *config;
    struct audit_folders {
        const char *paths[AUDIT_FOLDERS_MAX]; /* borrowed; one for each instance */
        size_t n;                             /* 1 to the database's n_max */
    } folders[AUDIT_DATABASES];
    bool has_broker; /* false: the topics are left out */
    int broker_timeout_ms;
    /* Called now and then while something is read that may be long. */
    void (*progress)(const char *what, int64_t n_done, int64_t n_all);
};

struct audit_books;

/* Attaches the databases. As db_attach; ERR_INVALID also for a path that is
 * too long. */
enum status audit_books_open(const struct audit_books_config *config, struct audit_books **out,
                             struct error *err);
void audit_books_close(struct audit_books *books); /* NULL is fine */

/*
 * Looks at the shop: from here on, the databases are as they are now, and the
 * topics end where they end now. `out_state` becomes a text that is the same
 * at two looks only if nothing has happened in between. ERR_UNAVAILABLE: the
 * broker does not answer.
 */
enum status audit_books_look(struct audit_books *books, struct strbuf *out_state,
                             struct error *err);

/* Copies the outboxes and the topics, up to where the last look saw them end. */
enum status audit_books_load(struct audit_books *books, struct error *err);

/* Copies the ids of orders that customers were told are accepted: one a line.
 * ERR_INVALID: the file cannot be read. */
enum status audit_books_load_accepted(struct audit_books *books, const char *path,
                                      struct error *err);

/* The scratch database, for the laws. */
struct db *audit_books_db(struct audit_books *books);
