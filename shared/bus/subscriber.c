#include "bus/subscriber.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "bus/client.h"
#include "bus/landmarks.h"
#include "bus/message.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that one batch holds in memory before it stops to take more. */
enum { BATCH_BYTES_MAX = 4 * 1024 * 1024 };

enum {
    COMMITTED_TIMEOUT_MS = 1000,
    LOG_CHECK_TIMEOUT_MS = 2000,
    CLUSTER_CHECK_MS = 1000,
    RESUME_PAUSE_MS = 500,
    WAKE_TIMEOUT_MS = 100,
    GIVE_UP_TIMEOUT_MS = 2000,
    LAST_COMMIT_TIMEOUT_MS = 500,
    LEADER_LOOK_MS = 5000,
    CLOSE_TIMEOUT_MS = 1000,
};

/* 6000 ms is the shortest session that a Kafka broker accepts by default; it
 * bounds how long a killed member's partitions stand still. A member that joined
 * before its topics were there, as after a lost disk, finds them with the next
 * refresh of the metadata. The queue and fetch bounds keep a consumer that
 * catches up in some 25 MB: a record of ours takes a kilobyte in the queue, ten
 * times what librdkafka counts. And the little of each partition that a fetch
 * takes has it go through them evenly: what was sent at about one time then comes
 * in one batch, and its rows are on the same pages. */
static const struct client_property defaults[] = {
    {"session.timeout.ms", "6000"},         {"heartbeat.interval.ms", "1500"},
    {"queued.max.messages.kbytes", "4096"}, {"fetch.max.bytes", "2097152"},
    {"message.max.bytes", "2097152"},       {"max.partition.fetch.bytes", "131072"},
    {"queued.min.messages", "8192"},        {"fetch.error.backoff.ms", "100"},
    {"reconnect.backoff.max.ms", "2000"},   {"topic.metadata.refresh.interval.ms", "5000"},
};

/* Against the embedded broker: it accepts short sessions, but forgets a member
 * whose session is over before the 3 s of a group's first rebalance are; it holds
 * every empty fetch for the whole of fetch.wait.max.ms; and when members come and
 * go at once, it may never answer one that joins, who then asks again after
 * max.poll.interval.ms and 3 s. It answers at once, so that a queue of one
 * batch is enough. */
static const struct client_property embedded_defaults[] = {
    {"session.timeout.ms", "3500"},  {"heartbeat.interval.ms", "500"},
    {"fetch.wait.max.ms", "5"},      {"max.poll.interval.ms", "10000"},
    {"queued.min.messages", "4096"}, {"fetch.max.bytes", "262144"},
    {"message.max.bytes", "262144"},
};

static const struct client_property fixed[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "earliest"},
    {"partition.assignment.strategy", "range"},
    {"check.crcs", "true"},
};

const struct client_properties subscriber_properties = {
    defaults, sizeof defaults / sizeof *defaults, fixed, sizeof fixed / sizeof *fixed};

struct subscriber {
    rd_kafka_t *client;
    struct subscriber_config config;
    /* NULL: none. The offsets are behind what is done; RD_KAFKA_OFFSET_BEGINNING:
     * nothing is. Written by the subscriber's thread, under the lock. */
    rd_kafka_topic_partition_list_t *assigned;
    pthread_mutex_t lock;
    char cluster_id[CLUSTER_ID_SIZE];
    int64_t next_cluster_check_ms;
    atomic_bool has_joined;
    bool was_cut_off;  /* from all brokers; nothing is read until it has resumed */
    bool is_suspended; /* and that is seen to */
    int64_t next_resume_ms;
    bool is_partial; /* some of `assigned` are not read, for they had no leader */
    int64_t next_leader_look_ms;

    enum status start_status; /* of the last assignment */
    struct error start_err;
    enum status late_status; /* an error that came behind the records of a poll */
    struct error late_err;

