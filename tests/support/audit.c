#include "support/audit.h"

#include "base/strbuf.h"
#include "support/database.h"
#include "support/kafka_client.h"
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

int check_effects(struct shop *shop, unsigned services) {
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

int audit_effects(struct shop *shop, unsigned services) {
    shop_stop(shop, services);
    return check_effects(shop, services);
}

static bool has_handled(struct shop *shop, enum shop_service service, enum shop_topic topic) {
    const char *name = shop_topic(shop, topic);
    const char *sql = scratch_printf(
        "SELECT coalesce(sum(next_offset), 0) FROM positions WHERE topic = '%s'", name);
    return database_number(shop, service, sql) >=
           (int64_t)kafka_count(broker_address(shop_broker(shop)), name);
}

void wait_until_drained(struct shop *shop, int timeout_ms) {
    /* Along the flow: what is done in one step is done for good. */
    assert_within(timeout_ms, has_published_all(shop, ORDER));
    assert_within(timeout_ms, has_handled(shop, INVENTORY, NEW_ORDER));
    assert_within(timeout_ms, has_published_all(shop, INVENTORY));
    assert_within(timeout_ms, has_handled(shop, NOTIFICATION, NEW_ORDER));
    assert_within(timeout_ms, has_handled(shop, NOTIFICATION, INVENTORY_EMPTY));
    assert_within(timeout_ms, has_published_all(shop, NOTIFICATION));
    assert_within(timeout_ms, has_handled(shop, LOGGING, NEW_LOGGING_ACTION));
    assert_within(timeout_ms, has_published_all(shop, LOGGING));
}

/* In both directions, repetitions included. */
#define DIFFERENCE(left, right)                                                                    \
    "(SELECT count(*) FROM (SELECT * FROM (" left ") EXCEPT SELECT * FROM (" right "))) +"         \
    " (SELECT count(*) FROM (SELECT * FROM (" right ") EXCEPT SELECT * FROM (" left "))) +"        \
    " abs((SELECT count(*) FROM (" left ")) - (SELECT count(*) FROM (" right ")))"

#define SOLD "SELECT event_id, line, product_id, -delta FROM inventory.movements WHERE kind='sale'"
#define ORDERED                                                                                    \
    "SELECT event_id, line.key, line.value->>'productId', line.value->>'quantity'"                 \
    " FROM orders, json_each(orders.payload, '$.products') AS line"
#define ORDER_EVENTS "SELECT event_id FROM orders"
#define SENT(service, type) "SELECT id FROM " service ".outbox WHERE type = '" type "'"
#define ACTIONS                                                                                    \
    SENT("main", "new-logging-action")                                                             \
    " UNION ALL " SENT("inventory", "new-logging-action") " UNION ALL " SENT("notification",       \
                                                                             "new-logging-action")
#define LOGGED(what) "SELECT count(*) FROM logging.actions WHERE action = '" what "'"
#define REFILLS "(SELECT count(*) FROM inventory.movements WHERE kind = 'refill')"
#define UNSENT(service)                                                                            \
    "SELECT count(*) FROM " service ".outbox, " service ".outbox_state WHERE seq > sent_upto"
#define LETTERS(service)                                                                           \
    DIFFERENCE("SELECT topic || '/' || partition || '/' || offset FROM " service ".rejected",      \
               SENT(service, "dead-letter"))

/* Laws of a shop that has drained; each counts what breaks it. */
static const struct law {
    const char *text, *sql;
} laws[] = {
    {"the order-service has published all", UNSENT("main")},
    {"the inventory-service has published all", UNSENT("inventory")},
    {"the notification-service has published all", UNSENT("notification")},
    {"the logging-service has published all", UNSENT("logging")},
    {"each order has its event, no event lacks its order",
     "SELECT " DIFFERENCE(ORDER_EVENTS, SENT("main", "new-order"))},
    {"each line of each order was sold once", "SELECT " DIFFERENCE(ORDERED, SOLD)},
    {"movements replay to the stock they say, a refill exactly where 100 or fewer were left",
     "SELECT count(*) FROM (SELECT kind, delta, stock, lag(stock, 1, 109) OVER"
     " (PARTITION BY product_id ORDER BY seq) AS before FROM inventory.movements)"
     " WHERE stock <> before + delta OR (kind = 'refill') <> (before <= 100)"
     " OR (kind = 'refill' AND stock <> 109)"},
    {"the stock is what the last movement says, and over 100",
     "SELECT count(*) FROM inventory.stock AS now WHERE stock <= 100 OR stock <>"
     " (SELECT stock FROM inventory.movements WHERE product_id = now.product_id"
     " ORDER BY seq DESC LIMIT 1)"},
    {"each refill has its event",
     "SELECT abs(" REFILLS " - (SELECT count(*) FROM (" SENT("inventory", "inventory-empty") ")))"},
    {"each order was announced once",
     "SELECT " DIFFERENCE(ORDER_EVENTS,
                          "SELECT event_id FROM notification.notifications WHERE kind = 'order'")},
    {"each refill was announced once",
     "SELECT " DIFFERENCE(SENT("inventory", "inventory-empty"),
                          "SELECT event_id FROM notification.notifications WHERE kind <> 'order'")},
    {"each action was logged once",
     "SELECT " DIFFERENCE(ACTIONS, "SELECT event_id FROM logging.actions")},
    {"new-order is logged for each order",
     "SELECT abs((" LOGGED("new-order") ") - (SELECT count(*) FROM orders))"},
    {"inventory-updated is logged for each line",
     "SELECT abs((" LOGGED("inventory-updated") ") - (SELECT count(*) FROM (" SOLD ")))"},
    {"inventory-empty is logged for each refill",
     "SELECT abs((" LOGGED("inventory-empty") ") - " REFILLS ")"},
    {"order-notification-sent is logged for each order",
     "SELECT abs((" LOGGED("order-notification-sent") ") - (SELECT count(*) FROM orders))"},
    {"refill-notification-sent is logged for each refill",
     "SELECT abs((" LOGGED("refill-notification-sent") ") - " REFILLS ")"},
    {"the inventory-service's inbox has each order once",
     "SELECT " DIFFERENCE(ORDER_EVENTS, "SELECT event_id FROM inventory.inbox")},
    {"the notification-service's inbox has each order and refill once",
     "SELECT " DIFFERENCE(ORDER_EVENTS " UNION ALL " SENT("inventory", "inventory-empty"),
                          "SELECT event_id FROM notification.inbox")},
    {"the logging-service's inbox has each action once",
     "SELECT " DIFFERENCE(ACTIONS, "SELECT event_id FROM logging.inbox")},
    {"the inventory-service rejected each bad record once", "SELECT " LETTERS("inventory")},
    {"the notification-service rejected each bad record once", "SELECT " LETTERS("notification")},
    {"the logging-service rejected each bad record once", "SELECT " LETTERS("logging")},
    {"every database is whole",
     "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"},
};

void audit_shop(struct shop *shop) {
    int n_broken = 0;
    for (size_t i = 0; i < sizeof laws / sizeof *laws; i++) {
        int64_t n_faults = database_number_of_all(shop, laws[i].sql);
        if (n_faults != 0)
            print_message("audit: broken %lld times: %s\n", (long long)n_faults, laws[i].text);
        n_broken += n_faults != 0;
    }
    if (n_broken > 0)
        fail_msg("audit: %d laws are broken, data in %s", n_broken, shop_folder(shop));
}

int count_lost(struct shop *shop, struct load_ids acknowledged) {
    enum { AT_ONCE = 500 };
    int n_lost = 0;
    for (size_t i = 0; i < acknowledged.n; i += AT_ONCE) {
        size_t n = acknowledged.n - i < AT_ONCE ? acknowledged.n - i : AT_ONCE;
        struct strbuf sql;
        strbuf_init(&sql);
        strbuf_add_str(&sql, "SELECT count(*) FROM orders WHERE order_id IN (''");
        for (size_t j = 0; j < n; j++)
            strbuf_printf(&sql, ",'%s'", acknowledged.items[i + j]);
        strbuf_add_char(&sql, ')');
        n_lost += (int)((int64_t)n - database_number(shop, ORDER, sql.data));
        strbuf_release(&sql);
    }
    return n_lost;
}
