/*
 * The wire form of the payloads: JSON, exactly as schemas/ says it.
 *
 * Decoding is strict, beyond what cJSON checks: RFC 8259's grammar, valid
 * UTF-8, no NUL, no member twice, at most 16 levels; then the contract. An
 * unknown member is ignored, so that an optional one can be added one day. A
 * number means its value, as in JSON Schema: a quantity of 3.0 is 3. All
 * functions here: any thread.
 */
#pragma once

#include "base/status.h"
#include "base/strbuf.h"
#include "event/event.h"
#include "event/json.h"

#include <stdbool.h>
#include <stddef.h>

enum { CONTRACT_FAULTS_MAX = 8 };

/* One thing that is wrong with a document. */
struct contract_fault {
    char pointer[96]; /* JSON Pointer (RFC 6901) to the member at fault, or to where it
                       * is missing; "": the document */
    char detail[160]; /* what is wrong with it, for a person */
};

/* Everything that is wrong with it, up to a bound: in the document's order, and
 * what an object lacks after what it has. */
struct contract_faults {
    bool is_syntax; /* it is not even JSON: one fault, with line and column in its detail */
    size_t n;
    struct contract_fault items[CONTRACT_FAULTS_MAX];
};

/* The order as an event has every member; as a request it may leave out
 * orderId (then "") and totalPrice (then TOTAL_CENTS_MISSING). */
enum order_form { ORDER_EVENT, ORDER_REQUEST };
#define TOTAL_CENTS_MISSING INT64_C(-1)

/* ERR_INVALID: the document breaks the contract, and `faults` says where.
 * The output is written only on OK. `json` need not be terminated; NULL, which
 * is Kafka's null, is the empty text. */
enum status order_decode(const char *json, size_t len, enum order_form form, struct order *out,
                         struct contract_faults *faults);

/* Decodes the payload of an event whose type is `out->type`; leaves the
 * envelope alone. ERR_INVALID as above. */
enum status event_decode(const char *json, size_t len, struct event *out,
                         struct contract_faults *faults);

/* Appends the payload as compact JSON: the members in the schema's order. What
 * a decoder gave, it encodes such that decoding gives the same again. */
void event_encode(const struct event *event, struct strbuf *out);

/* The same for an order by itself, which has all members of ORDER_EVENT. */
void order_encode(const struct order *order, struct strbuf *out);

/* The one fault of a text that is no strict JSON; returns ERR_INVALID. */
enum status contract_faults_of_syntax(const struct json_fault *syntax,
                                      struct contract_faults *faults);

/* Describes the faults in one line, cut where `size` bytes end:
 * "/products/0/quantity: must be …; …". */
void contract_faults_describe(const struct contract_faults *faults, char *out, size_t size);
