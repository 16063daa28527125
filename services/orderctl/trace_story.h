/*
 * The story of one order: what each service says has happened to it, and what
 * should have happened. It is gathered from HTTP and knows no database.
 */
#pragma once

#include "base/strbuf.h"
#include "event/event.h"

#include <stdbool.h>

struct cJSON;

enum story_service {
    STORY_ORDER,
    STORY_INVENTORY,
    STORY_NOTIFICATION,
    STORY_LOGGING,
    N_STORY_SERVICES
};

/* "order-service" … */
const char *story_service_name(enum story_service service);

/* What happens to an order; each as often as its lines and refills say. */
enum story_fact {
    FACT_ACCEPTED,
    FACT_PUBLISHED,
    FACT_SOLD,
    FACT_REFILLED,
    FACT_ORDER_NOTICE,
    FACT_REFILL_NOTICE,
    FACT_LOGGED_ORDER,
    FACT_LOGGED_STOCK,
    FACT_LOGGED_EMPTY,
    FACT_LOGGED_ORDER_NOTICE,
    FACT_LOGGED_REFILL_NOTICE,
    N_FACTS,
};

struct story_fact_kind {
    const char *name; /* for programs: "stock-moved" */
    enum story_service service;
    const char *what; /* for people */
};
extern const struct story_fact_kind story_facts[N_FACTS];

struct story_step {
    enum story_fact fact;
    int64_t at_ms;  /* wall clock; 0: not known */
    size_t nth;     /* as they were added */
    char text[320]; /* for people */
};

struct story {
    char order_id[ID_SIZE];
    char customer_id[ID_SIZE];
    char event_id[EVENT_ID_SIZE];
    bool is_known; /* the order-service has the order */
    int64_t n_lines;
    int64_t accepted_ms;
    int64_t n[N_FACTS];        /* how often it has happened */
    int64_t expected[N_FACTS]; /* how often it should, as far as is known now */
    struct story_step *steps;  /* by time, after story_finish */
    size_t n_steps, size;
    bool was_heard[N_STORY_SERVICES];
};

void story_init(struct story *story, const char *order_id);
void story_release(struct story *story);

/* Adds what a service says: the order itself, then items of /movements,
 * /notifications and /actions. What another event under the same orderId has
 * caused is left out, where that can be told. */
void story_add_order(struct story *story, const struct cJSON *order);
void story_add_movement(struct story *story, const struct cJSON *movement);
void story_add_notice(struct story *story, const struct cJSON *notice);
void story_add_action(struct story *story, const struct cJSON *action);

/* Sorts the steps and works out what is expected. */
void story_finish(struct story *story);

/* After story_finish: is this not as it should be? What a service that was not
 * heard would say is not known. */
bool story_differs(const struct story *story, enum story_fact fact);

/* After story_finish: has everything happened, and nothing too often? */
bool story_is_complete(const struct story *story);
