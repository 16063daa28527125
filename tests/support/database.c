#include "support/database.h"

#include "support/scratch.h"
#include "support/testing.h"

#include <sqlite3.h>

static sqlite3 *open_database(const char *path, int flags) {
    sqlite3 *db;
    if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK)
        fail_msg("%s: %s", path, sqlite3_errmsg(db));
    return db;
}

int64_t database_number(const struct shop *shop, enum shop_service service, const char *sql) {
    return database_number_in(shop_database(shop, service), sql);
}

int64_t database_number_in(const char *path, const char *sql) {
    sqlite3 *db = open_database(path, SQLITE_OPEN_READONLY);
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int64_t number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return number;
}

void database_change(const struct shop *shop, enum shop_service service, const char *sql) {
    database_change_file(shop_database(shop, service), sql);
}

void database_change_file(const char *path, const char *sql) {
    sqlite3 *db = open_database(path, SQLITE_OPEN_READWRITE);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}
