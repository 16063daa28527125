/*
 * The codecs and the schemas decide the same: on documents that start valid
 * and are then changed at random, and with an independent validator
 * (oracle.py) that says what the schemas say. Where a reader has to decide
 * otherwise, the table below says why; any other difference is a fault.
 *
 * CONTRACT_DOCUMENTS sets how many (3000); TEST_SEED repeats a run.
 */
#include "event/codec.h"
#include "event/event.h"
#include "support/generator.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <signal.h>
#include <string.h>

enum verdict { VALID, INVALID, MALFORMED, N_VERDICTS };

static const char *const verdict_names[N_VERDICTS] = {"valid", "invalid", "malformed"};

/* Where readers decide otherwise than the schemas, and why. */
struct difference {
    const char *rule; /* as oracle.py calls it */
    const char *reason;
    enum event_type type;
    const char *document; /* on which they differ */
    enum verdict by_schema, by_reader;
    const char *neighbour; /* the nearest on which they agree: it is valid */
};

#define PRODUCT(note) "{\"productId\":\"P\",\"note\":" note "}"
#define ORDER(quantity, price)                                                                     \
    "{\"orderId\":\"O\",\"customerId\":\"C\",\"products\":[{\"productId\":\"P\","                  \
    "\"quantity\":" quantity ",\"totalPrice\":" price "}]}"
#define SEVEN(text) text text text text text text text
#define MEMBERS_7(name)                                                                            \
    "\"" name "1\":0,\"" name "2\":0,\"" name "3\":0,\"" name "4\":0,\"" name "5\":0,\"" name      \
    "6\":0,\"" name "7\":0"
#define MEMBERS_21(name) MEMBERS_7(name "x") "," MEMBERS_7(name "y") "," MEMBERS_7(name "z")
#define MEMBERS_63 MEMBERS_21("a") "," MEMBERS_21("b") "," MEMBERS_21("c")

static const struct difference differences[] = {
    {"member-twice", "a schema sees the object after parsing, of which Python keeps the last",
     EVENT_INVENTORY_EMPTY, "{\"productId\":\"P\",\"productId\":\"P\"}", VALID, MALFORMED,
     "{\"productId\":\"P\",\"productID\":\"P\"}"},
    {"member-twice", "names are the same however they are escaped", EVENT_INVENTORY_EMPTY,
     "{\"productId\":\"P\",\"product\\u0049d\":\"P\"}", VALID, MALFORMED,
     "{\"productId\":\"P\",\"product\\u004ad\":\"P\"}"},
    {"members", "a bound of the reader: finding members given twice stays cheap",
     EVENT_INVENTORY_EMPTY, "{\"productId\":\"P\"," MEMBERS_63 ",\"last\":0}", VALID, MALFORMED,
     "{\"productId\":\"P\"," MEMBERS_63 "}"},
    {"depth", "a bound of the reader: it is recursive", EVENT_INVENTORY_EMPTY,
     PRODUCT(SEVEN("[") SEVEN("[") "[[" SEVEN("]") SEVEN("]") "]]"), VALID, MALFORMED,
     PRODUCT(SEVEN("[") SEVEN("[") "[" SEVEN("]") SEVEN("]") "]")},
    {"nul", "a C string cannot hold it, and a schema does not look at unknown members",
     EVENT_INVENTORY_EMPTY, PRODUCT("\"\\u0000\""), VALID, MALFORMED, PRODUCT("\"\\u0001\"")},
    {"surrogate", "half a character has no UTF-8; Python has strings with such",
     EVENT_INVENTORY_EMPTY, PRODUCT("\"\\ud83d\""), VALID, MALFORMED,
     PRODUCT("\"\\ud83d\\ude00\"")},
    {"number-length", "a bound of the reader: cJSON reads no more characters of a number",
     EVENT_NEW_ORDER, ORDER("1", "1." SEVEN("00000000") "000000"), VALID, MALFORMED,
     ORDER("1", "1." SEVEN("00000000") "00000")},
    {"number-range", "a double does not hold it; Python's decimals do", EVENT_INVENTORY_EMPTY,
     PRODUCT("1e309"), VALID, MALFORMED, PRODUCT("1e308")},
    {"final-newline", "Python's $ also stands before it; in ECMA-262, JSON Schema's dialect, not",
     EVENT_INVENTORY_EMPTY, "{\"productId\":\"P\\n\"}", VALID, INVALID, "{\"productId\":\"Pn\"}"},
    {"precision", "the reader's numbers are doubles: it takes this for 19.99", EVENT_NEW_ORDER,
     ORDER("1", "19.990000000000000001"), INVALID, VALID, ORDER("1", "19.99")},
    {"precision", "it takes this for a limit", EVENT_NEW_ORDER,
     ORDER("1000000.00000000001", "1000000000.0000000001"), INVALID, VALID,
     ORDER("1000000.00000000000", "1000000000.0000000000")},
    {"precision", "it takes this for 0", EVENT_NEW_ORDER, ORDER("1", "-1e-400"), INVALID, VALID,
     ORDER("1", "-0e-400")},
};