    rd_kafka_message_t **messages; /* the batch */
    size_t *ends;                  /* the last message of each partition in it */
    size_t size;                   /* that both have room for */
    size_t n, n_ends;
    size_t last_end;          /* the place in `ends` of the newest message's partition */
    rd_kafka_message_t *read; /* the one of them that `record` points into; NULL: none */
    struct record record;
    bool was_full; /* there was more than a batch, and no end of it since */
};

static void drop_record(struct subscriber *subscriber) {
    if (subscriber->read)
        message_release(subscriber->read, &subscriber->record);
    subscriber->read = NULL;
}

static void drop_batch(struct subscriber *subscriber) {
    drop_record(subscriber);
    for (size_t i = 0; i < subscriber->n; i++)
        rd_kafka_message_destroy(subscriber->messages[i]);
    subscriber->n = subscriber->n_ends = subscriber->last_end = 0;
}

/* Starts a partition from its beginning, and the group's next members, too:
 * a crash must not bring the old offset back. */
static enum status rewind_partition(struct subscriber *subscriber,
                                    rd_kafka_topic_partition_t *partition, struct error *err) {
    log_warn("group %s: Kafka has lost records of %s/%d: what stood before offset %lld is not "
             "there; reading it from its beginning",
             subscriber->config.group, partition->topic, partition->partition,
             (long long)partition->offset);
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(offsets, partition->topic, partition->partition)->offset = 0;
    rd_kafka_resp_err_t code = rd_kafka_commit(subscriber->client, offsets, 0);
    rd_kafka_topic_partition_list_destroy(offsets);
    partition->offset = RD_KAFKA_OFFSET_BEGINNING;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return OK;
    return error_set(err, ERR_UNAVAILABLE, "going back to the beginning of %s: %s",
                     partition->topic, rd_kafka_err2str(code));
}

/* It is read when a broker leads it again; the others do not wait for it. */
static void leave_out(struct subscriber *subscriber, const struct record_place *place,
                      rd_kafka_topic_partition_list_t *partitions) {
    if (!subscriber->is_partial)
        log_warn("group %s: %s/%d has no leader and is not read now, the other partitions are",
                 subscriber->config.group, place->topic, place->partition);
    rd_kafka_topic_partition_list_del(partitions, place->topic, place->partition);
}

/* Starts behind those of the last records that are still there. */
static enum status check_starts(struct subscriber *subscriber, const struct record_place *last,
                                size_t n, rd_kafka_topic_partition_list_t *partitions,
                                struct error *err) {
    enum landmark *answers = calloc(n + 1, sizeof *answers);
    if (!answers)
        abort();
    size_t n_left_out = 0;
    enum status status =
        landmarks_check(subscriber->config.kafka, last, n, LOG_CHECK_TIMEOUT_MS, answers, err);
    for (size_t i = 0; status == OK && i < n; i++) {
        if (answers[i] == LANDMARK_GONE)
            status = rewind_partition(
                subscriber,
                rd_kafka_topic_partition_list_find(partitions, last[i].topic, last[i].partition),
                err);
        if (answers[i] == LANDMARK_OUT_OF_SIGHT) {
            leave_out(subscriber, &last[i], partitions);
            n_left_out++;
        }
    }
    free(answers);
    subscriber->is_partial = n_left_out > 0;
    subscriber->next_leader_look_ms = clock_monotonic_ms() + LEADER_LOOK_MS;
    return status;
}

/* Asks the caller where to start, partition by partition. */
static enum status ask_starts(struct subscriber *subscriber,
                              rd_kafka_topic_partition_list_t *partitions, struct error *err) {
    enum status status = OK;
    size_t n = 0;
    struct record_place *last = calloc((size_t)partitions->cnt + 1, sizeof *last);
    if (!last)
        abort();
    for (int i = 0; status == OK && i < partitions->cnt; i++) {
        rd_kafka_topic_partition_t *partition = &partitions->elems[i];
        int64_t committed = partition->offset >= 0 ? partition->offset : -1;
        last[n] =
            (struct record_place){.topic = partition->topic, .partition = partition->partition};
        status = subscriber->config.start(subscriber->config.context, subscriber->cluster_id,
                                          committed, &last[n], err);
        bool is_beginning = status == OK && last[n].offset < 0;
        partition->offset = is_beginning ? RD_KAFKA_OFFSET_BEGINNING : last[n].offset + 1;
        n += !is_beginning;
    }
    if (status == OK)
        status = check_starts(subscriber, last, n, partitions, err);
    free(last);
    return status;
}

