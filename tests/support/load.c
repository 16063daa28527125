#include "support/load.h"

#include "support/http_client.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

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
    struct load_config config;
    const char *url, *ready_url;
    atomic_bool must_stop, is_given_up;
    atomic_int n_accepted, n_retried;
    bool has_ended;
    struct customer customers[];
};

static const char *id_of(const struct customer *customer, int order) {
    return scratch_printf("%s-%d-%d", customer->load->config.prefix, customer->number, order);
}

const char *load_order(const char *order_id) {
    return order_of(order_id, "PRODUCT-123", 1);
}

static const char *mixed_order(const char *order_id, int number) {
    static const char *const products[] = {"PRODUCT-123", "PRODUCT-321", "PRODUCT-456",
                                           "PRODUCT-654"};
    enum { N_PRODUCTS = sizeof products / sizeof *products };
    return scratch_printf("{\"orderId\":\"%s\",\"customerId\":\"CUSTOMER-%d\",\"products\":["
                          "{\"productId\":\"%s\",\"quantity\":%d},"
                          "{\"productId\":\"%s\",\"quantity\":%d}]}",
                          order_id, number % 7, products[number % N_PRODUCTS], 1 + number % 5,
                          products[number / 2 % N_PRODUCTS], 1 + number % 3);
}

static void wait_until_ready(const struct load *load) {
    int64_t deadline_ms = clock_monotonic_ms() + load->config.patience_ms;
    while (!atomic_load(&load->is_given_up) && http_get(load->ready_url).status != 200 &&
           clock_monotonic_ms() < deadline_ms)
        wait_pause();
}

static int send_order(struct load *load, const char *body) {
    int status = http_post(load->url, body).status;
    for (int i = 0; status == 0 && i < load->config.n_retries && !atomic_load(&load->is_given_up);
         i++) {
        atomic_fetch_add(&load->n_retried, 1);
        wait_until_ready(load);
        status = http_post(load->url, body).status;
    }
    return status;
}

static void *buy(void *context) {
    struct customer *customer = context;
    struct load *load = customer->load;
    while (customer->n_sent < load->config.n_orders_each && !atomic_load(&load->must_stop)) {
        const char *id = id_of(customer, customer->n_sent);
        const char *body =
            load->config.is_mixed ? mixed_order(id, customer->n_sent) : load_order(id);
        int status = send_order(load, body);
        customer->statuses[customer->n_sent++] = status;
        if (status == 201)
            atomic_fetch_add(&load->n_accepted, 1);
        if (status == 0)
            break;
        clock_pause_ms(load->config.pause_ms);
    }
    return NULL;
}

/* After a failure, when nobody may be there to answer. */
static void end_forgotten(void *context) {
    struct load *load = context;
    atomic_store(&load->is_given_up, true);
    load_end(context, LOAD_STOP);
}

struct load *load_start_with(struct shop *shop, const struct load_config *config) {
    size_t size = (size_t)config->n_customers * sizeof(struct customer);
    struct load *load = scratch_alloc(sizeof *load + size);
    load->config = *config;
    load->url = shop_url(shop, ORDER, "/orders");
    load->ready_url = shop_url(shop, ORDER, "/readyz");
    for (int i = 0; i < config->n_customers; i++) {
        struct customer *customer = &load->customers[i];
        *customer = (struct customer){.load = load, .number = i};
        customer->statuses = scratch_alloc((size_t)config->n_orders_each * sizeof(int));
    }
    for (int i = 0; i < config->n_customers; i++)
        if (pthread_create(&load->customers[i].thread, NULL, buy, &load->customers[i]) != 0)
            abort();
    scratch_keep(load, end_forgotten);
    return load;
}

struct load *load_start(struct shop *shop, const char *prefix, int n_customers, int n_orders_each) {
    const struct load_config config = {
        .prefix = prefix, .n_customers = n_customers, .n_orders_each = n_orders_each};
    return load_start_with(shop, &config);
}

void load_hold(const struct load *load, int ms) {
    int64_t until_ms = clock_monotonic_ms() + ms;
    do {
        int n_before = load_n_accepted(load);
        assert_soon(load_n_accepted(load) > n_before);
    } while (clock_monotonic_ms() < until_ms);
}

int load_n_accepted(const struct load *load) {
    return atomic_load(&load->n_accepted);
}

int load_n_retried(const struct load *load) {
    return atomic_load(&load->n_retried);
}

void load_end(struct load *load, enum load_end how) {
    if (load->has_ended)
        return;
    if (how == LOAD_STOP)
        atomic_store(&load->must_stop, true);
    for (int i = 0; i < load->config.n_customers; i++)
        pthread_join(load->customers[i].thread, NULL);
    load->has_ended = true;
}

static bool is_accepted(int status) {
    return status == 201;
}

static bool is_unanswered(int status) {
    return status == 0;
}

static bool is_confirmed(int status) {
    return status == 201 || status == 200;
}

static bool is_refused(int status) {
    return !is_confirmed(status) && status != 0;
}

static struct load_ids ids_with(const struct load *load, bool (*is_wanted)(int status)) {
    size_t max = (size_t)load->config.n_customers * (size_t)load->config.n_orders_each;
    struct load_ids ids = {.items = scratch_alloc(max * sizeof *ids.items)};
    for (int i = 0; i < load->config.n_customers; i++)
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

struct load_ids load_confirmed(const struct load *load) {
    return ids_with(load, is_confirmed);
}

void order_many(struct shop *shop, const char *prefix, int n_orders) {
    for (int i = 0; i < n_orders; i++) {
        const char *id = scratch_printf("%s-%d", prefix, i);
        assert_int_equal(checkout(shop, load_order(id)).status, 201);
    }
}