/* A run of oracle.py: documents go into it one after another, and all answers come at the end. */
struct oracle {
    FILE *documents;
    FILE *answers;
    char *text;
    char *next; /* the answer that was not read yet */
};

static void oracle_open(struct oracle *oracle) {
    char command[512];
    oracle->answers = tmpfile();
    assert_non_null(oracle->answers);
    int n = snprintf(command, sizeof command, "/usr/bin/python3 -B tests/contract/oracle.py");
    for (int type = 0; type < N_EVENT_TYPES; type++)
        n += snprintf(command + n, sizeof command - (size_t)n, " schemas/%s.schema.json",
                      event_type_name((enum event_type)type));
    snprintf(command + n, sizeof command - (size_t)n, " >/dev/fd/%d", fileno(oracle->answers));
    oracle->documents = popen(command, "w");
    assert_non_null(oracle->documents);
}

static void oracle_ask(struct oracle *oracle, enum event_type type, const char *text, size_t len) {
    fprintf(oracle->documents, "%d %zu\n", (int)type, len);
    if (fwrite(text, 1, len, oracle->documents) != len)
        fail_msg("oracle.py has ended");
}

/* After the last document. */
static void oracle_finish(struct oracle *oracle) {
    if (pclose(oracle->documents) != 0)
        fail_msg("oracle.py failed: is python3-jsonschema installed?");
    assert_int_equal(fseek(oracle->answers, 0, SEEK_END), 0);
    size_t size = (size_t)ftell(oracle->answers);
    rewind(oracle->answers);
    oracle->text = oracle->next = malloc(size + 1);
    assert_non_null(oracle->text);
    assert_int_equal(fread(oracle->text, 1, size, oracle->answers), size);
    oracle->text[size] = '\0';
}

static enum verdict verdict_named(const char *name) {
    for (int i = 0; i < N_VERDICTS; i++)
        if (strcmp(verdict_names[i], name) == 0)
            return (enum verdict)i;
    fail_msg("oracle.py says \"%s\"", name);
    return N_VERDICTS;
}

struct answer {
    enum verdict by_schema, by_reader;
    const char *rules; /* in which these differ, with spaces between them */
};

static struct answer oracle_answer(struct oracle *oracle) {
    char *line = oracle->next;
    char *end = strchr(line, '\n');
    if (!end)
        fail_msg("oracle.py says too little");
    *end = '\0';
    oracle->next = end + 1;
    char *by_reader = strchr(line, ' ');
    assert_non_null(by_reader);
    *by_reader++ = '\0';
    char *rules = by_reader + strcspn(by_reader, " ");
    if (*rules)
        *rules++ = '\0';
    return (struct answer){verdict_named(line), verdict_named(by_reader), rules};
}

static void oracle_release(struct oracle *oracle) {
    fclose(oracle->answers);
    free(oracle->text);
}

static enum verdict ask_codec(enum event_type type, const char *text, size_t len) {
    struct event event = {.type = type};
    struct contract_faults faults;
    if (event_decode(text, len, &event, &faults) == OK)
        return VALID;
    return faults.is_syntax ? MALFORMED : INVALID;
}

/* Valid documents, made by what schemas/README.md says. */

static cJSON *make_order(void) {
    static const size_t many[] = {99, 100};
    return generate_order(one_in(200) ? PICK(many) : 1 + random_below(3));
}

static cJSON *make_inventory_empty(void) {
    cJSON *payload = cJSON_CreateObject();
    cJSON_AddItemToObject(payload, "productId", generate_id());
    return payload;
}

static cJSON *make_logging_action(void) {
    cJSON *payload = cJSON_CreateObject();
    cJSON_AddItemToObject(payload, "serviceName", generate_id());
    cJSON_AddItemToObject(payload, "action", generate_id());
    return payload;
}

