/*
 * GET /healthz, /readyz, /metrics and /openapi.json, the same in every service,
 * and the client that asks /readyz for --healthcheck.
 */
#pragma once

#include "base/status.h"
#include "http/http.h"
#include "runtime/config.h"
#include "runtime/consume_once.h"
#include "runtime/metrics.h"

#include <stdatomic.h>
#include <stdbool.h>

/* What the answers are made of. */
struct health {
    const char *service;
    const struct metrics *metrics;
    bool consumes;
    struct consume_once *_Atomic consumer; /* NULL until it has started */
    atomic_bool is_stopping;
    atomic_bool cannot_write; /* the database, for now */
};

/* The routes; their context is the struct health. */
extern const struct http_route health_routes[];
extern const size_t health_n_routes;

/* Asks the service that runs with these settings. ERR_NOT_FOUND: nothing listens
 * on its port. ERR_UNAVAILABLE: it does not answer, or not with 200. The text
 * says which. */
enum status health_check(const struct config *config, struct error *err);
