#include "runtime/announcer.h"

#include "base/failpoint.h"
#include "base/log.h"
#include "base/strbuf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct announcer {
    sqlite3_stmt *note;
    struct strbuf pending;
    int64_t pending_upto; /* row of the last pending line; 0: none */
    int64_t printed_upto;
    int64_t noted_upto;
    bool is_broken; /* stdout failed; it stays silent from then on */
};

static enum status load(struct announcer *announcer, struct db *db, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    enum status status = db_prepare(db, "SELECT upto FROM announced", &stmt, err);
    if (status == OK)
        status = db_step(stmt, &row, err);
    if (status == OK && row)
        announcer->noted_upto = announcer->printed_upto = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return status;
}

enum status announcer_open(struct db *writer_db, struct announcer **out, struct error *err) {
    struct announcer *announcer = calloc(1, sizeof *announcer);
    if (!announcer)
        abort();
    strbuf_init(&announcer->pending);
    enum status status = load(announcer, writer_db, err);
    if (status == OK)
        status = db_prepare(writer_db, "UPDATE announced SET upto = ?", &announcer->note, err);
    if (status != OK) {
        announcer_close(announcer);
        return status;
    }
    *out = announcer;
    return OK;
}

void announcer_close(struct announcer *announcer) {
    if (!announcer)
        return;
    sqlite3_finalize(announcer->note);
    strbuf_release(&announcer->pending);
    free(announcer);
}

int64_t announcer_upto(const struct announcer *announcer) {
    return announcer->noted_upto;
}

void announcer_add(struct announcer *announcer, int64_t row, const char *text, size_t len) {
    strbuf_add(&announcer->pending, text, len);
    announcer->pending_upto = row;
}

static bool print(const char *text, size_t len) {
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

void announcer_settle(struct announcer *announcer, bool committed) {
    if (committed && announcer->pending_upto > 0 && !announcer->is_broken) {
        FAILPOINT(ANNOUNCE_BEFORE_PRINT);
        if (print(announcer->pending.data, announcer->pending.len)) {
            announcer->printed_upto = announcer->pending_upto;
            FAILPOINT(ANNOUNCE_AFTER_PRINT);
        } else {
            announcer->is_broken = true;
            log_error("stdout: %s; what is not printed now is printed after a restart",
                      strerror(errno));
        }
    }
    strbuf_reset(&announcer->pending);
    announcer->pending_upto = 0;
}

bool announcer_is_behind(const struct announcer *announcer) {
    return announcer->printed_upto > announcer->noted_upto;
}

enum status announcer_note(struct announcer *announcer, struct error *err) {
    if (!announcer_is_behind(announcer))
        return OK;
    sqlite3_bind_int64(announcer->note, 1, announcer->printed_upto);
    enum status status = db_run(announcer->note, err);
    FAILPOINT(ANNOUNCE_NOTED);
    if (status == OK)
        announcer->noted_upto = announcer->printed_upto;
    return status;
}