static cJSON *(*const makers[N_EVENT_TYPES])(void) = {
    [EVENT_NEW_ORDER] = make_order,
    [EVENT_INVENTORY_EMPTY] = make_inventory_empty,
    [EVENT_NEW_LOGGING_ACTION] = make_logging_action,
};

/* Values that may be wrong where they are put. */

static cJSON *make_number(void) {
    static const char *const limits[] = {
        "0",     "1",    "0.5",   "1.5",  "-1",  "1000000",       "1000001",    "1000000.5",
        "0.001", "0.01", "-0.01", "0.99", "1e9", "1000000000.01", "1000000001", "999999999.999",
    };
    static const char *const others[] = {
        "-1e0",   "1e7",    "2147483648", "4294967297", "1e18",  "9.5e18", "1.8e19",
        "1e30",   "1e308",  "1.8e308",    "-1e309",     "1e400", "1e-400", "-1e-400",
        "5e-324", "0e999",  "0.1e-1",     "1e-3",       "0.005", "0.011",  "0.015",
        "-0.001", "19.995", "19.999",     "1e10",
    };
    static const char *const near_a_limit[] = {
        "1.0000000000000002",     "0.9999999999999999", "0.99999999999999999999",
        "19.9899999999999999999", "19.989999999999998", "999999.99999999999",
        "12345678901234567890",
    };
    static const size_t lengths[] = {40, 61, 62, 63, 64};
    if (one_in(2))
        return cJSON_CreateRaw(PICK(limits));
    if (one_in(2))
        return cJSON_CreateRaw(one_in(3) ? PICK(near_a_limit) : PICK(others));
    char text[80] = "1.";
    size_t len = PICK(lengths);
    for (size_t i = 2; i < len; i++)
        text[i] = one_in(100) ? '5' : '0';
    return cJSON_CreateRaw(text);
}

/* A string of some length, with a character in it that is not an id's, or is escaped. */
static cJSON *make_string(void) {
    static const char *const escapes[] = {
        "\\n",     "\\t",      "\\\\",           "\\\"",           "\\/",     "\\u0041", "\\u007E",
        "\\u0021", "\\u0020",  "\\u0000",        "\\u0001",        "\\u007f", "\\u00e9", "\\ud83d",
        "\\ude00", "\\ud83dx", "\\ud83d\\ude00", "\\uDBFF\\uDFFF",
    };
    static const char *const characters[] = {
        " ",
        "~",
        "!",
        "/",
        "\x01",
        "\x7f",
        "\xc3\xa9",
        "\xe2\x82\xac",
        "\xf0\x9f\x98\x80",
        "\xef\xbb\xbf",
        "\xef\xbf\xbf",
        "\xff",
        "\xed\xa0\x80",
        "\xc0\x80",
    };
    static const size_t lengths[] = {0, 1, 2, 62, 63, 64, 65, 66};
    char text[512] = "\"";
    size_t len = one_in(2) ? PICK(lengths) : random_below(10);
    size_t odd = one_in(3) ? SIZE_MAX : random_below(len + 1);
    for (size_t i = 0; i < len; i++)
        strcat(text, i != odd ? "a" : one_in(2) ? PICK(escapes) : PICK(characters));
    strcat(text, "\"");
    return cJSON_CreateRaw(text);
}

static cJSON *make_nested(void) {
    char text[64];
    size_t depth = 1 + random_below(one_in(2) ? 3 : 18);
    snprintf(text, sizeof text, "%.*s%.*s", (int)depth, "[[[[[[[[[[[[[[[[[[", (int)depth,
             "]]]]]]]]]]]]]]]]]]");
    return cJSON_CreateRaw(text);
}

static cJSON *make_anything(void) {
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "[]",
        "{}",
        "\"\"",
        "\"1\"",
        "[1]",
        "[{}]",
        "1",
        "\"P\"",
        "[[]]",
        "{\"productId\":\"P\"}",
    };
    static cJSON *(*const kinds[])(void) = {make_number, make_string,    make_nested,
                                            generate_id, generate_price, generate_quantity};
    return one_in(2) ? cJSON_CreateRaw(PICK(texts)) : PICK(kinds)();
}

