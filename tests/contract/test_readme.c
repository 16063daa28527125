/* The README's table of settings says what the programs themselves say. */
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const services[] = {"order-service", "inventory-service", "notification-service",
                                       "logging-service"};
enum { N_SERVICES = sizeof services / sizeof *services };

static void read_stream(FILE *stream, struct strbuf *out) {
    char chunk[4096];
    size_t n;
    assert_non_null(stream);
    while ((n = fread(chunk, 1, sizeof chunk, stream)) > 0)
        strbuf_add(out, chunk, n);
}

static void read_readme(struct strbuf *out) {
    FILE *file = fopen("README.md", "r");
    read_stream(file, out);
    fclose(file);
}

static void read_help(const char *service, struct strbuf *out) {
    char command[512];
    const char *bin_dir = getenv("BIN_DIR");
    snprintf(command, sizeof command, "%s/%s --help", bin_dir ? bin_dir : "build/bin", service);
    FILE *help = popen(command, "r");
    read_stream(help, out);
    assert_int_equal(pclose(help), 0);
}

/* Calls `check` for each setting in the help: "  NAME  DEFAULT  MEANING". */
static size_t each_setting(char *help,
                           void (*check)(const char *name, const char *fallback,
                                         const char *meaning, void *context),
                           void *context) {
    size_t n = 0;
    char *table = strstr(help, "Settings (environment variables):");
    assert_non_null(table);
    for (char *line = strtok(table, "\n"); line; line = strtok(NULL, "\n")) {
        char name[64], fallback[128];
        int meaning = 0;
        bool is_row = strncmp(line, "  ", 2) == 0 &&
                      sscanf(line, " %63[A-Z_] %127s %n", name, fallback, &meaning) == 2;
        if (!is_row || meaning == 0)
            continue;
        check(name, fallback, line + meaning, context);
        n++;
    }
    return n;
}

/* A port and a group differ from service to service: the README names all. */
static void check_setting(const char *name, const char *fallback, const char *meaning,
                          void *context) {
    const char *readme = context;
    struct strbuf start;
    strbuf_init(&start);
    strbuf_printf(&start, "\n| `%s` | ", name);
    const char *row = strstr(readme, start.data);
    if (!row)
        fail_msg("README.md: the settings table lacks %s", name);
    size_t len = strcspn(row + 1, "\n");
    char *text = strndup(row + 1, len);
    if (strcmp(fallback, "-") != 0 && !strstr(text, fallback))
        fail_msg("README.md: %s: the default %s is missing: %s", name, fallback, text);
    if (!strstr(text, meaning))
        fail_msg("README.md: %s: expected the meaning: %s", name, meaning);
    free(text);
    strbuf_release(&start);
}

static void readme__has_every_setting_of_every_service(void **state) {
    (void)state;
    struct strbuf readme, help;
    strbuf_init(&readme);
    strbuf_init(&help);
    read_readme(&readme);
    for (size_t i = 0; i < N_SERVICES; i++) {
        strbuf_reset(&help);
        read_help(services[i], &help);
        assert_true(each_setting(help.data, check_setting, readme.data) >= 14);
    }
    strbuf_release(&help);
    strbuf_release(&readme);
}

/* Every name in the table's first column is a setting of some service. */
static void readme__has_no_setting_that_no_service_has(void **state) {
    (void)state;
    struct strbuf readme, help;
    strbuf_init(&readme);
    strbuf_init(&help);
    read_readme(&readme);
    for (size_t i = 0; i < N_SERVICES; i++)
        read_help(services[i], &help);
    char *table = strstr(readme.data, "\n## Settings\n");
    assert_non_null(table);
    char *end = strstr(table, "\n## Where");
    assert_non_null(end);
    *end = '\0';
    size_t n_rows = 0;
    for (char *row = strstr(table, "\n| `"); row; row = strstr(row + 1, "\n| `")) {
        char wanted[72], name[64];
        assert_int_equal(sscanf(row, "\n| `%63[A-Z_]`", name), 1);
        snprintf(wanted, sizeof wanted, "\n  %s ", name);
        if (!strstr(help.data, wanted))
            fail_msg("README.md: no service has the setting %s", name);
        n_rows++;
    }
    assert_true(n_rows >= 16);
    strbuf_release(&help);
    strbuf_release(&readme);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readme__has_every_setting_of_every_service),
        cmocka_unit_test(readme__has_no_setting_that_no_service_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
