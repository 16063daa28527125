/*
 * What an order does to the stock of a product. A pure decision. No order is
 * refused for lack of stock: when a sale leaves little, the shop refills at
 * once.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    STOCK_FULL = 109, /* where a product starts, and what a refill brings it to */
    STOCK_LOW = 100,  /* at or below this, it is refilled */
};

enum movement_kind { MOVEMENT_SALE, MOVEMENT_REFILL };

/* One change of a product's stock. */
struct movement {
    enum movement_kind kind;
    int64_t delta; /* pieces: negative for a sale */
    int64_t stock; /* pieces after it */
};

struct stock_change {
    size_t n_movements; /* 1: sold; 2: sold and refilled */
    struct movement movements[2];
};

/* Sells `quantity` pieces of a product of which `stock` are there. */
struct stock_change stock_sell(int64_t stock, int32_t quantity);

/* "sale", "refill" */
const char *movement_kind_name(enum movement_kind kind);
