#include "store/db.h"

#include "base/strbuf.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* PRAGMA application_id of every database of ours: "OFLW". */
#define APPLICATION_ID 0x4f464c57

/* How long a connection waits for another's lock. Readers never wait in WAL
 * mode but while the log is recovered after a crash. */
enum { BUSY_TIMEOUT_MS = 2000 };

/* In KiB, as SQLite takes it: a negative number. With twice as much for the writer,
 * consumers would catch up some tenth faster, and take 1 MB more. A reader goes
 * through new rows once, or looks one up: the upper pages of the trees are all that
 * it sees again. */
#define WRITER_CACHE "-1024"
#define READER_CACHE "-256"

struct db {
    sqlite3 *handle;
    char *path;
    int lock_fd; /* -1: a reader */
};

static enum status from_sqlite(int code) {
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return OK;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_INVALID;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_NOMEM:
        return ERR_UNAVAILABLE;
    default:
        return ERR_BUG;
    }
}

static void on_sqlite_log(void *context, int code, const char *text) {
    const struct db_watch *watch = context;
    if (from_sqlite(code) == ERR_INVALID)
        watch->damaged(watch->context, text);
}

void db_init(const struct db_watch *watch) {
    int code = sqlite3_config(SQLITE_CONFIG_LOG, on_sqlite_log, (void *)watch);
    /* Nobody asks how much memory SQLite has, but to count it, each allocation of
     * each connection would take one lock. */
    if (code == SQLITE_OK)
        code = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    assert(code == SQLITE_OK); /* something was opened before */
    (void)code;
}

/* What the system said, which SQLite's own text leaves out. */
static const char *system_reason(sqlite3 *handle, int code) {
    bool is_known = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    int reason = is_known ? sqlite3_system_errno(handle) : 0;
    return reason != 0 ? strerror(reason) : "";
}

static enum status fail(sqlite3 *handle, int code, struct error *err) {
    const char *path = sqlite3_db_filename(handle, "main");
    const char *reason = system_reason(handle, code);
    return error_set(err, from_sqlite(code), "database %s: %s%s%s (SQLite %d)",
                     path && *path ? path : "?", sqlite3_errmsg(handle), *reason ? ": " : "",
                     reason, sqlite3_extended_errcode(handle));
}

enum status db_exec(struct db *db, const char *sql, struct error *err) {
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? OK : fail(db->handle, code, err);
}

enum status db_prepare(struct db *db, const char *sql, sqlite3_stmt **out, struct error *err) {
    int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return code == SQLITE_OK ? OK : fail(db->handle, code, err);
}

enum status db_step(sqlite3_stmt *stmt, bool *out_row, struct error *err) {
    int code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        *out_row = true;
        return OK;
    }
    enum status status = code == SQLITE_DONE ? OK : fail(sqlite3_db_handle(stmt), code, err);
    db_reset(stmt);
    if (status == OK)
        *out_row = false;
    return status;
}

enum status db_run(sqlite3_stmt *stmt, struct error *err) {
    bool row;
    enum status status = db_step(stmt, &row, err);
    if (status == OK && row)
        db_reset(stmt);
    return status;
}

void db_reset(sqlite3_stmt *stmt) {
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}

void db_bind_text(sqlite3_stmt *stmt, int index, const char *text) {
    sqlite3_bind_text(stmt, index, text, -1, SQLITE_STATIC);
}

void db_bind_blob(sqlite3_stmt *stmt, int index, const void *data, size_t len) {
    /* sqlite3_bind_blob takes a zero-length blob for NULL unless it has an address. */
    sqlite3_bind_blob64(stmt, index, data, len, SQLITE_STATIC);
}

const char *db_column_text(sqlite3_stmt *stmt, int index) {
    const unsigned char *text = sqlite3_column_text(stmt, index);
    return text ? (const char *)text : "";
}

void db_copy_text(sqlite3_stmt *stmt, int index, char *out, size_t size) {
    const char *text = db_column_text(stmt, index);
    size_t len = strnlen(text, size - 1);
    memcpy(out, text, len);
    out[len] = '\0';
}

