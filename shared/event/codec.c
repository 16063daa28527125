#include "event/codec.h"

#include "event/json_check.h"
#include "event/json_cursor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    NOT_IN_A_LINE = -1,
    NAME_SIZE = 16, /* longer ones are none of the contract's */
};

/* What reading one document needs to know. */
struct reader {
    struct json_cursor cursor;
    enum order_form form;
    int line; /* the index of the product that is being read, or NOT_IN_A_LINE */
    struct contract_faults *faults;
};

/* A member that an object of the contract has. */
struct member {
    const char *name;
    bool is_optional; /* in an ORDER_REQUEST */
    void (*read)(struct reader *reader, const struct member *member, void *object);
    size_t at; /* where in `object` its value goes */
};

struct shape {
    size_t n;
    const struct member *members;
};

/* `name` NULL: the fault is with the object that is being read. */
static void add_fault(struct reader *reader, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add_fault(struct reader *reader, const char *name, const char *format, ...) {
    struct contract_faults *faults = reader->faults;
    if (faults->n == CONTRACT_FAULTS_MAX)
        return;
    struct contract_fault *fault = &faults->items[faults->n++];

    char line[32] = "";
    if (reader->line != NOT_IN_A_LINE)
        snprintf(line, sizeof line, "/products/%d", reader->line);
    snprintf(fault->pointer, sizeof fault->pointer, "%s%s%s", line, name ? "/" : "",
             name ? name : "");

    va_list args;
    va_start(args, format);
    vsnprintf(fault->detail, sizeof fault->detail, format, args);
    va_end(args);
}

static void read_id(struct reader *reader, const struct member *member, void *object) {
    char *id = (char *)object + member->at;
    if (!json_take_string(&reader->cursor, id, ID_SIZE) || !event_is_id(id))
        add_fault(reader, member->name, "must be a string of 1 to %d characters from '!' to '~'",
                  ID_SIZE - 1);
}

static void read_quantity(struct reader *reader, const struct member *member, void *object) {
    double number;
    if (!json_take_number(&reader->cursor, &number) || !(number >= 1 && number <= QUANTITY_MAX) ||
        number != (int32_t)number) {
        add_fault(reader, member->name, "must be an integer from 1 to %d", QUANTITY_MAX);
        return;
    }
    *(int32_t *)((char *)object + member->at) = (int32_t)number;
}

static void read_total(struct reader *reader, const struct member *member, void *object) {
    int64_t *cents = (int64_t *)((char *)object + member->at);
    double number;
    if (!json_take_number(&reader->cursor, &number) ||
        json_cents(number, TOTAL_CENTS_MAX, cents) != OK)
        add_fault(reader, member->name, "must be a number from 0 to %lld with at most two decimals",
                  (long long)(TOTAL_CENTS_MAX / 100));
}

static const struct member *find_member(const struct shape *shape, const char *name) {
    for (size_t i = 0; i < shape->n; i++)
        if (strcmp(shape->members[i].name, name) == 0)
            return &shape->members[i];
    return NULL;
}

/* The member whose name and value come next; NULL: none of the contract's. */
static const struct member *take_name(struct reader *reader, const struct shape *shape) {
    char name[NAME_SIZE];
    return json_take_name(&reader->cursor, name, sizeof name) ? find_member(shape, name) : NULL;
}

/* Reads the members that an object should have and reports those it lacks. */
static void read_object(struct reader *reader, const struct shape *shape, void *out) {
    struct json_cursor *cursor = &reader->cursor;
    if (json_kind(cursor) != JSON_OBJECT) {
        json_skip(cursor);
        add_fault(reader, NULL, "must be an object");
        return;
    }
    unsigned seen = 0;
    for (bool more = json_enter(cursor); more; more = json_next(cursor)) {
        const struct member *member = take_name(reader, shape);
        if (!member) {
            json_skip(cursor);
            continue;
        }
        seen |= 1u << (member - shape->members);
        member->read(reader, member, out);
    }
    for (size_t i = 0; i < shape->n; i++) {
        const struct member *member = &shape->members[i];
        bool may_lack = member->is_optional && reader->form == ORDER_REQUEST;
        if (!(seen & 1u << i) && !may_lack)
            add_fault(reader, member->name, "is missing");
    }
}

#define SHAPE(members)                                                                             \
    { sizeof members / sizeof members[0], members }

static const struct member line_members[] = {
    {"productId", false, read_id, offsetof(struct order_line, product_id)},
    {"quantity", false, read_quantity, offsetof(struct order_line, quantity)},
    {"totalPrice", true, read_total, offsetof(struct order_line, total_cents)},
};
static const struct shape line_shape = SHAPE(line_members);

/* The number of values in the array at the cursor, which stays there; 0: it is none. */
static size_t count_values(struct json_cursor cursor) {
    size_t n = 0;
    if (json_kind(&cursor) != JSON_ARRAY)
        return 0;
    for (bool more = json_enter(&cursor); more; more = json_next(&cursor)) {
        json_skip(&cursor);
        n++;
    }
    return n;
}

static void read_products(struct reader *reader, const struct member *member, void *object) {
    struct order *order = object;
    size_t n = count_values(reader->cursor);
    if (n < 1 || n > ORDER_LINES_MAX) {
        json_skip(&reader->cursor);
        add_fault(reader, member->name, "must be an array of 1 to %d products", ORDER_LINES_MAX);
        return;
    }
    bool more = json_enter(&reader->cursor);
    for (reader->line = 0; more; reader->line++) {
        struct order_line *line = &order->lines[reader->line];
        line->total_cents = TOTAL_CENTS_MISSING;
        read_object(reader, &line_shape, line);
        more = json_next(&reader->cursor);
    }
    reader->line = NOT_IN_A_LINE;
    order->n_lines = n;
}

static const struct member order_members[] = {
    {"orderId", true, read_id, offsetof(struct order, order_id)},
    {"customerId", false, read_id, offsetof(struct order, customer_id)},
    {"products", false, read_products, 0},
};
static const struct shape order_shape = SHAPE(order_members);

static const struct member inventory_empty_members[] = {
    {"productId", false, read_id, offsetof(struct inventory_empty, product_id)},
};
static const struct shape inventory_empty_shape = SHAPE(inventory_empty_members);

static const struct member logging_action_members[] = {
    {"serviceName", false, read_id, offsetof(struct logging_action, service_name)},
    {"action", false, read_id, offsetof(struct logging_action, action)},
};
static const struct shape logging_action_shape = SHAPE(logging_action_members);

enum status contract_faults_of_syntax(const struct json_fault *syntax,
                                      struct contract_faults *faults) {
    struct contract_fault *fault = &faults->items[0];
    faults->is_syntax = true;
    faults->n = 1;
    _Static_assert(sizeof fault->pointer == sizeof syntax->pointer, "pointers are copied whole");
    memcpy(fault->pointer, syntax->pointer, sizeof fault->pointer);
    snprintf(fault->detail, sizeof fault->detail, "line %zu, column %zu: %s", syntax->line,
             syntax->column, syntax->detail);
    return ERR_INVALID;
}

/* Leaves a half-read object in `out` when it fails. */
static enum status decode(const char *json, size_t len, const struct shape *shape,
                          enum order_form form, void *out, struct contract_faults *faults) {
    faults->is_syntax = false;
    faults->n = 0;
    struct json_fault syntax;
    if (!json_check(json, len, &syntax))
        return contract_faults_of_syntax(&syntax, faults);

    struct reader reader = {json_cursor(json, len), form, NOT_IN_A_LINE, faults};
    read_object(&reader, shape, out);
    return faults->n == 0 ? OK : ERR_INVALID;
}

enum status order_decode(const char *json, size_t len, enum order_form form, struct order *out,
                         struct contract_faults *faults) {
    struct order order;
    order.order_id[0] = '\0';
    enum status status = decode(json, len, &order_shape, form, &order, faults);
    if (status == OK)
        order_copy(out, &order);
    return status;
}

void order_encode(const struct order *order, struct strbuf *out) {
    strbuf_add_str(out, "{\"orderId\":");
    json_add_string(out, order->order_id);
    strbuf_add_str(out, ",\"customerId\":");
    json_add_string(out, order->customer_id);
    strbuf_add_str(out, ",\"products\":[");
    for (size_t i = 0; i < order->n_lines; i++) {
        const struct order_line *line = &order->lines[i];
        strbuf_add_str(out, i == 0 ? "{\"productId\":" : ",{\"productId\":");
        json_add_string(out, line->product_id);
        strbuf_add_str(out, ",\"quantity\":");
        strbuf_add_int(out, line->quantity);
        strbuf_add_str(out, ",\"totalPrice\":");
        json_add_cents(out, line->total_cents);
        strbuf_add_char(out, '}');
    }
    strbuf_add_str(out, "]}");
}

static enum status decode_new_order(const char *json, size_t len, struct event *out,
                                    struct contract_faults *faults) {
    return order_decode(json, len, ORDER_EVENT, &out->order, faults);
}

static void encode_new_order(const struct event *event, struct strbuf *out) {
    order_encode(&event->order, out);
}

static enum status decode_inventory_empty(const char *json, size_t len, struct event *out,
                                          struct contract_faults *faults) {
    struct inventory_empty payload;
    enum status status = decode(json, len, &inventory_empty_shape, ORDER_EVENT, &payload, faults);
    if (status == OK)
        out->inventory_empty = payload;
    return status;
}

static void encode_inventory_empty(const struct event *event, struct strbuf *out) {
    strbuf_add_str(out, "{\"productId\":");
    json_add_string(out, event->inventory_empty.product_id);
    strbuf_add_char(out, '}');
}

static enum status decode_logging_action(const char *json, size_t len, struct event *out,
                                         struct contract_faults *faults) {
    struct logging_action payload;
    enum status status = decode(json, len, &logging_action_shape, ORDER_EVENT, &payload, faults);
    if (status == OK)
        out->logging_action = payload;
    return status;
}

static void encode_logging_action(const struct event *event, struct strbuf *out) {
    strbuf_add_str(out, "{\"serviceName\":");
    json_add_string(out, event->logging_action.service_name);
    strbuf_add_str(out, ",\"action\":");
    json_add_string(out, event->logging_action.action);
    strbuf_add_char(out, '}');
}

struct codec {
    enum status (*decode)(const char *json, size_t len, struct event *out,
                          struct contract_faults *faults);
    void (*encode)(const struct event *event, struct strbuf *out);
};

static const struct codec codecs[N_EVENT_TYPES] = {
    [EVENT_NEW_ORDER] = {decode_new_order, encode_new_order},
    [EVENT_INVENTORY_EMPTY] = {decode_inventory_empty, encode_inventory_empty},
    [EVENT_NEW_LOGGING_ACTION] = {decode_logging_action, encode_logging_action},
};

enum status event_decode(const char *json, size_t len, struct event *out,
                         struct contract_faults *faults) {
    return codecs[out->type].decode(json, len, out, faults);
}

void event_encode(const struct event *event, struct strbuf *out) {
    codecs[event->type].encode(event, out);
}

void contract_faults_describe(const struct contract_faults *faults, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < faults->n && used < size; i++) {
        const struct contract_fault *fault = &faults->items[i];
        int n = snprintf(out + used, size - used, "%s%s: %s", i == 0 ? "" : "; ",
                         *fault->pointer ? fault->pointer : "the document", fault->detail);
        used += n > 0 ? (size_t)n : 0;
    }
}
