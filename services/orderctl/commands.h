/*
 * orderctl's commands: what an operator does with a shop. Each is a function
 * in a file of its own, and a line of the table in main.c.
 */
#pragma once

#include "runtime/config.h"

enum { EXIT_USAGE = 2 };

struct command {
    const char *name;
    const char *arguments; /* as they are shown behind the name, "" for none */
    const char *summary;   /* one sentence for --help */

    /* Runs it; argv[0] is the command's name. `config` holds the settings that
     * the shop's programs share. Returns the exit code: 0 for success, 1 when
     * what was to be done could not be done or what was checked is not so,
     * EXIT_USAGE when an argument is wrong. `--help` behind a command's name is
     * the command's own to answer. */
    int (*run)(const struct config *config, int argc, char **argv);
};

int run_audit(const struct config *config, int argc, char **argv);
int run_dlq(const struct config *config, int argc, char **argv);
int run_trace(const struct config *config, int argc, char **argv);
int run_republish(const struct config *config, int argc, char **argv);
