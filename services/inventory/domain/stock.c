#include "inventory/domain/stock.h"

struct stock_change stock_sell(int64_t stock, int32_t quantity) {
    struct stock_change change = {.n_movements = 1};
    int64_t left = stock - quantity;
    change.movements[0] =
        (struct movement){.kind = MOVEMENT_SALE, .delta = -quantity, .stock = left};
    if (left <= STOCK_LOW) {
        change.n_movements = 2;
        change.movements[1] = (struct movement){
            .kind = MOVEMENT_REFILL, .delta = STOCK_FULL - left, .stock = STOCK_FULL};
    }
    return change;
}

const char *movement_kind_name(enum movement_kind kind) {
    return kind == MOVEMENT_SALE ? "sale" : "refill";
}
