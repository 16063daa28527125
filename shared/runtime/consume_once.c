#include "runtime/consume_once.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "bus/subscriber.h"
#include "event/codec.h"
#include "event/dead_letter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* A transaction costs a sync and some changes of threads, each of which waits
     * for a core while the machine is busy: with 1024 the logging-service, which
     * has five records an order, fell behind the others and stayed there. */
    BATCH_MAX = 4096,
    POLL_MS = 100,
    TOPICS_TIMEOUT_MS = 1000,
    RETRY_MS = 500,
};

/* What became of the records of a batch, by event type. */
struct tally {
    uint64_t handled[N_EVENT_TYPES];
    uint64_t repeated[N_EVENT_TYPES];
    uint64_t rejected[N_EVENT_TYPES];
};

struct consume_once {
    struct consume_once_config config;
    struct subscriber *subscriber; /* NULL: not connected; set by the thread, under the lock */
    pthread_mutex_t lock;
    pthread_t thread;
    atomic_bool is_closing;
    atomic_bool is_ready;
    bool is_over; /* the writer takes no more; the service is about to stop */

    size_t n_records;   /* of the batch */
    struct tally tally; /* of the batch, counted when it is committed */

    struct error last_trouble; /* as it was logged last */
    struct counter *n_handled[N_EVENT_TYPES];
    struct counter *n_repeated[N_EVENT_TYPES];
    struct counter *n_rejected[N_EVENT_TYPES];
};

/* Why a record was rejected, with room for the message. */
struct rejection {
    const char *stage;
    const char *class_name;
    char message[512];
};

static bool find_type(const struct consume_once *consumer, const char *topic,
                      enum event_type *out) {
    for (int type = 0; type < N_EVENT_TYPES; type++) {
        if (strcmp(consumer->config.config->topics[type], topic) == 0) {
            *out = (enum event_type)type;
            return true;
        }
    }
    return false;
}

/* ERR_INVALID: the record is not a good event, and `rejection` says why. */
static enum status read_event(const struct record *record, const char *cluster_id,
                              enum event_type type, struct event *out,
                              struct rejection *rejection) {
    struct error err;
    if (envelope_read(&out->envelope, record, cluster_id, event_type_name(type), &err) != OK) {
        rejection->stage = "HEADER_CONVERTER";
        rejection->class_name = "orderflow.EnvelopeError";
        snprintf(rejection->message, sizeof rejection->message, "%s", err.text);
        return ERR_INVALID;
    }
    out->type = type;
    struct contract_faults faults;
    if (event_decode(record->value.data, record->value.len, out, &faults) != OK) {
        rejection->stage = "VALUE_CONVERTER";
        rejection->class_name =
            faults.is_syntax ? "orderflow.SyntaxError" : "orderflow.ContractError";
        contract_faults_describe(&faults, rejection->message, sizeof rejection->message);
        return ERR_INVALID;
    }
    event_correlate(out);
    return OK;
}

/* Passes the record on byte for byte, with headers that say where it was, who
 * refused it and why. */
static enum status pass_to_dead_letters(struct consume_once *consumer, const struct record *record,
                                        const struct rejection *rejection, struct error *err) {
    const struct refusal refusal = {
        .group = consumer->config.config->consumer_group,
        .cluster_id = subscriber_cluster_id(consumer->subscriber),
        .stage = rejection->stage,
        .class_name = rejection->class_name,
        .message = rejection->message,
    };
    char topic[TOPIC_NAME_SIZE], place[TOPIC_NAME_SIZE + 40];
    struct dead_letter_text text;
    struct record letter;
    dead_letter_write(record, &refusal, &text, &letter);
    config_dead_letter_topic(record->topic, topic);
    letter.topic = topic;
    snprintf(place, sizeof place, "%s/%s/%s", record->topic, text.partition, text.offset);
    return outbox_append_record(consumer->config.outbox, place, &letter, err);
}