static enum status find_starts(struct subscriber *subscriber,
                               rd_kafka_topic_partition_list_t *partitions, struct error *err) {
    enum status status =
        client_cluster_id(subscriber->client, COMMITTED_TIMEOUT_MS, subscriber->cluster_id, err);
    if (status != OK)
        return status;
    rd_kafka_resp_err_t code =
        rd_kafka_committed(subscriber->client, partitions, COMMITTED_TIMEOUT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_set(err, ERR_UNAVAILABLE, "reading the committed offsets: %s",
                         rd_kafka_err2str(code));
    return ask_starts(subscriber, partitions, err);
}

static void note_done(struct subscriber *subscriber,
                      const rd_kafka_topic_partition_list_t *offsets) {
    pthread_mutex_lock(&subscriber->lock);
    int n = subscriber->assigned ? offsets->cnt : 0;
    for (int i = 0; i < n; i++) {
        const rd_kafka_topic_partition_t *done = &offsets->elems[i];
        rd_kafka_topic_partition_list_set_offset(subscriber->assigned, done->topic, done->partition,
                                                 done->offset);
    }
    pthread_mutex_unlock(&subscriber->lock);
}

/* librdkafka would ask the broker where a partition begins; and when its own
 * threads do not know the partition's leader yet, it does so after half a second.
 * Mostly it is 0; where it is not, auto.offset.reset tells. */
static void begin_at_zero(rd_kafka_topic_partition_list_t *partitions) {
    for (int i = 0; i < partitions->cnt; i++)
        if (partitions->elems[i].offset == RD_KAFKA_OFFSET_BEGINNING)
            partitions->elems[i].offset = 0;
}

static enum status assign(struct subscriber *subscriber, struct error *err) {
    rd_kafka_topic_partition_list_t *partitions =
        rd_kafka_topic_partition_list_copy(subscriber->assigned);
    enum status status = find_starts(subscriber, partitions, err);
    if (status == OK)
        note_done(subscriber, partitions);
    begin_at_zero(partitions);
    rd_kafka_assign(subscriber->client, status == OK ? partitions : NULL);
    rd_kafka_topic_partition_list_destroy(partitions);
    return status;
}

/* Takes `assigned` over; NULL: none. */
static void replace_assignment(struct subscriber *subscriber,
                               rd_kafka_topic_partition_list_t *assigned) {
    pthread_mutex_lock(&subscriber->lock);
    if (subscriber->assigned)
        rd_kafka_topic_partition_list_destroy(subscriber->assigned);
    subscriber->assigned = assigned;
    pthread_mutex_unlock(&subscriber->lock);
    subscriber->start_status = OK;
    subscriber->is_suspended = false;
    subscriber->is_partial = false;
}

static rd_kafka_resp_err_t commit_and_wait(struct subscriber *subscriber,
                                           const rd_kafka_topic_partition_list_t *offsets,
                                           int timeout_ms) {
    rd_kafka_queue_t *answers = rd_kafka_queue_new(subscriber->client);
    rd_kafka_resp_err_t code =
        rd_kafka_commit_queue(subscriber->client, offsets, answers, NULL, NULL);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_event_t *answer = rd_kafka_queue_poll(answers, timeout_ms);
        code = answer ? rd_kafka_event_error(answer) : RD_KAFKA_RESP_ERR__TIMED_OUT;
        rd_kafka_event_destroy(answer);
    }
    rd_kafka_queue_destroy(answers);
    return code;
}

/* Is it the log that this member has read? After an outage that is not known
 * until the starts have been looked at again. */