static enum status read_pragma(struct db *db, const char *sql, int64_t *out, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    enum status status = db_prepare(db, sql, &stmt, err);
    if (status == OK)
        status = db_step(stmt, &row, err);
    if (status == OK)
        *out = row ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return status;
}

/* Only reads: a file that is refused here was not touched. */
static enum status check_origin(struct db *db, const struct db_schema *schema, int64_t *out_version,
                                struct error *err) {
    int64_t application, version, n_objects;
    enum status status = read_pragma(db, "PRAGMA application_id", &application, err);
    if (status == OK)
        status = read_pragma(db, "PRAGMA user_version", &version, err);
    if (status == OK)
        status = read_pragma(db, "SELECT count(*) FROM sqlite_schema", &n_objects, err);
    if (status != OK)
        return status;
    if (application != APPLICATION_ID && (application != 0 || n_objects > 0))
        return error_set(err, ERR_INVALID,
                         "database %s: not a database of Orderflow; set DATA_DIR to another folder",
                         db->path);
    if (version > (int64_t)schema->n_steps)
        return error_set(err, ERR_INVALID,
                         "database %s: has version %lld, this program knows versions up to %zu; "
                         "run the newer program",
                         db->path, (long long)version, schema->n_steps);
    *out_version = version;
    return OK;
}

static enum status run_step(struct db *db, const char *sql, size_t version, struct error *err) {
    char stamp[96];
    snprintf(stamp, sizeof stamp, "PRAGMA application_id=%d; PRAGMA user_version=%zu; COMMIT",
             APPLICATION_ID, version);
    enum status status = db_exec(db, "BEGIN IMMEDIATE", err);
    if (status == OK)
        status = db_exec(db, sql, err);
    if (status == OK)
        status = db_exec(db, stamp, err);
    if (status != OK && !sqlite3_get_autocommit(db->handle))
        db_exec(db, "ROLLBACK", NULL);
    return status;
}

static enum status migrate(struct db *db, const struct db_schema *schema, struct error *err) {
    int64_t version = 0;
    enum status status = check_origin(db, schema, &version, err);
    if (status != OK)
        return status;

    /* The log file is cut back to this size after a burst, so it cannot keep
     * the disk space that one long reader made it take. While a checkpoint copies
     * the log's pages, no transaction runs: a quarter of SQLite's 1000 pages at
     * a time halves the p99 of accepts at full speed, and costs no throughput.
     * Debian's SQLite overwrites what is deleted; pages that go as a whole, as
     * when an outbox is pruned, need no writing for that. */
    status = db_exec(db,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                     "PRAGMA wal_autocheckpoint=250; PRAGMA journal_size_limit=67108864;"
                     "PRAGMA secure_delete=FAST; PRAGMA foreign_keys=ON;"
                     "PRAGMA cache_size=" WRITER_CACHE,
                     err);
    for (size_t i = (size_t)version; status == OK && i < schema->n_steps; i++) {
        status = run_step(db, schema->steps[i], i + 1, err);
        if (status != OK)
            error_wrap(err, status, "bringing it to version %zu", i + 1);
    }
    return status;
}

/* Only for whoever is refused, so it does not matter when there is no space. */
static void leave_pid(int lock_fd) {
    char text[32];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(lock_fd, 0) != 0)
        return;
    ssize_t ignored = pwrite(lock_fd, text, (size_t)n, 0);
    (void)ignored;
}

static int read_pid(int lock_fd) {
    char text[32] = "";
    return pread(lock_fd, text, sizeof text - 1, 0) > 0 ? atoi(text) : 0;
}

enum { PATH_SIZE = 4096 };

static enum status name_lock(const char *path, char out[static PATH_SIZE], struct error *err) {
    int n = snprintf(out, PATH_SIZE, "%s.lock", path);
    if (n < 0 || n >= PATH_SIZE)
        return error_set(err, ERR_INVALID, "database %s: the path is too long", path);
    return OK;
}

