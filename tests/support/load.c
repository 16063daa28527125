#include "support/load.h"

#include "support/http_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct customer {
    struct load *load;
    pthread_t thread;
    int number;
    int n_sent;
    int *statuses; /* of its orders, in order */
};

struct load {
    const char *url;
    const char *prefix;
    int n_customers, n_orders_each;
    atomic_bool must_stop;
    atomic_int n_accepted;
    bool has_ended;
    struct customer customers[];
};

static const char *id_of(const struct customer *customer, int order) {
    return scratch_printf("%s-%d-%d", customer->load->prefix, customer->number, order);
}

const char *load_order(const char *order_id) {
    return order_of(order_id, "PRODUCT-123", 1);
}

static void *buy(void *context) {
    struct customer *customer = context;
    struct load *load = customer->load;
    while (customer->n_sent < load->n_orders_each && !atomic_load(&load->must_stop)) {
        const char *body = load_order(id_of(customer, customer->n_sent));
        int status = http_post(load->url, body).status;
        customer->statuses[customer->n_sent++] = status;
        if (status == 201)
            atomic_fetch_add(&load->n_accepted, 1);
        if (status == 0)
            break;
    }
    return NULL;
}

static void end_forgotten(void *context) {
    load_end(context, LOAD_STOP);
}

struct load *load_start(struct shop *shop, const char *prefix, int n_customers, int n_orders_each) {
    struct load *load = scratch_alloc(sizeof *load + (size_t)n_customers * sizeof *load->customers);
    load->url = shop_url(shop, ORDER, "/orders");
    load->prefix = prefix;
    load->n_customers = n_customers;
    load->n_orders_each = n_orders_each;
    for (int i = 0; i < n_customers; i++) {
        struct customer *customer = &load->customers[i];
        *customer = (struct customer){.load = load, .number = i};
        customer->statuses = scratch_alloc((size_t)n_orders_each * sizeof(int));
    }
    for (int i = 0; i < n_customers; i++)
        if (pthread_create(&load->customers[i].thread, NULL, buy, &load->customers[i]) != 0)
            abort();
    scratch_keep(load, end_forgotten);
    return load;
}

int load_n_accepted(const struct load *load) {
    return atomic_load(&load->n_accepted);
}

void load_end(struct load *load, enum load_end how) {
    if (load->has_ended)
        return;
    if (how == LOAD_STOP)
        atomic_store(&load->must_stop, true);
    for (int i = 0; i < load->n_customers; i++)
        pthread_join(load->customers[i].thread, NULL);
    load->has_ended = true;
}

static bool is_accepted(int status) {
    return status == 201;
}

static bool is_unanswered(int status) {
    return status == 0;
}

static bool is_refused(int status) {
    return status != 201 && status != 200 && status != 0;
}

static struct load_ids ids_with(const struct load *load, bool (*is_wanted)(int status)) {
    size_t max = (size_t)load->n_customers * (size_t)load->n_orders_each;
    struct load_ids ids = {.items = scratch_alloc(max * sizeof *ids.items)};
    for (int i = 0; i < load->n_customers; i++)
        for (int order = 0; order < load->customers[i].n_sent; order++)
            if (is_wanted(load->customers[i].statuses[order]))
                ids.items[ids.n++] = id_of(&load->customers[i], order);
    return ids;
}

struct load_ids load_accepted(const struct load *load) {
    return ids_with(load, is_accepted);
}

struct load_ids load_unanswered(const struct load *load) {
    return ids_with(load, is_unanswered);
}

struct load_ids load_refused(const struct load *load) {
    return ids_with(load, is_refused);
}

void order_many(struct shop *shop, const char *prefix, int n_orders) {
    for (int i = 0; i < n_orders; i++) {
        const char *id = scratch_printf("%s-%d", prefix, i);
        assert_int_equal(checkout(shop, load_order(id)).status, 201);
    }
}
