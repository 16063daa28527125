#include "support/shopkeeper.h"

#include "support/file.h"
#include "support/json_path.h"
#include "support/scratch.h"
#include "support/wait.h"

#include <stdlib.h>
#include <string.h>

const char *order_of(const char *order_id, const char *product_id, int quantity) {
    return scratch_printf("{\"orderId\":\"%s\",\"customerId\":\"CUSTOMER-123\",\"products\":["
                          "{\"productId\":\"%s\",\"quantity\":%d,\"totalPrice\":80}]}",
                          order_id, product_id, quantity);
}

const char *golden_order(const char *order_id) {
    static const char golden_id[] = "ORDER-123";
    const char *golden = file_content("schemas/examples/new-order.json");
    const char *id = strstr(golden, golden_id);
    assert_non_null(id);
    return scratch_printf("%.*s%s%s", (int)(id - golden), golden, order_id, id + strlen(golden_id));
}

struct http_answer checkout(struct shop *shop, const char *body) {
    return http_post(shop_url(shop, ORDER, "/orders"), body);
}

struct http_answer send_json(struct shop *shop, enum shop_service service, const char *method,
                             const char *target, const char *body) {
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    const struct http_call call = {.method = method,
                                   .url = shop_url(shop, service, target),
                                   .headers = body ? headers : NULL,
                                   .body = body};
    return http_send(&call);
}

const cJSON *look_at(struct shop *shop, enum shop_service service, const char *target) {
    struct http_answer answer = http_get(shop_url(shop, service, target));
    if (answer.status != 200)
        fail_msg("GET %s: %d %s%s", target, answer.status, answer.error, answer.body);
    return json_of(answer.body);
}

static int count_items(const cJSON *items, const char *member, const char *value) {
    int n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, items) {
        const char *found = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, member));
        n += found && strcmp(found, value) == 0;
    }
    return n;
}

int count_where(struct shop *shop, enum shop_service service, const char *target,
                const char *member, const char *value) {
    int n = 0;
    const char *after = "0";
    while (after) {
        const cJSON *page =
            look_at(shop, service, scratch_printf("%s&limit=100&after=%s", target, after));
        const cJSON *items = json_at(page, "/items");
        n += member ? count_items(items, member, value) : cJSON_GetArraySize(items);
        after = cJSON_GetStringValue(json_at(page, "/next"));
    }
    return n;
}

int count_of(struct shop *shop, enum shop_service service, const char *target) {
    return count_where(shop, service, target, NULL, NULL);
}

int stock_of(struct shop *shop, const char *product_id) {
    struct http_answer answer =
        http_get(shop_url(shop, INVENTORY, scratch_printf("/stock/%s", product_id)));
    return answer.status == 200 ? (int)json_number_at(json_of(answer.body), "/stock") : -1;
}

int occurrences(const char *text, const char *part) {
    int n = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

void assert_says(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

void wait_for_effects(struct shop *shop, unsigned services, int n_orders) {
    static const struct effect {
        unsigned services; /* that it takes */
        enum shop_service shown_by;
        const char *target, *member, *value;
    } effects[] = {
        {INVENTORY, INVENTORY, "/stock/PRODUCT-123/movements?", "kind", "sale"},
        {NOTIFICATION, NOTIFICATION, "/notifications?", "kind", "order"},
        {LOGGING, LOGGING, "/actions?", "action", "new-order"},
        {INVENTORY | LOGGING, LOGGING, "/actions?", "action", "inventory-updated"},
        {NOTIFICATION | LOGGING, LOGGING, "/actions?", "action", "order-notification-sent"},
    };
    for (size_t i = 0; i < sizeof effects / sizeof *effects; i++) {
        const struct effect *effect = &effects[i];
        if ((effect->services & services) == effect->services)
            assert_soon(count_where(shop, effect->shown_by, effect->target, effect->member,
                                    effect->value) >= n_orders);
    }
}

long long metric_of(struct shop *shop, enum shop_service service, const char *name) {
    struct http_answer metrics = http_get(shop_url(shop, service, "/metrics"));
    const char *begin = scratch_printf("\n%s ", name);
    const char *line = strstr(metrics.body, begin);
    if (!line)
        fail_msg("no metric %s in %s", name, metrics.body);
    return atoll(line + strlen(begin));
}

bool has_published_all(struct shop *shop, enum shop_service service) {
    struct http_answer metrics = http_get(shop_url(shop, service, "/metrics"));
    return strstr(metrics.body, "\norderflow_outbox_backlog_events 0\n");
}
