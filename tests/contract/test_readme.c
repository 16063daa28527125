/*
 * What is written about the programs is what they say about themselves: the
 * README's tables, and the requests in schemas/openapi.json.
 */
#include "base/strbuf.h"
#include "event/json.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

static const char *const services[] = {"order-service", "inventory-service", "notification-service",
                                       "logging-service"};
enum { N_SERVICES = sizeof services / sizeof *services };

static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
enum { N_METHODS = sizeof methods / sizeof *methods };

static void read_stream(FILE *stream, struct strbuf *out) {
    char chunk[4096];
    size_t n;
    assert_non_null(stream);
    while ((n = fread(chunk, 1, sizeof chunk, stream)) > 0)
        strbuf_add(out, chunk, n);
}

static void read_file(const char *path, struct strbuf *out) {
    FILE *file = fopen(path, "r");
    read_stream(file, out);
    fclose(file);
}

static void read_readme(struct strbuf *out) {
    read_file("README.md", out);
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

static cJSON *read_document(void) {
    struct strbuf text;
    struct json_fault fault;
    cJSON *document = NULL;
    strbuf_init(&text);
    read_file("schemas/openapi.json", &text);
    assert_int_equal(json_parse(text.data, text.len, &document, &fault), OK);
    strbuf_release(&text);
    return document;
}

static const cJSON *member(const cJSON *object, const char *name) {
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_of(const cJSON *object, const char *name) {
    const char *text = cJSON_GetStringValue(member(object, name));
    assert_non_null(text);
    return text;
}

/* What a "$ref" of this document stands for: "#/components/responses/NotFound". */
static const cJSON *resolve(const cJSON *document, const cJSON *part) {
    const char *reference = cJSON_GetStringValue(member(part, "$ref"));
    if (!reference)
        return part;
    char path[128];
    assert_true(strlen(reference) < sizeof path);
    strcpy(path, reference);
    const cJSON *found = document;
    for (char *name = strtok(path + strlen("#/"), "/"); name; name = strtok(NULL, "/"))
        found = member(found, name);
    assert_non_null(found);
    return found;
}

static bool is_of_service(const cJSON *path_item, const char *service) {
    const cJSON *server;
    cJSON_ArrayForEach(server, member(path_item, "servers")) {
        if (strcmp(text_of(server, "description"), service) == 0)
            return true;
    }
    return false;
}

/* Calls `visit` for each request that the document has for the service; returns
 * their number. */
static size_t each_request(const cJSON *document, const char *service,
                           void (*visit)(const cJSON *document, const cJSON *path,
                                         const cJSON *method, void *context),
                           void *context) {
    size_t n = 0;
    const cJSON *path, *method;
    cJSON_ArrayForEach(path, member(document, "paths")) {
        if (!is_of_service(path, service))
            continue;
        cJSON_ArrayForEach(method, path) {
            if (strcmp(method->string, "servers") == 0)
                continue;
            visit(document, path, method, context);
            n++;
        }
    }
    return n;
}

/* Of the document's method, which is in lower case. */
static const char *method_name(const cJSON *method) {
    for (size_t i = 0; i < N_METHODS; i++)
        if (strcasecmp(method->string, methods[i]) == 0)
            return methods[i];
    fail_msg("schemas/openapi.json: unknown method %s", method->string);
    return NULL;
}

static void find_in_help(const cJSON *document, const cJSON *path, const cJSON *method,
                         void *context) {
    char line[128];
    (void)document;
    snprintf(line, sizeof line, "\n  %-6s %s\n", method_name(method), path->string);
    if (!strstr(context, line))
        fail_msg("schemas/openapi.json: no service has %s %s", method_name(method), path->string);
}

/* By default it listens where the document says. */
static void check_server(const cJSON *document, const char *service, const char *help) {
    const char *row = strstr(help, "\n  HTTP_PORT ");
    char url[64];
    int port = 0;
    assert_non_null(row);
    assert_int_equal(sscanf(row, " HTTP_PORT %d", &port), 1);
    snprintf(url, sizeof url, "http://localhost:%d", port);
    const cJSON *server;
    cJSON_ArrayForEach(server, member(document, "servers")) {
        if (strcmp(text_of(server, "description"), service) == 0) {
            assert_string_equal(text_of(server, "url"), url);
            return;
        }
    }
    fail_msg("schemas/openapi.json: the servers lack %s", service);
}

static size_t occurrences(const char *text, const char *part) {
    size_t n = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

static void document__has_the_requests_that_the_services_serve(void **state) {
    (void)state;
    cJSON *document = read_document();
    for (size_t i = 0; i < N_SERVICES; i++) {
        struct strbuf help;
        strbuf_init(&help);
        read_help(services[i], &help);

        size_t n = each_request(document, services[i], find_in_help, help.data);

        check_server(document, services[i], help.data);
        size_t n_served = 0;
        for (size_t j = 0; j < N_METHODS; j++) {
            char row[16];
            snprintf(row, sizeof row, "\n  %s ", methods[j]);
            n_served += occurrences(help.data, row);
        }
        if (n != n_served)
            fail_msg("%s serves %zu requests, schemas/openapi.json has %zu of them", services[i],
                     n_served, n);
        strbuf_release(&help);
    }
    cJSON_Delete(document);
}

/* "`GET /orders?customerId=`": the request as the README has it, with the
 * parameters that not every list has. */
static void describe_request(const cJSON *document, const cJSON *path, const cJSON *method,
                             struct strbuf *out) {
    const char *separator = "?";
    const cJSON *parameter;
    strbuf_printf(out, "`%s %s", method_name(method), path->string);
    cJSON_ArrayForEach(parameter, member(method, "parameters")) {
        const cJSON *found = resolve(document, parameter);
        if (found != parameter || strcmp(text_of(found, "in"), "query") != 0)
            continue;
        strbuf_printf(out, "%s%s=", separator, text_of(found, "name"));
        separator = "&";
    }
    strbuf_add_char(out, '`');
}

static void find_in_readme(const cJSON *document, const cJSON *path, const cJSON *method,
                           void *context) {
    struct strbuf request;
    strbuf_init(&request);
    describe_request(document, path, method, &request);
    if (!strstr(context, request.data))
        fail_msg("README.md: the requests lack %s", request.data);
    strbuf_release(&request);
}

static size_t count_requests(const char *text) {
    size_t n = 0;
    for (size_t i = 0; i < N_METHODS; i++) {
        char start[16];
        snprintf(start, sizeof start, "`%s /", methods[i]);
        n += occurrences(text, start);
    }
    return n;
}

static void readme__has_the_requests_of_the_document(void **state) {
    (void)state;
    struct strbuf readme;
    cJSON *document = read_document();
    strbuf_init(&readme);
    read_readme(&readme);
    char *section = strstr(readme.data, "\n### HTTP\n");
    assert_non_null(section);
    char *end = strstr(section, "\nIn an order");
    assert_non_null(end);
    *end = '\0';

    size_t n = 0;
    for (size_t i = 0; i < N_SERVICES; i++)
        n += each_request(document, services[i], find_in_readme, section);

    /* What every service has stands there once, before the lists. */
    size_t n_listed = count_requests(section);
    end = strstr(section, "Lists");
    assert_non_null(end);
    *end = '\0';
    assert_int_equal(n_listed + count_requests(section) * (N_SERVICES - 1), n);
    strbuf_release(&readme);
    cJSON_Delete(document);
}

/* "| 409 | `order-conflict` |" */
static void find_problem(const cJSON *status, const cJSON *problem, const char *table) {
    static const char urn[] = "urn:orderflow:problem:";
    const char *type = text_of(member(member(problem, "properties"), "type"), "const");
    char row[128];
    snprintf(row, sizeof row, "\n| %s | `%s` |", status->string, type + strlen(urn));
    if (!strstr(table, row))
        fail_msg("README.md: the table of problems lacks%s", row);
}

static void find_problems(const cJSON *document, const cJSON *status, const char *table) {
    const cJSON *content = member(resolve(document, status), "content");
    const cJSON *schema = member(member(content, "application/problem+json"), "schema");
    const cJSON *one;
    if (member(schema, "oneOf"))
        cJSON_ArrayForEach(one, member(schema, "oneOf"))
            find_problem(status, resolve(document, one), table);
    else if (schema)
        find_problem(status, resolve(document, schema), table);
}

/* Of a request that changes something. */
static void find_problems_of(const cJSON *document, const cJSON *path, const cJSON *method,
                             void *context) {
    const cJSON *status;
    (void)path;
    if (strcmp(method->string, "get") == 0)
        return;
    cJSON_ArrayForEach(status, member(method, "responses"))
        find_problems(document, status, context);
}

/* "| 409 | `order-conflict` |": no row is for a problem that there is not. */
static void assert_rows_are_problems(const cJSON *document, const char *table) {
    const cJSON *schemas = member(member(document, "components"), "schemas");
    for (const char *row = strstr(table, "\n| 4"); row; row = strstr(row + 1, "\n| ")) {
        char code[64], wanted[128];
        const cJSON *schema;
        bool is_there = false;
        assert_int_equal(sscanf(row, "\n| %*d | `%63[a-z-]`", code), 1);
        snprintf(wanted, sizeof wanted, "urn:orderflow:problem:%s", code);
        cJSON_ArrayForEach(schema, schemas) {
            const cJSON *type = member(member(member(schema, "properties"), "type"), "const");
            is_there = is_there || (type && strcmp(cJSON_GetStringValue(type), wanted) == 0);
        }
        if (!is_there)
            fail_msg("README.md: the table of problems has %s, which there is not", code);
    }
}

static void readme__has_the_problems_of_requests_that_change_something(void **state) {
    (void)state;
    struct strbuf readme;
    cJSON *document = read_document();
    strbuf_init(&readme);
    read_readme(&readme);
    char *table = strstr(readme.data, "\n| status | `type`");
    assert_non_null(table);
    char *end = strstr(table, "\n\n");
    assert_non_null(end);
    *end = '\0';

    each_request(document, "order-service", find_problems_of, table);

    assert_rows_are_problems(document, table);
    strbuf_release(&readme);
    cJSON_Delete(document);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readme__has_every_setting_of_every_service),
        cmocka_unit_test(readme__has_no_setting_that_no_service_has),
        cmocka_unit_test(document__has_the_requests_that_the_services_serve),
        cmocka_unit_test(readme__has_the_requests_of_the_document),
        cmocka_unit_test(readme__has_the_problems_of_requests_that_change_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
