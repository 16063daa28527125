/*
 * Numbers that a service shows at /metrics, in Prometheus' text format.
 * One thread registers them, before it starts what counts them; any thread may
 * count and show them.
 */
#pragma once

#include "base/strbuf.h"

#include <stddef.h>
#include <stdint.h>

struct metrics;
struct counter;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics); /* NULL is fine */

/*
 * Registers a counter. `name` ends in "_total"; `labels` is "" or, for
 * instance, `topic="new-order-topic"`; counters of one name follow each other
 * and share the help of the first. The strings `name` and `help` are borrowed,
 * `labels` is copied.
 */
struct counter *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                                const char *labels);

void counter_add(struct counter *counter, uint64_t n);

/* Registers a gauge that is read when it is shown. */
void metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                   int64_t (*read)(void *context), void *context);

struct metric_samples;

struct metric_label {
    const char *name;
    const char *value; /* any text */
};

/* Registers a gauge that has as many samples as there are when it is shown:
 * `read` calls metric_samples_add for each, with labels that differ. */
void metrics_gauges(struct metrics *metrics, const char *name, const char *help,
                    void (*read)(void *context, struct metric_samples *samples), void *context);
void metric_samples_add(struct metric_samples *samples, const struct metric_label *labels,
                        size_t n_labels, int64_t value);

/* Appends all of them, in the order of their registration. */
void metrics_render(const struct metrics *metrics, struct strbuf *out);
