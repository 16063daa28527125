/*
 * The shop's laws of conservation: what must be true of its databases and
 * topics, whatever crashed and whatever was delivered twice. Each law is a
 * query over the auditor's books (audit_books.h) that finds what breaks it:
 * audit_laws.sql.
 */
#pragma once

#include "base/strbuf.h"
#include "store/db.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the books hold. */
struct audit_state {
    bool is_drained;   /* nothing is on its way */
    bool has_topics;   /* the topics were read */
    bool has_accepted; /* the customers' list was read */
};

enum audit_need { NEEDS_NOTHING = 0, NEEDS_DRAINED = 1, NEEDS_TOPICS = 2, NEEDS_ACCEPTED = 4 };

/* Where a law's breaches come from: its view NAME_breaches; NAME_balance and
 * NAME_differences; or both. */
enum audit_check { CHECK_BREACHES, CHECK_BALANCE, CHECK_BOTH };

struct audit_law {
    const char *name;  /* one word, as its views begin */
    const char *claim; /* what it says, in one sentence */
    unsigned needs;    /* bits of enum audit_need */
    enum audit_check check;
};

/* The first two are about the shop as a whole, and need nothing loaded: whether
 * its databases are sound, and whether it is drained. */
enum { LAW_INTEGRITY, LAW_DRAINED, LAW_FIRST_OF_BOOKS };
extern const struct audit_law audit_laws[];
extern const size_t audit_n_laws;

enum audit_outcome { LAW_HOLDS, LAW_BROKEN, LAW_NOT_YET, LAW_NOT_CHECKED };

enum { AUDIT_EXAMPLES_MAX = 10, AUDIT_TEXT_SIZE = 512 };

struct audit_finding {
    enum audit_outcome outcome;
    char figures[AUDIT_TEXT_SIZE]; /* of a law that was checked */
    int64_t n_breaches;
    size_t n_examples;
    char examples[AUDIT_EXAMPLES_MAX][AUDIT_TEXT_SIZE];
};

/* Defines the laws' views, once the databases are attached to the books and
 * their tables are there. */
enum status audit_laws_define(struct db *books, struct error *err);

/* Checks a law. A law that needs a drained shop is LAW_NOT_YET in another one,
 * and one that needs what was not read is LAW_NOT_CHECKED. */
enum status audit_law_check(struct db *books, const struct audit_law *law,
                            const struct audit_state *state, struct audit_finding *out,
                            struct error *err);

/* What could not be seen, in the form of a finding: each a line of its
 * examples. */
enum status audit_find_unseen(struct db *books, struct audit_finding *out, struct error *err);
