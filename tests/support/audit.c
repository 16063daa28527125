#include "support/audit.h"

#include "support/database.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

/* Each order leaves one row in each of these. */
static const struct effect {
    unsigned services;                   /* that it takes; the last one has it */
    const char *rows;                    /* in that one's database */
    const char *target, *member, *value; /* over HTTP */
} effects[] = {
    {INVENTORY, "movements WHERE kind = 'sale'", "/stock/PRODUCT-123/movements?", "kind", "sale"},
    {NOTIFICATION, "notifications WHERE kind = 'order'", "/notifications?", "kind", "order"},
    {LOGGING, "actions WHERE action = 'new-order'", "/actions?", "action", "new-order"},
    {INVENTORY | LOGGING, "actions WHERE action = 'inventory-updated'", "/actions?", "action",
     "inventory-updated"},
    {NOTIFICATION | LOGGING, "actions WHERE action = 'order-notification-sent'", "/actions?",
     "action", "order-notification-sent"},
};

enum { N_EFFECTS = sizeof effects / sizeof *effects };

static bool is_expected(const struct effect *effect, unsigned services) {
    return (effect->services & services) == effect->services;
}

static enum shop_service place_of(const struct effect *effect) {
    return (enum shop_service)(effect->services & LOGGING ? LOGGING : effect->services);
}

void wait_for_effects(struct shop *shop, unsigned services, int n_orders) {
    for (size_t i = 0; i < N_EFFECTS; i++) {
        const struct effect *effect = &effects[i];
        if (is_expected(effect, services))
            assert_soon(count_where(shop, place_of(effect), effect->target, effect->member,
                                    effect->value) >= n_orders);
    }
}

int audit_effects(struct shop *shop, unsigned services) {
    shop_stop(shop, services);
    int64_t n_orders = database_number(shop, ORDER, "SELECT count(*) FROM orders");
    for (size_t i = 0; i < N_EFFECTS; i++) {
        const struct effect *effect = &effects[i];
        if (!is_expected(effect, services))
            continue;
        const char *all = scratch_printf("SELECT count(*) FROM %s", effect->rows);
        const char *distinct =
            scratch_printf("SELECT count(DISTINCT order_id) FROM %s", effect->rows);
        assert_int_equal(database_number(shop, place_of(effect), all), n_orders);
        assert_int_equal(database_number(shop, place_of(effect), distinct), n_orders);
    }
    return (int)n_orders;
}