static enum status reject(struct consume_once *consumer, const struct record *record,
                          enum event_type type, const struct rejection *rejection,
                          struct error *err) {
    bool is_new;
    enum status status =
        inbox_reject(consumer->config.inbox, subscriber_cluster_id(consumer->subscriber), record,
                     rejection->message, &is_new, err);
    if (status != OK || !is_new)
        return status;
    log_warn("%s/%d/%lld is no good %s and goes to the dead letters: %s", record->topic,
             record->partition, (long long)record->offset, event_type_name(type),
             rejection->message);
    consumer->tally.rejected[type]++;
    FAILPOINT(REJECT_BEFORE_LETTER);
    status = pass_to_dead_letters(consumer, record, rejection, err);
    FAILPOINT(REJECT_AFTER_LETTER);
    return status;
}

/* Once: the inbox takes an event's id a single time, in the transaction that
 * also holds the event's effect. */
static enum status apply_record(struct consume_once *consumer, const struct record *record,
                                struct error *err) {
    enum event_type type;
    struct event event;
    struct rejection rejection;
    if (!find_type(consumer, record->topic, &type))
        return error_set(err, ERR_BUG, "a record of topic %s was not asked for", record->topic);
    if (read_event(record, subscriber_cluster_id(consumer->subscriber), type, &event, &rejection) !=
        OK)
        return reject(consumer, record, type, &rejection, err);

    bool is_new;
    enum status status = inbox_insert(consumer->config.inbox, &event.envelope, &is_new, err);
    if (status != OK)
        return status;
    if (!is_new) {
        consumer->tally.repeated[type]++;
        return OK;
    }
    consumer->tally.handled[type]++;
    FAILPOINT(CONSUME_BEFORE_EFFECT);
    return consumer->config.handlers[type](consumer->config.service, &event, err);
}

/* The last record of each partition in the batch tells the position. */
static enum status note_positions(struct consume_once *consumer, struct error *err) {
    const char *cluster_id = subscriber_cluster_id(consumer->subscriber);
    enum status status = OK;
    size_t n;
    const size_t *ends = subscriber_ends(consumer->subscriber, &n);
    for (size_t i = 0; status == OK && i < n; i++) {
        const struct record_place last = subscriber_place(consumer->subscriber, ends[i]);
        status = inbox_set_position(consumer->config.inbox, cluster_id, &last, err);
    }
    return status;
}

static enum status apply_batch(void *context, struct error *err) {
    struct consume_once *consumer = context;
    const struct consume_once_config *config = &consumer->config;
    enum status status = OK;
    consumer->tally = (struct tally){{0}, {0}, {0}};
    if (config->announcer)
        status = announcer_note(config->announcer, err);
    if (config->batch.begin)
        config->batch.begin(config->service);
    for (size_t i = 0; status == OK && i < consumer->n_records; i++)
        status = apply_record(consumer, subscriber_record(consumer->subscriber, i), err);
    if (status == OK && config->batch.end)
        status = config->batch.end(config->service, err);
    FAILPOINT(CONSUME_BEFORE_POSITIONS);
    if (status == OK)
        status = note_positions(consumer, err);
    if (status == OK)
        status = inbox_prune(config->inbox,
                             clock_now_ms() - config->config->inbox_retention_hours * 3600000, err);
    return status;
}

/* Where a partition starts: behind what this database has seen of it, or what
 * the group has, if another member was further. A cluster that knows no offset
 * of the group may be new or have lost its disk, so all of it is read again:
 * the inbox knows what was handled. */
struct start_query {
    struct consume_once *consumer;
    const char *cluster_id;
    struct record_place place;
};

static enum status query_position(void *context, struct error *err) {
    struct start_query *query = context;
    return inbox_get_position(query->consumer->config.inbox, query->cluster_id, &query->place, err);
}

static enum status find_start(void *context, const char *cluster_id, int64_t committed,
                              struct record_place *out_last, struct error *err) {
    struct start_query query = {context, cluster_id, *out_last};
    enum status status = writer_run(query.consumer->config.writer, query_position, &query, err);
    if (status != OK)
        return status;
    *out_last = query.place;
    if (committed < 0 || committed - 1 > query.place.offset) {
        out_last->offset = committed < 0 ? -1 : committed - 1;
        out_last->timestamp_ms = -1;
    }
    return OK;
}