static enum status take_lock(struct db *db, struct error *err) {
    char path[PATH_SIZE];
    enum status status = name_lock(db->path, path, err);
    if (status != OK)
        return status;
    db->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (db->lock_fd < 0)
        return error_set(err, ERR_UNAVAILABLE, "%s: %s", path, strerror(errno));
    if (flock(db->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        leave_pid(db->lock_fd);
        return OK;
    }
    return error_set(err, ERR_BUSY, "database %s: another process uses it, pid %d", db->path,
                     read_pid(db->lock_fd));
}

bool db_has_writer(const char *path) {
    char lock[PATH_SIZE];
    int fd = name_lock(path, lock, NULL) == OK ? open(lock, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    bool is_taken = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return is_taken;
}

static struct db *db_new(const char *path) {
    struct db *db = calloc(1, sizeof *db);
    if (!db)
        abort();
    db->lock_fd = -1;
    db->path = strdup(path);
    if (!db->path)
        abort();
    return db;
}

static enum status open_handle(struct db *db, int flags, struct error *err) {
    int code = sqlite3_open_v2(db->path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return error_set(err, from_sqlite(code), "database %s: %s: %s", db->path,
                         sqlite3_errmsg(db->handle), system_reason(db->handle, code));
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    return OK;
}

/* 0: it is empty, or not there. */
static off_t size_of(const char *path) {
    struct stat stat_of;
    return stat(path, &stat_of) == 0 ? stat_of.st_size : 0;
}

/* Does a log lie beside the database, as after a crash? Never beside an empty
 * one, unless somebody emptied it: SQLite would delete the log. */
static enum status look_for_log(const struct db *db, bool *out_has_log, struct error *err) {
    char log[4096];
    int n = snprintf(log, sizeof log, "%s-wal", db->path);
    if (n < 0 || (size_t)n >= sizeof log)
        return error_set(err, ERR_INVALID, "database %s: the path is too long", db->path);
    *out_has_log = size_of(log) > 0;
    if (*out_has_log && size_of(db->path) == 0)
        return error_set(err, ERR_INVALID,
                         "database %s: it is empty or missing, but its log %s is there; restore "
                         "both, or move the log away",
                         db->path, log);
    return OK;
}

static enum status check_is_writable(const struct db *db, struct error *err) {
    if (sqlite3_db_readonly(db->handle, "main") != 1)
        return OK;
    return error_set(err, ERR_UNAVAILABLE,
                     "database %s: it can be read, but not written; see its rights and its file "
                     "system",
                     db->path);
}

enum status db_open_writer(const char *path, const struct db_schema *schema, struct db **out,
                           struct error *err) {
    struct db *db = db_new(path);
    bool has_log = false;
    enum status status = take_lock(db, err);
    if (status == OK)
        status = look_for_log(db, &has_log, err);
    if (status == OK)
        status = open_handle(db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (status == OK)
        status = check_is_writable(db, err);
    if (status == OK)
        status = migrate(db, schema, err);
    if (status != OK) {
        /* Closing would write the log into the file. */
        if (db->handle && has_log)
            sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        db_close(db);
        return status;
    }
    *out = db;
    return OK;
}

enum status db_open_reader(const char *path, struct db **out, struct error *err) {
    struct db *db = db_new(path);
    enum status status = open_handle(db, SQLITE_OPEN_READONLY, err);
    if (status == OK)
        status = db_exec(db, "PRAGMA cache_size=" READER_CACHE, err);
    if (status != OK) {
        db_close(db);
        return status;
    }
    *out = db;
    return OK;
}

enum status db_open_scratch(struct db **out, struct error *err) {
    struct db *db = db_new("");
    enum status status =
        open_handle(db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
                    err); /* URIs: db_attach */
    if (status == OK)
        status = db_exec(
            db, "PRAGMA main.journal_mode=OFF; PRAGMA main.cache_size=-65536; PRAGMA threads=1",
            err);
    if (status != OK) {
        db_close(db);
        return status;
    }
    *out = db;
    return OK;
}

/* SQLite reads a database in WAL mode by way of its -shm file, and makes it
 * where it is missing. In a folder that cannot be written, that is not needed
 * when there is no log either: then the file itself is all there is. */
static enum status choose_mode(const char *path, const char **out, struct error *err) {
    struct strbuf name;
    struct stat log;
    *out = "mode=ro";
    if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0)
        return error_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_UNAVAILABLE, "database %s: %s",
                         path, strerror(errno));
    strbuf_init(&name);
    strbuf_printf(&name, "%s-shm", path);
    bool has_index = faccessat(AT_FDCWD, name.data, R_OK, AT_EACCESS) == 0;
    strbuf_reset(&name);
    strbuf_printf(&name, "%s-wal", path);
    bool has_log = stat(name.data, &log) == 0 && log.st_size > 0;
    strbuf_reset(&name);
    strbuf_add(&name, path, strrchr(path, '/') ? (size_t)(strrchr(path, '/') - path) + 1 : 0);
    bool is_writable = faccessat(AT_FDCWD, name.len > 0 ? name.data : ".", W_OK, AT_EACCESS) == 0;
    strbuf_release(&name);
    if (has_index || is_writable)
        return OK;
    *out = "immutable=1";
    if (!has_log)
        return OK;
    return error_set(err, ERR_UNAVAILABLE,
                     "database %s: its log cannot be read in a folder that cannot be written; copy "
                     "both files to another folder",
                     path);
}

static void add_uri(struct strbuf *out, const char *path, const char *mode) {
    strbuf_add_str(out, "file:");
    for (; *path; path++) {
        if (strchr("%?#", *path))
            strbuf_printf(out, "%%%02X", (unsigned char)*path);
        else
            strbuf_add_char(out, *path);
    }
    strbuf_printf(out, "?%s", mode);
}

static enum status attach(struct db *scratch, const char *path, const char *name,
                          struct error *err) {
    const char *mode;
    struct strbuf uri;
    sqlite3_stmt *stmt = NULL;
    enum status status = choose_mode(path, &mode, err);
    if (status != OK)
        return status;
    strbuf_init(&uri);
    add_uri(&uri, path, mode);
    status = db_prepare(scratch, "ATTACH ? AS ?", &stmt, err);
    if (status == OK) {
        db_bind_text(stmt, 1, uri.data);
        db_bind_text(stmt, 2, name);
        status = db_run(stmt, err);
    }
    sqlite3_finalize(stmt);
    strbuf_release(&uri);
    return status;
}

enum status db_attach(struct db *scratch, const char *path, const char *name,
                      int64_t newest_version, struct error *err) {
    char sql[128];
    int64_t application = 0, version = 0;
    enum status status = attach(scratch, path, name, err);
    snprintf(sql, sizeof sql, "PRAGMA %s.cache_size=-16384", name);
    if (status == OK)
        status = db_exec(scratch, sql, err);
    snprintf(sql, sizeof sql, "PRAGMA %s.application_id", name);
    if (status == OK)
        status = read_pragma(scratch, sql, &application, err);
    snprintf(sql, sizeof sql, "PRAGMA %s.user_version", name);
    if (status == OK)
        status = read_pragma(scratch, sql, &version, err);
    if (status != OK)
        return status == ERR_NOT_FOUND ? status : error_wrap(err, status, "%s", path);
    if (application != APPLICATION_ID || version < 1)
        return error_set(err, ERR_INVALID, "database %s: not a database of Orderflow", path);
    if (version > newest_version)
        return error_set(err, ERR_INVALID,
                         "database %s: has version %lld, this program knows versions up to %lld; "
                         "run the newer program",
                         path, (long long)version, (long long)newest_version);
    return OK;
}

void db_close(struct db *db) {
    if (!db)
        return;
    int code = sqlite3_close(db->handle);
    assert(code == SQLITE_OK); /* a statement was not finalized */
    (void)code;
    if (db->lock_fd >= 0)
        close(db->lock_fd); /* releases the lock; the file stays, removing it would race */
    free(db->path);
    free(db);
}

const char *db_path(const struct db *db) {
    return db->path;
}
