/* orderctl audit: checks the laws of conservation of a shop, and says of each what it found. */
#include "base/clock.h"
#include "event/json.h"
#include "orderctl/adapters/audit_books.h"
#include "orderctl/adapters/audit_laws.h"
#include "orderctl/commands.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TIMEOUT_DEFAULT_S = 10,
    TIMEOUT_MAX_S = 3600,
    LOOK_PAUSE_MS = 250,
    BROKER_TIMEOUT_MS = 10000,
    PROGRESS_MS = 2000,
};

struct options {
    struct audit_folders folders[AUDIT_DATABASES]; /* n is 0: DATA_DIR */
    const char *accepted_file;                     /* NULL: none */
    bool has_broker;
    bool is_json;
    bool wants_help;
    int timeout_s;
};

/* What came out, law by law. */
struct report {
    const struct options *options;
    struct strbuf json; /* the laws, when it is for a program */
    struct strbuf broken;
    size_t n_held, n_broken, n_not_yet, n_not_checked;
};

static void print_help(void) {
    struct strbuf out;
    strbuf_init(&out);
    strbuf_printf(
        &out,
        "orderctl audit: checks that nothing was lost and nothing happened twice\n\n"
        "usage: orderctl audit [OPTION...]\n\n"
        "  --order DIR, --inventory DIR, --notification DIR, --logging DIR\n"
        "                      folder of that service's database, when it is not DATA_DIR;\n"
        "                      --notification and --logging up to %d times: where several\n"
        "                      instances share the work, each has its own\n"
        "  --no-broker         databases only; laws that need the topics are left out\n"
        "  --accepted FILE     ids of orders that were answered with 201, one a line: each\n"
        "                      must be stored\n"
        "  --timeout SECONDS   how long to wait until the shop is drained (%d)\n"
        "  --json              the findings as JSON\n\n"
        "Services may run or be stopped; nothing is written to their databases. Orders that are\n"
        "on their way are waited for. Exit: 0 all laws hold; 1 one is broken or could not be\n"
        "checked; 2 an argument is wrong.\n\nThe laws:\n\n",
        AUDIT_FOLDERS_MAX, TIMEOUT_DEFAULT_S);
    for (size_t i = 0; i < audit_n_laws; i++)
        strbuf_printf(&out, "  %-14s %s\n", audit_laws[i].name, audit_laws[i].claim);
    fputs(out.data, stdout);
    strbuf_release(&out);
}

/* --- arguments --- */

enum {
    OPTION_FOLDER,
    OPTION_NO_BROKER = AUDIT_DATABASES,
    OPTION_ACCEPTED,
    OPTION_TIMEOUT,
    OPTION_JSON,
    OPTION_HELP
};