/* To those who read the lag meanwhile; NULL: none any more. */
static void show_subscriber(struct consume_once *consumer, struct subscriber *subscriber) {
    pthread_mutex_lock(&consumer->lock);
    consumer->subscriber = subscriber;
    pthread_mutex_unlock(&consumer->lock);
}

static enum status connect_broker(struct consume_once *consumer, struct error *err) {
    const struct config *config = consumer->config.config;
    const char *topics[N_EVENT_TYPES];
    struct subscriber_config subscriber = {
        .kafka = &config->kafka,
        .group = config->consumer_group,
        .topics = topics,
        .start = find_start,
        .context = consumer,
    };
    for (int type = 0; type < N_EVENT_TYPES; type++)
        if (consumer->config.handlers[type])
            topics[subscriber.n_topics++] = config->topics[type];
    struct subscriber *opened;
    enum status status =
        config_ensure_topics(config, TOPICS_TIMEOUT_MS, false, &subscriber.is_embedded, err);
    if (status == OK)
        status = subscriber_open(&subscriber, &opened, err);
    if (status == OK)
        show_subscriber(consumer, opened);
    return status;
}

/* The same trouble is said once, until it has passed. */
static void say_trouble(struct consume_once *consumer, const struct error *err) {
    if (strcmp(consumer->last_trouble.text, err->text) == 0)
        return;
    consumer->last_trouble = *err;
    if (*err->text)
        log_warn("consuming: %s; trying again", err->text);
    else
        log_info("consuming again");
}

static enum status note_announced(void *context, struct error *err) {
    struct consume_once *consumer = context;
    return announcer_note(consumer->config.announcer, err);
}

static void idle(struct consume_once *consumer) {
    struct announcer *announcer = consumer->config.announcer;
    if (announcer && announcer_is_behind(announcer))
        writer_run(consumer->config.writer, note_announced, consumer, NULL);
}

static void count_batch(struct consume_once *consumer) {
    const struct tally *tally = &consumer->tally;
    for (int type = 0; type < N_EVENT_TYPES; type++) {
        if (!consumer->config.handlers[type])
            continue;
        counter_add(consumer->n_handled[type], tally->handled[type]);
        counter_add(consumer->n_repeated[type], tally->repeated[type]);
        counter_add(consumer->n_rejected[type], tally->rejected[type]);
    }
}

static enum status handle_batch(struct consume_once *consumer, struct error *err) {
    struct announcer *announcer = consumer->config.announcer;
    FAILPOINT(CONSUME_POLLED);
    enum status status = writer_run(consumer->config.writer, apply_batch, consumer, err);
    if (announcer)
        announcer_settle(announcer, status == OK);
    consumer->is_over = status == ERR_OUTCOME_UNKNOWN || status == ERR_INVALID;
    if (status != OK)
        return status;
    count_batch(consumer);
    FAILPOINT(CONSUME_BEFORE_OFFSETS);
    subscriber_commit(consumer->subscriber);
    FAILPOINT(CONSUME_AFTER_OFFSETS);
    return OK;
}

static enum status run_once(struct consume_once *consumer, struct error *err) {
    if (!consumer->subscriber)
        return connect_broker(consumer, err);
    enum status status =
        subscriber_poll(consumer->subscriber, POLL_MS, BATCH_MAX, &consumer->n_records, err);
    atomic_store(&consumer->is_ready, subscriber_has_joined(consumer->subscriber));
    if (status != OK)
        return status;
    if (consumer->n_records == 0) {
        idle(consumer);
        return OK;
    }
    return handle_batch(consumer, err);
}

/* After a failure: from the positions again, so that nothing of the batch that
 * was undone is skipped; and with topics that may have gone with a broker's
 * disk. What fails here is tried again with the next round. */
