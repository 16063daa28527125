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

static int64_t close_with_number(sqlite3 *db, const char *sql) {
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int64_t number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return number;
}

int64_t database_number(const struct shop *shop, enum shop_service service, const char *sql) {
    return close_with_number(open_database(shop_database(shop, service), SQLITE_OPEN_READONLY),
                             sql);
}

int64_t database_number_of_all(const struct shop *shop, const char *sql) {
    sqlite3 *db = open_database(shop_database(shop, ORDER), SQLITE_OPEN_READONLY);
    for (unsigned bit = INVENTORY; bit < EVERY_SERVICE; bit <<= 1) {
        enum shop_service service = (enum shop_service)bit;
        const char *attach = scratch_printf("ATTACH '%s' AS %s", shop_database(shop, service),
                                            shop_service_name(service));
        if (sqlite3_exec(db, attach, NULL, NULL, NULL) != SQLITE_OK)
            fail_msg("%s: %s", attach, sqlite3_errmsg(db));
    }
    return close_with_number(db, sql);
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
