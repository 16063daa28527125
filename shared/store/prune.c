#include "store/prune.h"

#include "base/clock.h"
#include "base/strbuf.h"

enum {
    ROWS_MAX = 2000, /* that one call deletes */
    PAUSE_MS = 1000, /* after a look that found nothing */
};

enum status prune_open(struct prune *prune, struct db *db, const char *table,
                       const char *time_column, struct error *err) {
    *prune = (struct prune){NULL, NULL, 0};
    struct strbuf find, erase;
    strbuf_init(&find);
    strbuf_init(&erase);
    strbuf_printf(&find,
                  "SELECT max(seq) FROM (SELECT seq, %s AS time FROM %s ORDER BY seq LIMIT ?1)"
                  " WHERE time < ?2 AND seq <= ?3",
                  time_column, table);
    strbuf_printf(&erase, "DELETE FROM %s WHERE seq <= ?1", table);
    enum status status = db_prepare(db, find.data, &prune->find, err);
    if (status == OK)
        status = db_prepare(db, erase.data, &prune->erase, err);
    strbuf_release(&find);
    strbuf_release(&erase);
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
