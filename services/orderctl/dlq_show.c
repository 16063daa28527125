/* orderctl dlq show: everything of one letter. */
#include "orderctl/commands.h"
#include "orderctl/dlq.h"
#include "orderctl/dlq_desk.h"
#include "orderctl/plain_text.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct show {
    bool is_raw;
    bool is_found;
};

static void add_line(struct strbuf *out, const char *name, struct bytes value) {
    strbuf_printf(out, "%-10s ", name);
    plain_text_add(out, value);
    strbuf_add_char(out, '\n');
}

static void add_headers(struct strbuf *out, const struct letter *letter) {
    struct record_walk walk = record_walk(&letter->record);
    struct record_header header;
    for (size_t i = 0; record_walk_next(&walk, &header); i++) {
        if (i == 0 || i == letter->parts.n_own_headers)
            strbuf_printf(out, "%s\n",
                          i < letter->parts.n_own_headers ? "headers of the record"
                                                          : "headers of the letter");
        strbuf_add_str(out, "  ");
        plain_text_add(out, (struct bytes){header.name, strlen(header.name)});
        strbuf_add_str(out, ": ");
        plain_text_add(out, header.value);
        strbuf_add_char(out, '\n');
    }
}

static void add_value(struct strbuf *out, struct bytes value) {
    if (!value.data) {
        strbuf_add_str(out, "value      null\n");
        return;
    }
    strbuf_printf(out, "value      %zu bytes\n", value.len);
    if (!plain_text_is(value)) {
        plain_text_add_dump(out, value);
        return;
    }
    strbuf_add(out, value.data, value.len);
    strbuf_add_char(out, '\n');
}

static void print_letter(const struct letter *letter) {
    char time[CLOCK_RFC3339_SIZE];
    struct strbuf out;
    strbuf_init(&out);
    clock_format_rfc3339(letter->record.timestamp_ms, time);
    strbuf_add_str(&out, "letter     ");
    dlq_add_place(&out, letter);
    strbuf_printf(&out, ", %s, written at %s\n", letter_state_name(letter->state), time);
    strbuf_add_str(&out, "record     ");
    dlq_add_origin(&out, letter);
    strbuf_add_char(&out, '\n');
    add_line(&out, "refused by", letter->parts.group);
    add_line(&out, "because of", letter->parts.class_name);
    add_line(&out, "", letter->parts.message);
    add_headers(&out, letter);
    add_line(&out, "key", letter->record.key);
    add_value(&out, letter->record.value);
    fwrite(out.data, 1, out.len, stdout);
    strbuf_release(&out);
}

static bool show_letter(void *context, const struct letter *letter) {
    struct show *show = context;
    show->is_found = true;
    if (!show->is_raw)
        print_letter(letter);
    else if (letter->record.value.data)
        fwrite(letter->record.value.data, 1, letter->record.value.len, stdout);
    return false;
}

static enum status read_arguments(const struct config *config, int argc, char **argv,
                                  struct dlq_selection *out, struct show *show, struct error *err) {
    const char *places[3];
    size_t n = 0;
    *out = (struct dlq_selection){.n_topics = 1,
                                  .names_topics = true,
                                  .since_ms = INT64_MIN,
                                  .until_ms = INT64_MAX,
                                  .limit = 1,
                                  .all_states = true};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--raw") == 0)
            show->is_raw = true;
        else if (n == 3 || strncmp(argv[i], "--", 2) == 0)
            return error_set(err, ERR_INVALID, "unknown argument %s", argv[i]);
        else
            places[n++] = argv[i];
    }
    if (n < 3)
        return error_set(err, ERR_INVALID, "say which letter: TOPIC PARTITION OFFSET");
    if (!dlq_number_read(places[1], &out->partition) || !dlq_number_read(places[2], &out->offset))
        return error_set(err, ERR_INVALID, "PARTITION and OFFSET must be whole numbers from 0");
    return dlq_topic_named(config, places[0], out->topics[0], err);
}

int dlq_show(const struct config *config, int argc, char **argv) {
    struct dlq_selection selection;
    struct show show = {false, false};
    struct error err;
    if (read_arguments(config, argc, argv, &selection, &show, &err) != OK) {
        fprintf(stderr, "orderctl: dlq show: %s\n", err.text);
        return EXIT_USAGE;
    }
    if (dlq_visit(config, &selection, show_letter, &show, &err) != OK) {
        fprintf(stderr, "orderctl: %s\n", err.text);
        return EXIT_FAILURE;
    }
    if (!show.is_found)
        return dlq_say_missing(selection.topics[0], selection.partition, selection.offset);
    return EXIT_SUCCESS;
}