static bool knows_log(struct subscriber *subscriber) {
    char id[CLUSTER_ID_SIZE];
    return !subscriber->was_cut_off && !subscriber->is_suspended &&
           subscriber->start_status == OK &&
           client_cluster_id(subscriber->client, 0, id, NULL) == OK &&
           strcmp(id, subscriber->cluster_id) == 0;
}

/* Before partitions are given up: the next member may have a database that knows
 * nothing of what this one did, and starts where Kafka says. An earlier commit
 * may have failed, or what is done may have been known from the database alone. */
static void commit_done(struct subscriber *subscriber, int timeout_ms) {
    if (!knows_log(subscriber))
        return;
    rd_kafka_topic_partition_list_t *done = rd_kafka_topic_partition_list_new(8);
    int n = subscriber->assigned ? subscriber->assigned->cnt : 0;
    for (int i = 0; i < n; i++) {
        const rd_kafka_topic_partition_t *partition = &subscriber->assigned->elems[i];
        if (partition->offset >= 0)
            rd_kafka_topic_partition_list_add(done, partition->topic, partition->partition)
                ->offset = partition->offset;
    }
    rd_kafka_resp_err_t code =
        done->cnt > 0 ? commit_and_wait(subscriber, done, timeout_ms) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        log_warn("group %s: Kafka was not told the last offsets: %s; an instance with another "
                 "database would handle these records once more",
                 subscriber->config.group, rd_kafka_err2str(code));
    rd_kafka_topic_partition_list_destroy(done);
}

static void give_up(struct subscriber *subscriber) {
    if (rd_kafka_assignment_lost(subscriber->client)) {
        atomic_store(&subscriber->has_joined, false);
        log_warn("group %s: Kafka has heard nothing of this member for too long and given its "
                 "partitions away",
                 subscriber->config.group);
    } else {
        commit_done(subscriber, GIVE_UP_TIMEOUT_MS);
    }
    replace_assignment(subscriber, NULL);
    FAILPOINT(REBALANCE_REVOKED);
    rd_kafka_assign(subscriber->client, NULL);
}

static void on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque) {
    struct subscriber *subscriber = opaque;
    (void)client;
    /* What this poll has taken so far is of the old assignment, perhaps of another
     * cluster; it comes again from where the new one starts. */
    drop_batch(subscriber);
    if (code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        give_up(subscriber);
        return;
    }
    FAILPOINT(REBALANCE_BEFORE_START);
    replace_assignment(subscriber, rd_kafka_topic_partition_list_copy(partitions));
    subscriber->start_status = assign(subscriber, &subscriber->start_err);
    FAILPOINT(REBALANCE_AFTER_START);
    atomic_store(&subscriber->has_joined, subscriber->start_status == OK);
    log_info("group %s: %d partitions of cluster %s assigned", subscriber->config.group,
             partitions->cnt, subscriber->cluster_id);
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque) {
    struct subscriber *subscriber = opaque;
    client_log_error(client, code, reason, NULL);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        subscriber->was_cut_off = true;
}

