/* orderctl dlq: the desk for dead letters. */
#include "orderctl/dlq.h"
#include "orderctl/commands.h"
#include "orderctl/dlq_desk.h"
#include "orderctl/plain_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void dlq_add_place(struct strbuf *out, const struct letter *letter) {
    strbuf_printf(out, "%s/%d/%lld", letter->record.topic, letter->record.partition,
                  (long long)letter->record.offset);
}

void dlq_add_origin(struct strbuf *out, const struct letter *letter) {
    if (!letter->has_place || !letter->parts.topic.data) {
        strbuf_add_str(out, "an unknown place");
        return;
    }
    plain_text_add(out, (struct bytes){letter->place.topic, strlen(letter->place.topic)});
    strbuf_printf(out, "/%d/%lld", letter->place.partition, (long long)letter->place.offset);
}

int dlq_say_missing(const char *topic, int64_t partition, int64_t offset) {
    if (partition >= 0)
        fprintf(stderr, "orderctl: no dead letter stands at %s/%lld/%lld\n", topic,
                (long long)partition, (long long)offset);
    else
        fprintf(stderr, "orderctl: no dead letter stands at offset %lld of %s\n", (long long)offset,
                topic);
    return EXIT_FAILURE;
}

static const struct {
    const char *name;
    const char *summary;
    enum dlq_command command;
    int (*run)(const struct config *config, const struct dlq_selection *selection);
} commands[] = {
    {"list", "shows the open letters, one a line", DLQ_LIST, dlq_list},
    {"replay", "gives each record back to its topic; who has handled its event knows it again",
     DLQ_REPLAY, dlq_replay},
    {"discard", "marks letters as done with; nothing is deleted", DLQ_DISCARD, dlq_discard},
};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void print_help(void) {
    struct strbuf out;
    strbuf_init(&out);
    strbuf_add_str(&out, "orderctl dlq: records that a service refused (dead letters)\n\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        strbuf_printf(&out, "orderctl dlq %s [OPTION...]\n    %s\n", commands[i].name,
                      commands[i].summary);
    strbuf_add_str(&out, "orderctl dlq show TOPIC PARTITION OFFSET [--raw]\n"
                         "    shows all of one letter; with --raw its value's bytes alone\n\n"
                         "Options, which letters are meant:\n\n");
    dlq_selection_describe(&out);
    strbuf_add_str(&out, "\nA topic is one of the shop's, or one of dead letters (NAME.dlq).\n"
                         "Exit code: 0 done; 1 something failed or is not there; 2 a wrong "
                         "argument.\n");
    fputs(out.data, stdout);
    strbuf_release(&out);
}

static int run_selected(const struct config *config, size_t i, int argc, char **argv) {
    struct dlq_selection selection;
    struct error err;
    if (dlq_selection_read(config, commands[i].command, argc, argv, &selection, &err) == OK)
        return commands[i].run(config, &selection);
    fprintf(stderr, "orderctl: dlq %s: %s\n", commands[i].name, err.text);
    return EXIT_USAGE;
}

int run_dlq(const struct config *config, int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "";
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help();
            return EXIT_SUCCESS;
        }
    }
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return run_selected(config, i, argc - 1, argv + 1);
    if (strcmp(name, "show") == 0)
        return dlq_show(config, argc - 1, argv + 1);
    fprintf(stderr, "orderctl: dlq: say list, show, replay or discard; see orderctl dlq --help\n");
    return EXIT_USAGE;
}
