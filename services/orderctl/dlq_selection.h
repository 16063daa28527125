/*
 * Which dead letters a command is about, as its arguments say.
 */
#pragma once

#include "runtime/config.h"

/* Commands take different options. */
enum dlq_command { DLQ_LIST = 1, DLQ_REPLAY = 2, DLQ_DISCARD = 4 };

enum { DLQ_TOPICS_MAX = 8 };

struct dlq_selection {
    char topics[DLQ_TOPICS_MAX][TOPIC_NAME_SIZE]; /* of dead letters */
    size_t n_topics;                              /* none was named: those of the shop */
    bool names_topics;
    int64_t partition;  /* of the dead letters' topic; -1: any */
    int64_t offset;     /* there; -1: any */
    const char *reason; /* a part of the class or the message; NULL: any */
    int64_t since_ms;   /* when the letter was written, wall clock, included */
    int64_t until_ms;   /* not included */
    int64_t limit;      /* letters, at most */
    bool all;           /* it was said that all of them are meant */
    bool all_states;    /* resolved letters, too */
    bool dry_run;
    bool json;
};

/*
 * Reads the arguments behind the command's name. ERR_INVALID: one is wrong, or
 * a command that changes something was not told what it is about; the text
 * names it. Values are borrowed.
 */
enum status dlq_selection_read(const struct config *config, enum dlq_command command, int argc,
                               char **argv, struct dlq_selection *out, struct error *err);

/* Appends the options for --help. */
void dlq_selection_describe(struct strbuf *out);

/* The topic of dead letters that is meant by the name of one of the shop's
 * topics or of a topic of dead letters. ERR_INVALID: it is neither. */
enum status dlq_topic_named(const struct config *config, const char *name,
                            char out[static TOPIC_NAME_SIZE], struct error *err);

/* Reads a whole number from 0. False: it is none. */
bool dlq_number_read(const char *text, int64_t *out);