static void recover(struct consume_once *consumer) {
    struct error err;
    bool is_embedded;
    clock_pause_ms(RETRY_MS);
    if (!consumer->subscriber || atomic_load(&consumer->is_closing))
        return;
    config_ensure_topics(consumer->config.config, TOPICS_TIMEOUT_MS, false, &is_embedded, &err);
    subscriber_restart(consumer->subscriber, &err);
}

static void *consume_main(void *context) {
    struct consume_once *consumer = context;
    pthread_setname_np(pthread_self(), "consumer");
    while (!atomic_load(&consumer->is_closing)) {
        struct error err = {""};
        enum status status = run_once(consumer, &err);
        if (status == ERR_BUG)
            consumer->config.failed(consumer->config.context, &err);
        if (status == ERR_BUG || consumer->is_over)
            break;
        say_trouble(consumer, &err);
        if (status != OK)
            recover(consumer);
    }
    FAILPOINT(STOP_BEFORE_LEAVE);
    struct subscriber *subscriber = consumer->subscriber;
    show_subscriber(consumer, NULL);
    subscriber_close(subscriber);
    FAILPOINT(STOP_AFTER_LEAVE);
    idle(consumer);
    return NULL;
}

static void register_counters(struct consume_once *consumer) {
    static const char *const names[] = {"orderflow_events_handled_total",
                                        "orderflow_events_repeated_total",
                                        "orderflow_events_rejected_total"};
    static const char *const helps[] = {
        "Events that have had their effect.",
        "Events that came again and had no second effect.",
        "Records that were no good events and went to the dead letters.",
    };
    struct counter **counters[] = {consumer->n_handled, consumer->n_repeated, consumer->n_rejected};
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        for (int type = 0; type < N_EVENT_TYPES; type++) {
            char labels[TOPIC_NAME_SIZE + 16];
            snprintf(labels, sizeof labels, "topic=\"%s\"", consumer->config.config->topics[type]);
            if (consumer->config.handlers[type])
                counters[i][type] =
                    metrics_counter(consumer->config.metrics, names[i], helps[i], labels);
        }
    }
}

struct lag_reading {
    const char *group;
    struct metric_samples *samples;
};

static void add_lag(void *context, const char *topic, int32_t partition, int64_t n_records) {
    const struct lag_reading *reading = context;
    char number[16];
    snprintf(number, sizeof number, "%d", partition);
    const struct metric_label labels[] = {
        {"consumergroup", reading->group}, {"topic", topic}, {"partition", number}};
    metric_samples_add(reading->samples, labels, sizeof labels / sizeof *labels, n_records);
}

static void read_lags(void *context, struct metric_samples *samples) {
    struct consume_once *consumer = context;
    struct lag_reading reading = {consumer->config.config->consumer_group, samples};
    pthread_mutex_lock(&consumer->lock);
    if (consumer->subscriber)
        subscriber_visit_lags(consumer->subscriber, add_lag, &reading);
    pthread_mutex_unlock(&consumer->lock);
}

enum status consume_once_open(const struct consume_once_config *config, struct consume_once **out,
                              struct error *err) {
    struct consume_once *consumer = calloc(1, sizeof *consumer);
    if (!consumer)
        abort();
    consumer->config = *config;
    register_counters(consumer);
    pthread_mutex_init(&consumer->lock, NULL);
    if (pthread_create(&consumer->thread, NULL, consume_main, consumer) != 0) {
        pthread_mutex_destroy(&consumer->lock);
        free(consumer);
        return error_set(err, ERR_UNAVAILABLE, "the consumer's thread cannot be started");
    }
    metrics_gauges(config->metrics, "kafka_consumergroup_lag",
                   "Records of its partitions that this consumer has not handled yet.", read_lags,
                   consumer);
    *out = consumer;
    return OK;
}

bool consume_once_is_ready(const struct consume_once *consumer) {
    return atomic_load(&consumer->is_ready);
}

void consume_once_close(struct consume_once *consumer) {
    if (!consumer)
        return;
    atomic_store(&consumer->is_closing, true);
    pthread_join(consumer->thread, NULL);
    pthread_mutex_destroy(&consumer->lock);
    free(consumer);
}
