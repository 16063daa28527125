/*
 * Random choices that a seed repeats, and valid orders made with them: every
 * form of an id, a quantity and a price that the contract allows. TEST_SEED
 * sets the seed; use choose_seed as the setup of the group, it prints it.
 */
#pragma once

#include "support/testing.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PICK(array) ((array)[random_below(COUNT(array))])

static uint64_t seed;
static uint64_t random_state;

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators). */
static inline uint64_t random_next(void) {
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline size_t random_below(size_t n) {
    return (size_t)(random_next() % n);
}

static inline bool one_in(size_t n) {
    return random_below(n) == 0;
}

static inline int choose_seed(void **state) {
    (void)state;
    const char *chosen = getenv("TEST_SEED");
    seed = random_state = chosen ? strtoull(chosen, NULL, 10) : (uint64_t)time(NULL);
    print_message("TEST_SEED=%llu\n", (unsigned long long)seed);
    return 0;
}

static inline cJSON *generate_id(void) {
    static const size_t lengths[] = {1, 2, 63, 64};
    char id[65];
    size_t len = one_in(4) ? PICK(lengths) : 1 + random_below(20);
    for (size_t i = 0; i < len; i++)
        id[i] = (char)('!' + random_below('~' - '!' + 1));
    id[len] = '\0';
    return cJSON_CreateString(id);
}

static inline cJSON *generate_quantity(void) {
    static const char *const forms[] = {
        "1",      "1.0",     "1e0",   "1E+0",      "10e-1",     "0.1e1",
        "999999", "1000000", "1e6",   "1000000.0", "100e4",     "0.001E9",
        "3.0000", "2.5e1",   "1.0e2", "12.5E+1",   "999999e-0", "70000e-4",
    };
    char text[16];
    snprintf(text, sizeof text, "%zu", 1 + random_below(1000000));
    return cJSON_CreateRaw(one_in(2) ? PICK(forms) : text);
}

static inline cJSON *generate_price(void) {
    static const char *const forms[] = {
        "0",         "-0",   "0.0",           "-0.00",        "0e5",        "0.01",
        "1e-2",      "0.1",  "19.99",         "1999e-2",      "80",         "80.50",
        "0.29",      "1.10", "999999.99",     "999999999.99", "1e9",        "1E+9",
        "999999999", "10e8", "1000000000.00", "4.35",         "1.005e3",    "0.07e0",
        "33.330",    "0.57", "8.2e1",         "123456789.01", "1000000000",
    };
    char text[32];
    snprintf(text, sizeof text, "%zu.%02zu", random_below(one_in(2) ? 1000 : 1000000000),
             random_below(100));
    return cJSON_CreateRaw(one_in(2) ? PICK(forms) : text);
}

static inline cJSON *generate_order(size_t n_lines) {
    cJSON *order = cJSON_CreateObject();
    cJSON_AddItemToObject(order, "orderId", generate_id());
    cJSON_AddItemToObject(order, "customerId", generate_id());
    cJSON *products = cJSON_AddArrayToObject(order, "products");
    for (; n_lines > 0; n_lines--) {
        cJSON *line = cJSON_CreateObject();
        cJSON_AddItemToObject(line, "productId", generate_id());
        cJSON_AddItemToObject(line, "quantity", generate_quantity());
        cJSON_AddItemToObject(line, "totalPrice", generate_price());
        cJSON_AddItemToArray(products, line);
    }
    return order;
}
