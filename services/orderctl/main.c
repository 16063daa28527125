/*
 * orderctl: looks at a shop from outside, and mends what an operator has to
 * decide. It is a table of commands.
 */
#include "base/log.h"
#include "base/version.h"
#include "orderctl/commands.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command commands[] = {
    {"audit", "[OPTION...]", "checks that nothing was lost and nothing happened twice", run_audit},
    {"dlq", "list | show | replay | discard", "the desk for records that a service refused",
     run_dlq},
    {"trace", "ORDER-ID [--json] [--wait SECONDS]",
     "what has happened to an order, and what is missing", run_trace},
    {"republish", "--since TIME [--service NAME] [--topic TOPIC] [--dry-run]",
     "sends events that the outboxes keep to their topics once more", run_republish},
    {NULL, NULL, NULL, NULL},
};

static const struct config_defaults defaults = {.service = "orderctl", .http_port = "0"};

static void print_help(void) {
    struct strbuf out;
    strbuf_init(&out);
    strbuf_printf(
        &out,
        "orderctl %s: looks at a shop from outside, and mends what an operator decides\n\n"
        "usage: orderctl COMMAND [ARGUMENT...]\n"
        "       orderctl [--help | --version | --check]\n\n"
        "  --check  read the settings, say what is wrong with them; exit 0 or 2\n\n"
        "Commands (COMMAND --help says more):\n\n",
        ORDERFLOW_VERSION);
    for (const struct command *command = commands; command->name; command++)
        strbuf_printf(&out, "  %s %s\n      %s\n", command->name, command->arguments,
                      command->summary);
    strbuf_printf(&out, "\nSettings (environment variables), as the services have them:\n\n");
    config_describe(&defaults, &out);
    fputs(out.data, stdout);
    strbuf_release(&out);
}

static const struct command *find_command(const char *name) {
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

static int read_settings(struct config *out) {
    struct strbuf faults;
    strbuf_init(&faults);
    size_t n_faults = config_read(&defaults, out, &faults);
    if (n_faults > 0)
        fprintf(stderr, "orderctl: these settings are wrong:\n%s", faults.data);
    strbuf_release(&faults);
    return n_faults > 0 ? EXIT_USAGE : EXIT_SUCCESS;
}

static int run_command(const char *name, int argc, char **argv) {
    const struct command *command = find_command(name);
    if (!command) {
        fprintf(stderr, "orderctl: unknown command %s; see --help\n", name);
        return EXIT_USAGE;
    }
    struct config config;
    int code = read_settings(&config);
    if (code != EXIT_SUCCESS)
        return code;
    log_init("orderctl", (enum log_level)config.log_level);
    signal(SIGPIPE, SIG_IGN);
    return command->run(&config, argc, argv);
}

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "--help";
    if (strcmp(name, "--help") == 0) {
        print_help();
        return argc > 1 ? EXIT_SUCCESS : EXIT_USAGE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("orderctl %s\n", ORDERFLOW_VERSION);
        return EXIT_SUCCESS;
    }
    if (strcmp(name, "--check") == 0) {
        struct config config;
        int code = read_settings(&config);
        if (code == EXIT_SUCCESS)
            printf("orderctl: the settings are good\n");
        return code;
    }
    return run_command(name, argc - 1, argv + 1);
}