static enum status subscribe(struct subscriber *subscriber, struct error *err) {
    const struct subscriber_config *config = &subscriber->config;
    rd_kafka_topic_partition_list_t *topics =
        rd_kafka_topic_partition_list_new((int)config->n_topics);
    for (size_t i = 0; i < config->n_topics; i++)
        rd_kafka_topic_partition_list_add(topics, config->topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(subscriber->client, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return OK;
    return error_set(err, ERR_INVALID, "subscribing: %s", rd_kafka_err2str(code));
}

static enum status make_client(struct subscriber *subscriber, struct error *err) {
    const struct subscriber_config *config = &subscriber->config;
    struct client_properties properties = subscriber_properties;
    struct client_property all[sizeof defaults / sizeof *defaults +
                               sizeof embedded_defaults / sizeof *embedded_defaults];
    if (config->is_embedded) {
        memcpy(all, defaults, sizeof defaults);
        memcpy(all + properties.n_defaults, embedded_defaults, sizeof embedded_defaults);
        properties.defaults = all;
        properties.n_defaults = sizeof all / sizeof *all;
    }
    rd_kafka_conf_t *conf;
    enum status status = client_conf_new(config->kafka, &properties, &conf, err);
    if (status != OK)
        return status;
    rd_kafka_conf_set_opaque(conf, subscriber);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set(conf, "group.id", config->group, NULL, 0);
    return client_new(RD_KAFKA_CONSUMER, conf, &subscriber->client, err);
}

enum status subscriber_open(const struct subscriber_config *config, struct subscriber **out,
                            struct error *err) {
    struct subscriber *subscriber = calloc(1, sizeof *subscriber);
    if (!subscriber)
        abort();
    subscriber->config = *config;
    pthread_mutex_init(&subscriber->lock, NULL);
    enum status status = make_client(subscriber, err);
    if (status == OK) {
        rd_kafka_poll_set_consumer(subscriber->client);
        status = subscribe(subscriber, err);
    }
    if (status != OK) {
        subscriber_close(subscriber);
        return status;
    }
    *out = subscriber;
    return OK;
}

static enum status from_message_error(struct subscriber *subscriber,
                                      const rd_kafka_message_t *message, struct error *err) {
    char reason[256];
    if (rd_kafka_fatal_error(subscriber->client, reason, sizeof reason))
        return error_set(err, ERR_BUG, "kafka consumer: %s", reason);
    return error_set(err, ERR_UNAVAILABLE, "kafka consumer: %s", rd_kafka_message_errstr(message));
}

static void reserve(struct subscriber *subscriber, size_t max) {
    if (subscriber->size >= max)
        return;
    free(subscriber->messages);
    free(subscriber->ends);
    subscriber->messages = calloc(max, sizeof(*subscriber->messages));
    subscriber->ends = calloc(max, sizeof(*subscriber->ends));
    if (!subscriber->messages || !subscriber->ends)
        abort();
    subscriber->size = max;
}

/* Restarts when the broker at the same address turns out to be another
 * cluster: offsets of the old one mean nothing there. */
static enum status check_cluster(struct subscriber *subscriber, struct error *err) {
    int64_t now = clock_monotonic_ms();
    if (!subscriber->assigned || now < subscriber->next_cluster_check_ms)
        return OK;
    subscriber->next_cluster_check_ms = now + CLUSTER_CHECK_MS;
    char id[CLUSTER_ID_SIZE];
    if (client_cluster_id(subscriber->client, 0, id, NULL) != OK ||
        strcmp(id, subscriber->cluster_id) == 0)
        return OK;
    log_warn("group %s: cluster %s is now %s; starting from its beginning",
             subscriber->config.group, subscriber->cluster_id, id);
    return subscriber_restart(subscriber, err);
}

/* A broker that was away may come back without its records, and with others in
 * their places: nothing is read until the starts have been looked at again. */
static void check_connection(struct subscriber *subscriber) {
    int64_t now = clock_monotonic_ms();
    if (subscriber->was_cut_off && subscriber->assigned && subscriber->start_status == OK) {
        rd_kafka_assign(subscriber->client, NULL);
        subscriber->is_suspended = true;
    }
    subscriber->was_cut_off = false;
    if (!subscriber->is_suspended || now < subscriber->next_resume_ms)
        return;
    subscriber->next_resume_ms = now + RESUME_PAUSE_MS;
    subscriber->is_suspended = assign(subscriber, NULL) != OK;
}

/* While its queue is full, librdkafka fetches nothing, and it sees up to a second
 * late that it is empty again, unless the broker's thread has something to do. */
static void wake_fetcher(struct subscriber *subscriber) {
    if (subscriber->was_full && subscriber->assigned && subscriber->assigned->cnt > 0)
        client_learn_topic(subscriber->client, subscriber->assigned->elems[0].topic,
                           WAKE_TIMEOUT_MS);
    subscriber->was_full = false;
}

/* What is read already starts again behind what is done. */
static enum status check_leaders(struct subscriber *subscriber, struct error *err) {
    if (!subscriber->is_partial || clock_monotonic_ms() < subscriber->next_leader_look_ms)
        return OK;
    enum status status = subscriber_restart(subscriber, err);
    if (status == OK && !subscriber->is_partial)
        log_info("group %s: all partitions are read again", subscriber->config.group);
    return status;
}

static bool is_of_partition(const rd_kafka_message_t *message, const rd_kafka_message_t *other) {
    return message->partition == other->partition && message->rkt == other->rkt;
}

/* Most come behind another of their partition. */
static void add_message(struct subscriber *subscriber, rd_kafka_message_t *message) {
    size_t at = subscriber->last_end;
    if (at >= subscriber->n_ends ||
        !is_of_partition(message, subscriber->messages[subscriber->ends[at]])) {
        for (at = 0; at < subscriber->n_ends; at++)
            if (is_of_partition(message, subscriber->messages[subscriber->ends[at]]))
                break;
    }
    if (at == subscriber->n_ends)
        subscriber->n_ends++;
    subscriber->ends[at] = subscriber->n;
    subscriber->last_end = at;
    subscriber->messages[subscriber->n++] = message;
}

/* Takes records until one has to be waited for; an error ends it, and so does
 * the end of the connection: what comes then is not yet to be taken. */
static enum status take_records(struct subscriber *subscriber, int timeout_ms, size_t max,
                                struct error *err) {
    size_t bytes = 0;
    while (subscriber->n < max && bytes < BATCH_BYTES_MAX) {
        rd_kafka_message_t *message =
            rd_kafka_consumer_poll(subscriber->client, subscriber->n == 0 ? timeout_ms : 0);
        if (subscriber->was_cut_off && message) {
            rd_kafka_message_destroy(message);
            break;
        }
        if (!message) {
            wake_fetcher(subscriber);
            return OK;
        }
        if (message->err) {
            enum status status = from_message_error(subscriber, message, err);
            rd_kafka_message_destroy(message);
            return status;
        }
        bytes += message->len + message->key_len;
        add_message(subscriber, message);
    }
    subscriber->was_full = subscriber->was_full || subscriber->n == max || bytes >= BATCH_BYTES_MAX;
    return OK;
}

/* Returns the error that the last poll kept back, if there is one. */
static enum status late_error(struct subscriber *subscriber, struct error *err) {
    enum status status = subscriber->late_status;
    if (status != OK)
        *err = subscriber->late_err;
    subscriber->late_status = OK;
    return status;
}

enum status subscriber_poll(struct subscriber *subscriber, int timeout_ms, size_t max,
                            size_t *out_n, struct error *err) {
    drop_batch(subscriber);
    reserve(subscriber, max);
    enum status status = late_error(subscriber, err);
    if (status == OK)
        status = check_cluster(subscriber, err);
    if (status == OK)
        status = check_leaders(subscriber, err);
    if (status != OK)
        return status;
    check_connection(subscriber);

    status = take_records(subscriber, timeout_ms, max, err);
    if (rd_kafka_assignment_lost(subscriber->client))
        drop_batch(subscriber); /* another member may be handling them by now */
    if (subscriber->start_status != OK) {
        *err = subscriber->start_err;
        return subscriber->start_status;
    }
    if (status != OK && subscriber->n == 0)
        return status;
    subscriber->late_status = status;
    if (status != OK)
        subscriber->late_err = *err;
    *out_n = subscriber->n;
    return OK;
}

const struct record *subscriber_record(struct subscriber *subscriber, size_t i) {
    drop_record(subscriber);
    subscriber->read = subscriber->messages[i];
    message_read(subscriber->read, &subscriber->record);
    return &subscriber->record;
}

struct record_place subscriber_place(const struct subscriber *subscriber, size_t i) {
    return message_place(subscriber->messages[i]);
}

const size_t *subscriber_ends(const struct subscriber *subscriber, size_t *out_n) {
    *out_n = subscriber->n_ends;
    return subscriber->ends;
}

void subscriber_commit(struct subscriber *subscriber) {
    if (subscriber->n == 0)
        return;
    rd_kafka_topic_partition_list_t *offsets =
        rd_kafka_topic_partition_list_new((int)subscriber->n_ends);
    for (size_t i = 0; i < subscriber->n_ends; i++) {
        const struct record_place last = subscriber_place(subscriber, subscriber->ends[i]);
        rd_kafka_topic_partition_list_add(offsets, last.topic, last.partition)->offset =
            last.offset + 1;
    }
    rd_kafka_commit(subscriber->client, offsets, 1);
    note_done(subscriber, offsets);
    rd_kafka_topic_partition_list_destroy(offsets);
}

enum status subscriber_restart(struct subscriber *subscriber, struct error *err) {
    drop_batch(subscriber);
    if (!subscriber->assigned)
        return OK;
    subscriber->is_suspended = false;
    subscriber->start_status = assign(subscriber, err);
    if (subscriber->start_status != OK)
        subscriber->start_err = *err;
    atomic_store(&subscriber->has_joined, subscriber->start_status == OK);
    return subscriber->start_status;
}

const char *subscriber_cluster_id(const struct subscriber *subscriber) {
    return subscriber->cluster_id;
}

bool subscriber_has_joined(const struct subscriber *subscriber) {
    return atomic_load(&subscriber->has_joined);
}

/* From what librdkafka remembers of its last fetch, at any moment: its statistics
 * say the same once per interval, in a hundred kilobytes of JSON. */
static bool find_lag(const struct subscriber *subscriber,
                     const rd_kafka_topic_partition_t *partition, int64_t *out) {
    int64_t first, end;
    if (rd_kafka_get_watermark_offsets(subscriber->client, partition->topic, partition->partition,
                                       &first, &end) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    int64_t next = partition->offset > first ? partition->offset : first;
    if (next < 0 || end < 0)
        return false;
    *out = end > next ? end - next : 0;
    return true;
}

void subscriber_visit_lags(struct subscriber *subscriber, subscriber_lag_visitor *visit,
                           void *context) {
    pthread_mutex_lock(&subscriber->lock);
    int n = subscriber->assigned ? subscriber->assigned->cnt : 0;
    for (int i = 0; i < n; i++) {
        const rd_kafka_topic_partition_t *partition = &subscriber->assigned->elems[i];
        int64_t n_records;
        if (find_lag(subscriber, partition, &n_records))
            visit(context, partition->topic, partition->partition, n_records);
    }
    pthread_mutex_unlock(&subscriber->lock);
}

/* rd_kafka_consumer_close may hang after a lost partition, so it is done with
 * a queue of our own and a deadline. */
static void leave_group(struct subscriber *subscriber) {
    if (!rd_kafka_assignment_lost(subscriber->client))
        commit_done(subscriber, LAST_COMMIT_TIMEOUT_MS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(subscriber->client);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(subscriber->client, queue);
    int64_t deadline = clock_monotonic_ms() + CLOSE_TIMEOUT_MS;
    while (!error && !rd_kafka_consumer_closed(subscriber->client) &&
           clock_monotonic_ms() < deadline) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 50);
        if (!event)
            continue;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE) {
            FAILPOINT(STOP_REVOKED);
            rd_kafka_assign(subscriber->client, NULL);
        }
        rd_kafka_event_destroy(event);
    }
    if (error)
        rd_kafka_error_destroy(error);
    rd_kafka_queue_destroy(queue);
}

void subscriber_close(struct subscriber *subscriber) {
    if (!subscriber)
        return;
    drop_batch(subscriber);
    if (subscriber->client) {
        leave_group(subscriber);
        rd_kafka_destroy_flags(subscriber->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    replace_assignment(subscriber, NULL);
    pthread_mutex_destroy(&subscriber->lock);
    free(subscriber->messages);
    free(subscriber->ends);
    free(subscriber);
}