static const struct option long_options[] = {
    {"order", required_argument, NULL, OPTION_FOLDER},
    {"inventory", required_argument, NULL, OPTION_FOLDER + 1},
    {"notification", required_argument, NULL, OPTION_FOLDER + 2},
    {"logging", required_argument, NULL, OPTION_FOLDER + 3},
    {"no-broker", no_argument, NULL, OPTION_NO_BROKER},
    {"accepted", required_argument, NULL, OPTION_ACCEPTED},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static bool parse_seconds(const char *text, int *out) {
    char *end;
    long seconds = strtol(text, &end, 10);
    if (end == text || *end != '\0' || seconds < 0 || seconds > TIMEOUT_MAX_S) {
        fprintf(stderr, "orderctl audit: --timeout %s: must be 0 to %d seconds\n", text,
                TIMEOUT_MAX_S);
        return false;
    }
    *out = (int)seconds;
    return true;
}

static bool add_folder(size_t database, const char *path, struct options *out) {
    struct audit_folders *folders = &out->folders[database];
    if (folders->n < audit_databases[database].n_max) {
        folders->paths[folders->n++] = path;
        return true;
    }
    fprintf(stderr, "orderctl audit: %s: the %s has %s%zu database%s\n", path,
            audit_databases[database].service, folders->n > 1 ? "at most " : "", folders->n,
            folders->n > 1 ? "s" : "");
    return false;
}

static bool parse_option(int option, struct options *out) {
    switch (option) {
    case OPTION_NO_BROKER:
        out->has_broker = false;
        return true;
    case OPTION_ACCEPTED:
        out->accepted_file = optarg;
        return true;
    case OPTION_TIMEOUT:
        return parse_seconds(optarg, &out->timeout_s);
    case OPTION_JSON:
        out->is_json = true;
        return true;
    case OPTION_HELP:
        out->wants_help = true;
        return true;
    case '?': /* getopt has said what is wrong */
        return false;
    default:
        return add_folder((size_t)(option - OPTION_FOLDER), optarg, out);
    }
}

static bool parse_arguments(int argc, char **argv, struct options *out) {
    *out = (struct options){.has_broker = true, .timeout_s = TIMEOUT_DEFAULT_S};
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        if (!parse_option(option, out))
            return false;
    if (optind == argc)
        return true;
    fprintf(stderr, "orderctl audit: unexpected argument %s\n", argv[optind]);
    return false;
}

/* --- what is shown --- */

/* Said while it takes long, on stderr. */
static void say_progress(const char *what, int64_t n_done, int64_t n_all) {
    static int64_t next_ms;
    int64_t now = clock_monotonic_ms();
    if (next_ms == 0)
        next_ms = now + PROGRESS_MS;
    if (now < next_ms)
        return;
    next_ms = now + PROGRESS_MS;
    fprintf(stderr, "orderctl audit: %s", what);
    if (n_all > 0)
        fprintf(stderr, ": %lld of %lld", (long long)n_done, (long long)n_all);
    fprintf(stderr, "\n");
}

static void add_text(struct strbuf *out, const char *name, const char *text) {
    strbuf_printf(out, "\"%s\":", name);
    json_add_bytes(out, text, strlen(text));
}

static void add_json(struct strbuf *out, const struct audit_law *law,
                     const struct audit_finding *finding, const char *outcome) {
    strbuf_add_str(out, out->len > 0 ? ",{" : "{");
    add_text(out, "law", law->name);
    strbuf_add_char(out, ',');
    add_text(out, "claim", law->claim);
    strbuf_add_char(out, ',');
    add_text(out, "outcome", outcome);
    strbuf_add_char(out, ',');
    add_text(out, "figures", finding->figures);
    strbuf_printf(out, ",\"breaches\":%lld,\"examples\":[", (long long)finding->n_breaches);
    for (size_t i = 0; i < finding->n_examples; i++) {
        strbuf_add_str(out, i > 0 ? "," : "");
        json_add_bytes(out, finding->examples[i], strlen(finding->examples[i]));
    }
    strbuf_add_str(out, "]}");
}

static void print_examples(const struct audit_finding *finding) {
    for (size_t i = 0; i < finding->n_examples; i++)
        printf("        %s\n", finding->examples[i]);
    int64_t n_more = finding->n_breaches - (int64_t)finding->n_examples;
    if (n_more > 0)
        printf("        ... and %lld more\n", (long long)n_more);
}

static const struct {
    const char *word; /* for a person */
    const char *name; /* for a program */
} outcomes[] = {
    [LAW_HOLDS] = {"ok", "holds"},
    [LAW_BROKEN] = {"FAIL", "broken"},
    [LAW_NOT_YET] = {"wait", "not-yet"},
    [LAW_NOT_CHECKED] = {"-", "not-checked"},
};

static void print_law(const struct audit_law *law, const struct audit_finding *finding) {
    printf("%-5s %-14s ", outcomes[finding->outcome].word, law->name);
    switch (finding->outcome) {
    case LAW_HOLDS:
        printf("%s\n", finding->figures);
        break;
    case LAW_BROKEN:
        printf("%lld %s of: %s\n", (long long)finding->n_breaches,
               finding->n_breaches == 1 ? "breach" : "breaches", law->claim);
        break;
    case LAW_NOT_YET:
        printf("not yet: the shop is not drained\n");
        break;
    case LAW_NOT_CHECKED:
        printf("not checked: %s\n",
               law->needs & NEEDS_TOPICS ? "the topics were not read" : "no --accepted was given");
        break;
    }
    print_examples(finding);
    fflush(stdout);
}

static void report_law(struct report *report, const struct audit_law *law,
                       const struct audit_finding *finding) {
    size_t *const counts[] = {
        [LAW_HOLDS] = &report->n_held,
        [LAW_BROKEN] = &report->n_broken,
        [LAW_NOT_YET] = &report->n_not_yet,
        [LAW_NOT_CHECKED] = &report->n_not_checked,
    };
    (*counts[finding->outcome])++;
    if (finding->outcome == LAW_BROKEN)
        strbuf_printf(&report->broken, "%s%s", report->broken.len > 0 ? ", " : "", law->name);
    if (report->options->is_json)
        add_json(&report->json, law, finding, outcomes[finding->outcome].name);
    else if (finding->outcome != LAW_NOT_CHECKED || !(law->needs & NEEDS_ACCEPTED))
        print_law(law, finding);
}

static int conclude(const struct report *report) {
    bool is_good = report->n_broken == 0 && report->n_not_yet == 0;
    if (report->options->is_json)
        printf("{\"result\":\"%s\",\"laws\":[%s]}\n",
               is_good                ? "holds"
               : report->n_broken > 0 ? "broken"
                                      : "not-drained",
               report->json.data);
    else if (report->n_broken > 0)
        printf("audit: %zu BROKEN: %s; %zu hold, %zu were not checked\n", report->n_broken,
               report->broken.data, report->n_held,
               audit_n_laws - report->n_broken - report->n_held);
    else if (report->n_not_yet > 0)
        printf("audit: %zu laws hold, %zu cannot be checked before the shop is drained: let all "
               "services run, then audit again\n",
               report->n_held, report->n_not_yet);
    else
        printf("audit: all %zu laws hold%s\n", report->n_held,
               report->options->has_broker ? "" : "; those about topics were not checked");
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- the audit --- */

/* A broker that does not answer may do so the next time. */
static enum status look(struct audit_books *books, int64_t deadline_ms, struct strbuf *out_state,
                        struct error *err) {
    enum status status;
    while ((status = audit_books_look(books, out_state, err)) == ERR_UNAVAILABLE &&
           clock_monotonic_ms() < deadline_ms)
        clock_pause_ms(LOOK_PAUSE_MS);
    return status;
}

/* Looks until two looks are the same and the shop is drained, or the time is
 * over. `out` is what the law says of the last look. */
static enum status wait_until_drained(struct audit_books *books, int timeout_s,
                                      struct audit_finding *out, struct error *err) {
    const struct audit_state any = {false, false, false};
    int64_t deadline_ms = clock_monotonic_ms() + timeout_s * 1000;
    struct strbuf states[2];
    strbuf_init(&states[0]);
    strbuf_init(&states[1]);
    bool is_done = false;
    enum status status = look(books, deadline_ms, &states[0], err);
    for (int i = 1; status == OK && !is_done; i = !i) {
        say_progress("waiting until the shop is drained", 0, 0);
        clock_pause_ms(LOOK_PAUSE_MS);
        status = look(books, deadline_ms, &states[i], err);
        if (status == OK)
            status =
                audit_law_check(audit_books_db(books), &audit_laws[LAW_DRAINED], &any, out, err);
        bool is_still = status == OK && strcmp(states[0].data, states[1].data) == 0;
        if (status == OK && (out->outcome == LAW_BROKEN || !is_still))
            out->outcome = LAW_NOT_YET;
        is_done =
            (status == OK && out->outcome == LAW_HOLDS) || clock_monotonic_ms() >= deadline_ms;
    }
    strbuf_release(&states[0]);
    strbuf_release(&states[1]);
    return status;
}

static enum status check_books(struct audit_books *books, const struct audit_state *state,
                               struct report *report, struct error *err) {
    enum status status = OK;
    for (size_t i = LAW_FIRST_OF_BOOKS; status == OK && i < audit_n_laws; i++) {
        struct audit_finding finding;
        say_progress(audit_laws[i].name, (int64_t)i, (int64_t)audit_n_laws);
        status = audit_law_check(audit_books_db(books), &audit_laws[i], state, &finding, err);
        if (status == OK)
            report_law(report, &audit_laws[i], &finding);
    }
    return status;
}

static void print_unseen(const struct audit_finding *finding) {
    for (size_t i = 0; i < finding->n_examples; i++)
        printf("note                 %s\n", finding->examples[i]);
}

static enum status check_all(struct audit_books *books, struct report *report, struct error *err) {
    const struct options *options = report->options;
    struct audit_state state = {false, options->has_broker, options->accepted_file != NULL};
    struct audit_finding finding;
    enum status status =
        audit_law_check(audit_books_db(books), &audit_laws[LAW_INTEGRITY], &state, &finding, err);
    if (status != OK)
        return status;
    report_law(report, &audit_laws[LAW_INTEGRITY], &finding);
    if (finding.outcome == LAW_BROKEN) /* what such a database says means nothing */
        return OK;

    status = wait_until_drained(books, options->timeout_s, &finding, err);
    if (status != OK)
        return status;
    state.is_drained = finding.outcome == LAW_HOLDS;
    report_law(report, &audit_laws[LAW_DRAINED], &finding);
    status = audit_books_load(books, err);
    if (status == OK && options->accepted_file)
        status = audit_books_load_accepted(books, options->accepted_file, err);
    if (status == OK)
        status = check_books(books, &state, report, err);
    if (status == OK)
        status = audit_find_unseen(audit_books_db(books), &finding, err);
    if (status == OK && !options->is_json)
        print_unseen(&finding);
    return status;
}

static int audit(const struct config *config, const struct options *options) {
    struct audit_books_config books_config = {
        .config = config,
        .has_broker = options->has_broker,
        .broker_timeout_ms = BROKER_TIMEOUT_MS,
        .progress = say_progress,
    };
    for (size_t i = 0; i < AUDIT_DATABASES; i++) {
        books_config.folders[i] = options->folders[i];
        if (books_config.folders[i].n == 0)
            books_config.folders[i] = (struct audit_folders){{config->data_dir}, 1};
    }

    struct error err;
    struct audit_books *books = NULL;
    struct report report = {.options = options};
    strbuf_init(&report.json);
    strbuf_init(&report.broken);
    enum status status = audit_books_open(&books_config, &books, &err);
    if (status == OK)
        status = check_all(books, &report, &err);
    int code = EXIT_FAILURE;
    if (status == OK)
        code = conclude(&report);
    else
        fprintf(stderr, "orderctl audit: it could not be finished: %s\n", err.text);
    audit_books_close(books);
    strbuf_release(&report.json);
    strbuf_release(&report.broken);
    return code;
}

int run_audit(const struct config *config, int argc, char **argv) {
    struct options options;
    if (!parse_arguments(argc, argv, &options))
        return EXIT_USAGE;
    if (options.wants_help) {
        print_help();
        return EXIT_SUCCESS;
    }
    return audit(config, &options);
}
