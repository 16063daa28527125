#include "inventory/domain/stock.h"

#include "event/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_movement(const struct movement *movement, enum movement_kind kind, int64_t delta,
                            int64_t stock) {
    assert_int_equal(movement->kind, kind);
    assert_int_equal(movement->delta, delta);
    assert_int_equal(movement->stock, stock);
}

static void stock_sell__only_sells_when_more_than_the_low_mark_is_left(void **state) {
    (void)state;
    struct stock_change change = stock_sell(109, 8);
    assert_int_equal(change.n_movements, 1);
    assert_movement(&change.movements[0], MOVEMENT_SALE, -8, 101);
}

static void stock_sell__refills_when_exactly_the_low_mark_is_left(void **state) {
    (void)state;
    struct stock_change change = stock_sell(109, 9);
    assert_int_equal(change.n_movements, 2);
    assert_movement(&change.movements[0], MOVEMENT_SALE, -9, 100);
    assert_movement(&change.movements[1], MOVEMENT_REFILL, 9, 109);
}

static void stock_sell__refills_when_one_piece_reaches_the_low_mark(void **state) {
    (void)state;
    struct stock_change change = stock_sell(101, 1);
    assert_int_equal(change.n_movements, 2);
    assert_movement(&change.movements[0], MOVEMENT_SALE, -1, 100);
    assert_movement(&change.movements[1], MOVEMENT_REFILL, 9, 109);
}

static void stock_sell__covers_what_is_not_there_when_the_order_is_the_largest(void **state) {
    (void)state;
    struct stock_change change = stock_sell(STOCK_FULL, QUANTITY_MAX);
    assert_int_equal(change.n_movements, 2);
    assert_movement(&change.movements[0], MOVEMENT_SALE, -1000000, -999891);
    assert_movement(&change.movements[1], MOVEMENT_REFILL, 1000000, 109);
}

/* A small generator of its own, so that every run takes the same path. */
static uint32_t next_random(uint32_t *seed) {
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void stock_sell__leaves_movements_that_replay_to_the_stock(void **state) {
    (void)state;
    uint32_t seed = 20261121;
    int64_t stock = STOCK_FULL, replayed = STOCK_FULL;
    for (int i = 0; i < 100000; i++) {
        uint32_t range = i % 10 == 0 ? QUANTITY_MAX : 12;
        struct stock_change change = stock_sell(stock, (int32_t)(next_random(&seed) % range + 1));
        for (size_t m = 0; m < change.n_movements; m++) {
            replayed += change.movements[m].delta;
            assert_int_equal(replayed, change.movements[m].stock);
        }
        stock = change.movements[change.n_movements - 1].stock;
        assert_in_range(stock, STOCK_LOW + 1, STOCK_FULL);
    }
    assert_int_equal(replayed, stock);
}

static void movement_kind_name__names_each_kind(void **state) {
    (void)state;
    assert_string_equal(movement_kind_name(MOVEMENT_SALE), "sale");
    assert_string_equal(movement_kind_name(MOVEMENT_REFILL), "refill");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stock_sell__only_sells_when_more_than_the_low_mark_is_left),
        cmocka_unit_test(stock_sell__refills_when_exactly_the_low_mark_is_left),
        cmocka_unit_test(stock_sell__refills_when_one_piece_reaches_the_low_mark),
        cmocka_unit_test(stock_sell__covers_what_is_not_there_when_the_order_is_the_largest),
        cmocka_unit_test(stock_sell__leaves_movements_that_replay_to_the_stock),
        cmocka_unit_test(movement_kind_name__names_each_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