static const char *any_name(void) {
    static const char *const names[] = {
        "orderId",    "customerId",  "products",  "productId", "quantity",
        "totalPrice", "serviceName", "action",    "note",      "ORDERID",
        "OrderId",    "productid",   "Action",    "orderId ",  "",
        "product",    "productIds",  "a/b",       "a~b",       "\xc3\xa9",
        "\x01",       "\"quoted\"",  "__proto__", "$id",       "0",
    };
    return PICK(names);
}

/* A value and what it is in; the whole document is in an array by itself. */
struct place {
    cJSON *parent;
    cJSON *value;
};

enum { PLACES_MAX = 1024 };

struct places {
    size_t n;
    struct place items[PLACES_MAX];
};

static void find_places(cJSON *parent, struct places *places) {
    for (cJSON *value = parent->child; value && places->n < PLACES_MAX; value = value->next) {
        places->items[places->n++] = (struct place){parent, value};
        find_places(value, places);
    }
}

static bool replace(struct place at, cJSON *value) {
    value->string = at.value->string ? strdup(at.value->string) : NULL;
    return cJSON_ReplaceItemViaPointer(at.parent, at.value, value);
}

/* Each change returns whether it could be made there. */

static bool change_value(struct place at) {
    return replace(at, make_anything());
}

static bool change_number(struct place at) {
    return cJSON_IsRaw(at.value) && replace(at, make_number());
}

static bool change_string(struct place at) {
    return cJSON_IsString(at.value) && replace(at, make_string());
}

static bool wrap_value(struct place at) {
    cJSON *array = cJSON_CreateArray();
    cJSON_AddItemToArray(array, cJSON_Duplicate(at.value, true));
    return replace(at, array);
}

static bool remove_value(struct place at) {
    cJSON_Delete(cJSON_DetachItemViaPointer(at.parent, at.value));
    return true;
}

static bool move_member(struct place at, const char *name) {
    return cJSON_AddItemToObject(at.parent, name, cJSON_DetachItemViaPointer(at.parent, at.value));
}

static bool rename_member(struct place at) {
    return cJSON_IsObject(at.parent) && move_member(at, any_name());
}

static bool reorder_member(struct place at) {
    return cJSON_IsObject(at.parent) && move_member(at, at.value->string);
}

static bool repeat_member(struct place at) {
    return cJSON_IsObject(at.parent) &&
           cJSON_AddItemToObject(at.parent, at.value->string, cJSON_Duplicate(at.value, true));
}

static bool add_member(struct place at) {
    return cJSON_IsObject(at.value) && cJSON_AddItemToObject(at.value, any_name(), make_anything());
}

static bool add_members(struct place at) {
    if (!cJSON_IsObject(at.value))
        return false;
    size_t n = 62 + random_below(5);
    for (size_t i = (size_t)cJSON_GetArraySize(at.value); i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%zu", i);
        cJSON_AddTrueToObject(at.value, name);
    }
    return true;
}

static bool resize_array(struct place at) {
    static const int sizes[] = {0, 1, 2, 99, 100, 101};
    if (!cJSON_IsArray(at.value))
        return false;
    int n = PICK(sizes);
    while (cJSON_GetArraySize(at.value) > n)
        cJSON_DeleteItemFromArray(at.value, 0);
    for (int i = cJSON_GetArraySize(at.value); i > 0 && i < n; i++)
        cJSON_AddItemToArray(at.value, cJSON_Duplicate(at.value->child, true));
    return true;
}

static void change_tree(cJSON *document) {
    static bool (*const changes[])(struct place at) = {
        change_value,  change_number, change_number,  change_number, change_string,  change_string,
        change_string, remove_value,  rename_member,  add_member,    add_member,     add_member,
        add_members,   repeat_member, reorder_member, wrap_value,    reorder_member, resize_array};
    static struct places places;
    places.n = 0;
    find_places(document, &places);
    bool (*change)(struct place at) = PICK(changes);
    for (int tries = 8; places.n > 0 && tries > 0; tries--)
        if (change(places.items[random_below(places.n)]))
            return;
}

static void splice(struct strbuf *text, size_t at, size_t n_removed, const char *added,
                   size_t n_added) {
    struct strbuf old = *text;
    strbuf_init(text);
    strbuf_add(text, old.data, at);
    strbuf_add(text, added, n_added);
    strbuf_add(text, old.data + at + n_removed, old.len - at - n_removed);
    strbuf_release(&old);
}

