#include "orderctl/adapters/audit_laws.h"

#include "orderctl/adapters/audit_balance.h"

#include <stdio.h>

/* audit_laws.sql: some views for each law. Read by the assembler, as
 * schemas/openapi.json (shared/runtime/openapi.c). */
extern const char audit_laws_sql[];
__asm__(".pushsection .rodata\n"
        ".global audit_laws_sql\n"
        "audit_laws_sql:\n"
        ".incbin \"services/orderctl/adapters/audit_laws.sql\"\n"
        ".byte 0\n"
        ".popsection\n");

const struct audit_law audit_laws[] = {
    [LAW_INTEGRITY] = {"integrity", "each database is sound, as SQLite checks it", NEEDS_NOTHING,
                       CHECK_BREACHES},
    [LAW_DRAINED] = {"drained", "nothing waits to be published or handled", NEEDS_NOTHING,
                     CHECK_BREACHES},
    {"accepted", "each order that a customer was told is accepted is stored", NEEDS_ACCEPTED,
     CHECK_BREACHES},
    {"orders", "each accepted order has its event, and each new-order event its order",
     NEEDS_DRAINED, CHECK_BREACHES},
    {"customers", "each order is in the list of its customer, and no other is in there",
     NEEDS_NOTHING, CHECK_BREACHES},
    {"outbox", "the outboxes have no gap, no event twice, and no mark beyond their end",
     NEEDS_NOTHING, CHECK_BREACHES},
    {"published", "each event is in its topic, always with the same bytes",
     NEEDS_DRAINED | NEEDS_TOPICS, CHECK_BREACHES},
    {"origins", "what a topic has of a service, that service has published",
     NEEDS_DRAINED | NEEDS_TOPICS, CHECK_BREACHES},
    {"movements", "each line of each order has one movement of its quantity, and nothing else has",
     NEEDS_DRAINED, CHECK_BALANCE},
    {"ledger",
     "the movements replayed give the stock, with a refill to 109 wherever 100 or fewer were left",
     NEEDS_NOTHING, CHECK_BREACHES},
    {"refills", "each refill has one inventory-empty event, caused by its order's", NEEDS_DRAINED,
     CHECK_BREACHES},
    {"notifications", "each order and each inventory-empty event has one notification",
     NEEDS_DRAINED, CHECK_BALANCE},
    {"actions",
     "the log actions are what orders, changed products, movements and notifications imply",
     NEEDS_DRAINED, CHECK_BALANCE},
    {"journal", "each log action that was published is in the journal once", NEEDS_DRAINED,
     CHECK_BOTH},
    {"effects", "each event in an inbox had its effect, once, and no other had any", NEEDS_NOTHING,
     CHECK_BOTH},
    {"inbox", "each record that was read is either in the inbox or refused",
     NEEDS_DRAINED | NEEDS_TOPICS, CHECK_BREACHES},
    {"letters", "each refused record has one dead letter of each group that refused it",
     NEEDS_DRAINED, CHECK_BREACHES},
};

const size_t audit_n_laws = sizeof audit_laws / sizeof *audit_laws;

enum status audit_laws_define(struct db *books, struct error *err) {
    enum status status = audit_balance_define(books, err);
    return status == OK ? db_exec(books, audit_laws_sql, err) : status;
}

static enum status select_all(struct db *books, const char *name, const char *suffix,
                              sqlite3_stmt **out, struct error *err) {
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT * FROM temp.%s_%s", name, suffix);
    return db_prepare(books, sql, out, err);
}

/* Adds what a view says to the breaches. */
static enum status collect(struct db *books, const char *name, const char *suffix,
                           struct audit_finding *out, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    bool row = true;
    enum status status = select_all(books, name, suffix, &stmt, err);
    while (status == OK && row) {
        status = db_step(stmt, &row, err);
        if (status != OK || !row)
            break;
        out->n_breaches++;
        if (out->n_examples < AUDIT_EXAMPLES_MAX)
            db_copy_text(stmt, 0, out->examples[out->n_examples++], AUDIT_TEXT_SIZE);
    }
    sqlite3_finalize(stmt);
    return status;
}

/* The one row of a view; the caller finalizes the statement. */
static enum status read_row(struct db *books, const struct audit_law *law, const char *suffix,
                            sqlite3_stmt **out, struct error *err) {
    bool row = false;
    enum status status = select_all(books, law->name, suffix, out, err);
    if (status == OK)
        status = db_step(*out, &row, err);
    if (status == OK && !row)
        status = error_set(err, ERR_BUG, "%s_%s has no row", law->name, suffix);
    return status;
}

/* 0, or a law's sums are not all 0. */
static enum status read_balance(struct db *books, const struct audit_law *law, int64_t *out,
                                struct error *err) {
    sqlite3_stmt *stmt = NULL;
    enum status status = read_row(books, law, "balance", &stmt, err);
    if (status == OK)
        *out = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return status;
}

static enum status collect_all(struct db *books, const struct audit_law *law,
                               struct audit_finding *out, struct error *err) {
    int64_t balance = 0;
    enum status status = OK;
    if (law->check != CHECK_BREACHES)
        status = read_balance(books, law, &balance, err);
    if (status == OK && balance != 0)
        status = collect(books, law->name, "differences", out, err);
    if (status == OK && law->check != CHECK_BALANCE)
        status = collect(books, law->name, "breaches", out, err);
    return status;
}

static enum status find_breaches(struct db *books, const struct audit_law *law,
                                 struct audit_finding *out, struct error *err) {
    struct error damage;
    enum status status = collect_all(books, law, out, &damage);
    if (status == OK)
        return OK;
    if (status != ERR_INVALID || law != &audit_laws[LAW_INTEGRITY])
        return error_set(err, status, "%s", damage.text);
    /* The check ended at a damaged page: then that is what it found. */
    out->n_breaches++;
    if (out->n_examples < AUDIT_EXAMPLES_MAX)
        snprintf(out->examples[out->n_examples++], AUDIT_TEXT_SIZE, "%s", damage.text);
    return OK;
}

static enum status read_figures(struct db *books, const struct audit_law *law,
                                char out[AUDIT_TEXT_SIZE], struct error *err) {
    sqlite3_stmt *stmt = NULL;
    enum status status = read_row(books, law, "figures", &stmt, err);
    if (status == OK)
        db_copy_text(stmt, 0, out, AUDIT_TEXT_SIZE);
    sqlite3_finalize(stmt);
    return status;
}

enum status audit_law_check(struct db *books, const struct audit_law *law,
                            const struct audit_state *state, struct audit_finding *out,
                            struct error *err) {
    *out = (struct audit_finding){.outcome = LAW_NOT_CHECKED};
    if (((law->needs & NEEDS_TOPICS) && !state->has_topics) ||
        ((law->needs & NEEDS_ACCEPTED) && !state->has_accepted))
        return OK;
    out->outcome = LAW_NOT_YET;
    if ((law->needs & NEEDS_DRAINED) && !state->is_drained)
        return OK;
    enum status status = find_breaches(books, law, out, err);
    if (status == OK)
        status = read_figures(books, law, out->figures, err);
    if (status != OK)
        return error_wrap(err, status, "%s", law->name);
    out->outcome = out->n_breaches == 0 ? LAW_HOLDS : LAW_BROKEN;
    return OK;
}

enum status audit_find_unseen(struct db *books, struct audit_finding *out, struct error *err) {
    *out = (struct audit_finding){.n_breaches = 0};
    return collect(books, "unseen", "notes", out, err);
}
