/*
 * What the shop tells people: the customer that an order was approved, the
 * buyers that a product has to be refilled. Pure.
 */
#pragma once

#include "event/event.h"

enum notice_kind { NOTICE_ORDER, NOTICE_REFILL };

struct notice {
    enum notice_kind kind;
    char order_id[ID_SIZE];    /* the order it is about, or that led to it; "": none */
    char customer_id[ID_SIZE]; /* of a NOTICE_ORDER, else "" */
    char product_id[ID_SIZE];  /* of a NOTICE_REFILL, else "" */
};

/* Room for the longest text of notice_text. */
enum { NOTICE_TEXT_SIZE = 256 };

/* The notice that an event calls for (a new-order or an inventory-empty). */
struct notice notice_of(const struct event *event);

/* "order", "refill" */
const char *notice_kind_name(enum notice_kind kind);

/* The sentence, without a line end. */
void notice_text(const struct notice *notice, char out[static NOTICE_TEXT_SIZE]);