static void change_byte(struct strbuf *text) {
    static const char bytes[] =
        "{}[]\",:0123456789.eE+-\\u/ \t\n\r\f\v\x01\x1f\x7f\x80\xc3\xed\xf5\xff"
        "tfna~'#\0";
    char byte = bytes[random_below(sizeof bytes - 1)];
    size_t at = random_below(text->len);
    splice(text, at, random_below(2), &byte, random_below(2));
}

static void escape_character(struct strbuf *text) {
    size_t at = random_below(text->len);
    if (!isalnum((unsigned char)text->data[at]))
        return;
    char escape[8];
    snprintf(escape, sizeof escape, one_in(2) ? "\\u%04x" : "\\u%04X", (unsigned)text->data[at]);
    splice(text, at, 1, escape, 6);
}

static void add_space(struct strbuf *text) {
    static const char *const spaces[] = {" ", "\n", "\t", "\r",      "\r\n  ",
                                         " ", "\n", "\f", "\xc2\xa0"};
    const char *space = PICK(spaces);
    size_t at = random_below(text->len);
    if (strchr("{}[]:,", text->data[at]))
        splice(text, at + random_below(2), 0, space, strlen(space));
}

static void cut(struct strbuf *text) {
    size_t at = random_below(text->len);
    splice(text, at, text->len - at, "", 0);
}

static void repeat_slice(struct strbuf *text) {
    char slice[16];
    size_t at = random_below(text->len);
    size_t n = 1 + random_below(sizeof slice);
    n = n < text->len - at ? n : text->len - at;
    memcpy(slice, text->data + at, n);
    splice(text, at, 0, slice, n);
}

static void add_around(struct strbuf *text) {
    static const char *const texts[] = {"\xef\xbb\xbf", " ",  "\n", "null", ",", "}",
                                        "//",           "\0", "1"};
    const char *added = PICK(texts);
    splice(text, one_in(2) ? 0 : text->len, 0, added, strlen(added));
}

static void change_text(struct strbuf *text) {
    static void (*const changes[])(struct strbuf * text) = {
        change_byte,  change_byte, escape_character, escape_character, add_space, add_space,
        repeat_slice, cut,         add_around};
    if (text->len > 0)
        PICK(changes)(text);
}

static enum event_type type_of(size_t index) {
    return (enum event_type)(index % N_EVENT_TYPES);
}

/* The document depends on the seed and its index alone. */
static void generate(size_t index, struct strbuf *out) {
    random_state = seed;
    random_state = random_next() + index;
    random_state = random_next();
    cJSON *document = cJSON_CreateArray();
    cJSON_AddItemToArray(document, makers[type_of(index)]());
    for (size_t n = one_in(3) ? 0 : 1 + random_below(3); n > 0; n--)
        change_tree(document);
    char *text = one_in(4) ? cJSON_Print(document->child) : cJSON_PrintUnformatted(document->child);
    cJSON_Delete(document);

    strbuf_reset(out);
    strbuf_add_str(out, text ? text : ""); /* the whole document was removed */
    free(text);
    for (size_t n = one_in(4) ? 1 + random_below(3) : 0; n > 0; n--)
        change_text(out);
}

static size_t n_documents(void) {
    const char *chosen = getenv("CONTRACT_DOCUMENTS");
    size_t n = chosen ? strtoul(chosen, NULL, 10) : 3000;
    assert_true(n >= 100); /* fewer say nothing about their mix */
    return n;
}

static void print_document(const struct strbuf *text) {
    for (size_t i = 0; i < text->len; i++) {
        unsigned char c = (unsigned char)text->data[i];
        print_message(c == '\n' || (c >= 0x20 && c < 0x7f) ? "%c" : "<%02x>", c);
    }
    print_message("\n");
}

static void report(size_t index, enum verdict by_codec, const struct answer *answer) {
    struct strbuf text;
    strbuf_init(&text);
    generate(index, &text);
    struct event event = {.type = type_of(index)};
    struct contract_faults faults = {.n = 0};
    char why[512];
    event_decode(text.data, text.len, &event, &faults);
    contract_faults_describe(&faults, why, sizeof why);
    print_message("TEST_SEED=%llu, document %zu, %s:\n", (unsigned long long)seed, index,
                  event_type_name(event.type));
    print_document(&text);
    print_message("the codec: %s %s\n", verdict_names[by_codec], why);
    print_message("the oracle: %s; by the schema alone %s; rules: %s\n",
                  verdict_names[answer->by_reader], verdict_names[answer->by_schema],
                  *answer->rules ? answer->rules : "none");
    strbuf_release(&text);
}

