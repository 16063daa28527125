/*
 * A service's SQLite database: how it is opened, stepped and how SQLite's
 * result codes become a status.
 *
 * Each database has exactly one connection that writes, used by the writer's
 * thread alone (store/writer.h), and read-only connections, one a thread. It
 * runs in WAL mode with synchronous=FULL: what was committed survives the loss
 * of power.
 */
#pragma once

#include "base/status.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;

/*
 * The database's schema as the steps that lead to it: step i brings version i
 * to version i + 1 (PRAGMA user_version). Steps are only ever appended.
 */
struct db_schema {
    const char *const *steps; /* SQL, one or more statements each */
    size_t n_steps;
};

/* Who is to know when any connection of the process reads bytes that no sound
 * database has, or cannot read at all what must be there. */
struct db_watch {
    /* In the thread that came upon it, possibly more than once; it must not use
     * the database. Whoever ran the statement gets ERR_INVALID as well. */
    void (*damaged)(void *context, const char *detail);
    void *context;
};

/* Prepares SQLite for a service's process; `watch` is borrowed for its whole
 * life. Call it before anything is opened. */
void db_init(const struct db_watch *watch);

/*
 * Opens the writing connection, creates the file if needed, and brings it to
 * the newest version. It holds a lock on "<path>.lock" until it is closed, so
 * a second process cannot open the same database to write.
 * ERR_BUSY: another process has it, and the text says which. ERR_INVALID: the
 * file is not ours, is damaged, or comes from a newer version of the program;
 * neither it nor its log was touched. ERR_UNAVAILABLE: it cannot be opened or
 * written (rights, space, …).
 */
enum status db_open_writer(const char *path, const struct db_schema *schema, struct db **out,
                           struct error *err);

/* Does a process have the writing connection? */
bool db_has_writer(const char *path);

/* Opens a read-only connection to a database that exists, for one thread. */
enum status db_open_reader(const char *path, struct db **out, struct error *err);

/* Opens a temporary database of this process alone, without a path. It is kept
 * in memory up to 64 MB, then in a temporary file; a second thread helps to sort.
 * Each database attached to it has up to 16 MB more of memory. */
enum status db_open_scratch(struct db **out, struct error *err);

/*
 * Attaches a database of ours to a scratch database, read-only, under `name`,
 * which SQL then puts in front of its tables. A service may be writing it.
 * ERR_NOT_FOUND: there is no such file. ERR_INVALID: it is not ours, is
 * damaged, or its version is not 1 to `newest_version`. ERR_UNAVAILABLE: it
 * cannot be read.
 */
enum status db_attach(struct db *scratch, const char *path, const char *name,
                      int64_t newest_version, struct error *err);

/* Closes it; all statements must be finalized. NULL is fine. */
void db_close(struct db *db);

const char *db_path(const struct db *db);

/* Runs SQL without results. */
enum status db_exec(struct db *db, const char *sql, struct error *err);

/* Prepares a statement that lives long; the caller finalizes it with
 * sqlite3_finalize (NULL is fine there). */
enum status db_prepare(struct db *db, const char *sql, sqlite3_stmt **out, struct error *err);

/* Steps once: *out_row says whether there is a row to read. When there is none
 * and after an error, the statement is reset and its bindings are cleared. */
enum status db_step(sqlite3_stmt *stmt, bool *out_row, struct error *err);

/* Steps a statement that gives no rows, to its end. */
enum status db_run(sqlite3_stmt *stmt, struct error *err);

/* Ends a statement early: after it, it can be bound and stepped anew. */
void db_reset(sqlite3_stmt *stmt);

/* Binds text that the caller keeps until the statement was stepped to its end. */
void db_bind_text(sqlite3_stmt *stmt, int index, const char *text);

/* The same for bytes; NULL `data` binds SQL's NULL. */
void db_bind_blob(sqlite3_stmt *stmt, int index, const void *data, size_t len);

/* A column as text, "" for NULL; lives until the next step. */
const char *db_column_text(sqlite3_stmt *stmt, int index);

/* Copies a column's text into an array of `size`, cut if it is too long. */
void db_copy_text(sqlite3_stmt *stmt, int index, char *out, size_t size);
