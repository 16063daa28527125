#include "orderctl/adapters/audit_balance.h"

uint64_t audit_digest(uint64_t digest, const void *data, size_t len) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < len; i++)
        digest = (digest ^ bytes[i]) * UINT64_C(0x100000001b3);
    return digest;
}

/* The finalizer of MurmurHash3: sums of FNV-1a itself would cancel each other out,
 * since its last bytes reach only a part of its bits. */
static uint64_t mix(uint64_t digest) {
    digest = (digest ^ digest >> 33) * UINT64_C(0xff51afd7ed558ccd);
    digest = (digest ^ digest >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return digest ^ digest >> 33;
}

/* With its type and length: keys that differ are other bytes. */
static uint64_t add_key(uint64_t digest, sqlite3_value *key) {
    int type = sqlite3_value_type(key);
    digest = audit_digest(digest, &type, sizeof type);
    if (type == SQLITE_NULL)
        return digest;
    if (type == SQLITE_INTEGER) {
        int64_t number = sqlite3_value_int64(key);
        return audit_digest(digest, &number, sizeof number);
    }
    const void *data = sqlite3_value_blob(key); /* before its length: SQLite converts */
    int len = sqlite3_value_bytes(key);
    digest = audit_digest(digest, &len, sizeof len);
    return data ? audit_digest(digest, data, (size_t)len) : digest;
}

static void add_entry(sqlite3_context *context, int argc, sqlite3_value **argv) {
    uint64_t *sum = sqlite3_aggregate_context(context, sizeof *sum);
    if (!sum) {
        sqlite3_result_error_nomem(context);
        return;
    }
    uint64_t digest = AUDIT_DIGEST_EMPTY;
    for (int i = 1; i < argc; i++)
        digest = add_key(digest, argv[i]);
    *sum += (uint64_t)sqlite3_value_int64(argv[0]) * mix(digest);
}

static void give_sum(sqlite3_context *context) {
    const uint64_t *sum = sqlite3_aggregate_context(context, 0);
    sqlite3_result_int64(context, sum ? (int64_t)*sum : 0);
}

enum status audit_balance_define(struct db *books, struct error *err) {
    sqlite3_stmt *any = NULL;
    enum status status = db_prepare(books, "SELECT 1", &any, err);
    if (status == OK && sqlite3_create_function(sqlite3_db_handle(any), "balance", -1,
                                                SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, NULL,
                                                add_entry, give_sum) != SQLITE_OK)
        status = error_set(err, ERR_UNAVAILABLE, "balance: SQLite does not take the function");
    sqlite3_finalize(any);
    return status;
}
