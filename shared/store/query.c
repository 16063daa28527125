#include "store/query.h"

#include "base/strbuf.h"

enum status query_prepare(struct db *db, const char *select, const struct query_filter *filters,
                          size_t n_filters, int64_t after, int64_t limit, sqlite3_stmt **out,
                          struct error *err) {
    struct strbuf sql;
    strbuf_init(&sql);
    strbuf_printf(&sql, "%s WHERE seq > ?", select);
    for (size_t i = 0; i < n_filters; i++)
        if (filters[i].value)
            strbuf_printf(&sql, " AND %s = ?", filters[i].column);
    strbuf_add_str(&sql, " ORDER BY seq LIMIT ?");
    enum status status = db_prepare(db, sql.data, out, err);
    strbuf_release(&sql);
    if (status != OK)
        return status;

    int index = 1;
    sqlite3_bind_int64(*out, index++, after);
    for (size_t i = 0; i < n_filters; i++)
        if (filters[i].value)
            db_bind_text(*out, index++, filters[i].value);
    sqlite3_bind_int64(*out, index, limit);
    return OK;
}
