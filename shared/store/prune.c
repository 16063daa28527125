#include "store/prune.h"

#include "base/clock.h"

enum {
    ROWS_MAX = 2000, /* that one call deletes */
    PAUSE_MS = 1000, /* after a look that found nothing */
};

enum status prune_open(struct prune *prune, struct db *db, const char *find, const char *erase,
                       struct error *err) {
    *prune = (struct prune){NULL, NULL, 0};
    enum status status = db_prepare(db, find, &prune->find, err);
    if (status == OK)
        status = db_prepare(db, erase, &prune->erase, err);
    return status;
}

void prune_release(struct prune *prune) {
    sqlite3_finalize(prune->find);
    sqlite3_finalize(prune->erase);
}

enum status prune_run(struct prune *prune, int64_t before_ms, int64_t upto, struct error *err) {
    if (clock_monotonic_ms() < prune->next_ms)
        return OK;
    bool row;
    sqlite3_bind_int64(prune->find, 1, ROWS_MAX);
    sqlite3_bind_int64(prune->find, 2, before_ms);
    sqlite3_bind_int64(prune->find, 3, upto);
    enum status status = db_step(prune->find, &row, err);
    if (status != OK)
        return status;
    int64_t last = row ? sqlite3_column_int64(prune->find, 0) : 0;
    db_reset(prune->find);
    if (last == 0) {
        prune->next_ms = clock_monotonic_ms() + PAUSE_MS;
        return OK;
    }
    sqlite3_bind_int64(prune->erase, 1, last);
    return db_run(prune->erase, err);
}