static void codec__differs_from_the_schema_only_as_the_table_says(void **state) {
    (void)state;
    struct oracle oracle;
    oracle_open(&oracle);
    for (size_t i = 0; i < COUNT(differences); i++) {
        const struct difference *it = &differences[i];
        oracle_ask(&oracle, it->type, it->document, strlen(it->document));
        oracle_ask(&oracle, it->type, it->neighbour, strlen(it->neighbour));
    }
    oracle_finish(&oracle);

    for (size_t i = 0; i < COUNT(differences); i++) {
        const struct difference *it = &differences[i];
        print_message("%s: %s\n", it->rule, it->reason);
        struct answer document = oracle_answer(&oracle), neighbour = oracle_answer(&oracle);
        assert_int_equal(document.by_schema, it->by_schema);
        assert_int_equal(document.by_reader, it->by_reader);
        assert_string_equal(document.rules, it->rule);
        assert_int_equal(ask_codec(it->type, it->document, strlen(it->document)), it->by_reader);
        assert_int_equal(neighbour.by_schema, VALID);
        assert_string_equal(neighbour.rules, "");
        assert_int_equal(ask_codec(it->type, it->neighbour, strlen(it->neighbour)), VALID);
    }
    oracle_release(&oracle);
}

static bool is_in_the_table(const char *rule, size_t len) {
    for (size_t i = 0; i < COUNT(differences); i++)
        if (strlen(differences[i].rule) == len && strncmp(differences[i].rule, rule, len) == 0)
            return true;
    return false;
}

static void check_rules(const char *rules) {
    while (*rules) {
        size_t len = strcspn(rules, " ");
        if (!is_in_the_table(rules, len))
            fail_msg("\"%.*s\" is in no table of differences", (int)len, rules);
        rules += len + strspn(rules + len, " ");
    }
}

struct mix {
    size_t n[N_EVENT_TYPES][N_VERDICTS];
    size_t n_differences; /* between the schema and the reader, of those in the table */
};

static void check_mix(const struct mix *mix) {
    for (int type = 0; type < N_EVENT_TYPES; type++) {
        const size_t *n = mix->n[type];
        size_t n_all = n[VALID] + n[INVALID] + n[MALFORMED];
        print_message("%-18s %6zu documents: %2zu %% valid, %2zu %% invalid, %2zu %% malformed\n",
                      event_type_name((enum event_type)type), n_all, n[VALID] * 100 / n_all,
                      n[INVALID] * 100 / n_all, n[MALFORMED] * 100 / n_all);
        assert_true(n[VALID] * 4 >= n_all);
        assert_true((n[INVALID] + n[MALFORMED]) * 4 >= n_all);
    }
    print_message("%zu on which readers decide otherwise, by the table\n", mix->n_differences);
}

static void codec__decides_as_the_schema_on_generated_documents(void **state) {
    (void)state;
    size_t n = n_documents();
    unsigned char *by_codec = malloc(n);
    assert_non_null(by_codec);
    struct strbuf text;
    strbuf_init(&text);
    struct oracle oracle;
    oracle_open(&oracle);
    for (size_t i = 0; i < n; i++) {
        generate(i, &text);
        by_codec[i] = (unsigned char)ask_codec(type_of(i), text.data, text.len);
        oracle_ask(&oracle, type_of(i), text.data, text.len);
    }
    oracle_finish(&oracle);

    size_t n_faults = 0;
    struct mix mix = {.n_differences = 0};
    for (size_t i = 0; i < n; i++) {
        struct answer answer = oracle_answer(&oracle);
        check_rules(answer.rules);
        mix.n[type_of(i)][answer.by_reader]++;
        mix.n_differences += answer.by_schema != answer.by_reader;
        if (by_codec[i] != answer.by_reader && n_faults++ < 5)
            report(i, by_codec[i], &answer);
    }
    if (n_faults > 0)
        fail_msg("%zu of %zu documents: codec and schema differ", n_faults, n);
    check_mix(&mix);
    oracle_release(&oracle);
    strbuf_release(&text);
    free(by_codec);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN); /* a write to an oracle that has ended fails */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codec__differs_from_the_schema_only_as_the_table_says),
        cmocka_unit_test(codec__decides_as_the_schema_on_generated_documents),
    };
    return cmocka_run_group_tests(tests, choose_seed, NULL);
}
