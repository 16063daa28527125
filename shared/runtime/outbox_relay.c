#include "runtime/outbox_relay.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "bus/publisher.h"
#include "runtime/acknowledged.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    WINDOW = 1024, /* rows sent and not yet acknowledged: each takes a kilobyte or two */
    NOTE_MS = 50,  /* progress is noted, and sent rows are pruned, this often under load */
    POLL_MS = 100, /* librdkafka's errors are looked for this often */
    /* From this many rows a millisecond on, they are collected for a while: the
     * fewer and larger the sets of records, the less work for all, brokers and
     * consumers too (a tenth of all CPU at 10,000 orders a second). */
    PACED_ROWS_PER_MS = 8,
    PACE_MS = 16,
    PACE_BEHIND_MS = 8, /* or the window would limit it to 64 a millisecond */
    CONNECT_TIMEOUT_MS = 500,
    TOPICS_TIMEOUT_MS = 1000,
    RETRY_MS = 500,   /* pause after a failure */
    SETTLE_MS = 1000, /* for what else is on its way, behind a failure */
    CLUSTER_CHECK_MS = 1000,
    LOG_CHECK_TIMEOUT_MS = 2000,
};

struct in_flight {
    int64_t seq;
    bool is_alone; /* no other row is on its way */
    bool is_acknowledged;
};

/* How far it is, as it is stored. */
struct note {
    struct outbox_progress progress;
    struct acknowledged_note acknowledged;
};

struct outbox_relay {
    struct outbox_relay_config config;
    struct db *db;
    struct outbox_reader *reader;
    struct acknowledged *acknowledged;
    struct publisher *publisher; /* NULL: not connected */
    bool is_embedded;            /* the broker, see topics_ensure */
    bool has_seen_topics;        /* and said how they differ, if they do */
    pthread_t thread;
    int wake_fd;
    atomic_bool is_closing;
    int64_t deadline_ms; /* set before is_closing */

    /* Tags count the rows sent; a tag's place in the window is tag % WINDOW. */
    struct in_flight window[WINDOW];
    uint64_t first_tag, end_tag;
    /* Rows that were acknowledged behind one that was not, when the publisher was
     * closed, in order: they are not sent again. */
    int64_t ahead[WINDOW];
    size_t next_ahead, n_ahead;          /* the next of them that the reader comes to */
    int64_t counted_since_ms, n_counted; /* rows sent */
    int64_t next_sweep_ms;               /* none is sent before */
    bool is_busy;                        /* many rows were sent, when last counted */
    bool is_paced;                       /* rows may wait for the next sweep */
    bool is_behind;                      /* the last sweep has left rows */
    uint64_t n_unreported;               /* rows on their way */
    bool must_reconnect;                 /* when these have settled, or it is too late for them */
    int64_t settle_by_ms;
    int64_t alone_upto;  /* a broker refused a batch as too large: up to this row, one is sent at a
                            time, to find the one that is; 0: none */
    bool must_check_log; /* has Kafka lost records? */
    enum { UNTRIED, REACHABLE, UNREACHABLE } broker; /* as last said in the log */
    int64_t retry_at_ms;
    int64_t next_cluster_check_ms, next_log_check_ms;

    struct outbox_progress progress; /* how far it is acknowledged */
    struct write_job note;           /* the job that notes it */
    struct note noting;              /* what that job writes */
    int64_t noted_upto;
    int64_t noted_at_ms;
    atomic_bool note_is_queued;

    struct counter *n_published;
    struct counter *n_unsendable;
};

void outbox_relay_wake(struct outbox_relay *relay) {
    const uint64_t one = 1;
    ssize_t ignored = write(relay->wake_fd, &one, sizeof one);
    (void)ignored; /* fails only when the counter is full: then it is awake */
}

/* Between two sweeps it sleeps on: each commit and each acknowledgement would wake it. */
static void wait_for_work(struct outbox_relay *relay, int timeout_ms) {
    if (relay->is_paced) {
        clock_pause_ms(timeout_ms);
        return;
    }
    struct pollfd fd = {.fd = relay->wake_fd, .events = POLLIN};
    if (poll(&fd, 1, timeout_ms) > 0) {
        uint64_t count;
        ssize_t ignored = read(relay->wake_fd, &count, sizeof count);
        (void)ignored; /* only says that there is something to look at */
    }
}

static int64_t keep_since_ms(const struct outbox_relay *relay) {
    return clock_now_ms() - relay->config.config->outbox_retention_hours * 3600000;
}

static struct outbox_relay *relay_of(struct write_job *note) {
    return (struct outbox_relay *)(void *)((char *)note - offsetof(struct outbox_relay, note));
}

static enum status store_note(struct outbox_relay *relay, const struct note *note,
                              int64_t forget_before_ms, struct error *err) {
    enum status status =
        outbox_set_progress(relay->config.outbox, &note->progress, forget_before_ms, err);
    if (status == OK)
        status = acknowledged_store(&note->acknowledged, relay->config.outbox, err);
    return status;
}

static enum status apply_note(struct write_job *job, struct error *err) {
    struct outbox_relay *relay = relay_of(job);
    enum status status = store_note(relay, &relay->noting, keep_since_ms(relay), err);
    FAILPOINT(PUBLISH_MARKING);
    return status;
}

/* A note that failed is made good by the next one, at the latest when the relay
 * is closed; a crash before that only repeats events. */
static void finish_note(struct write_job *job, enum status status, const struct error *err) {
    struct outbox_relay *relay = relay_of(job);
    FAILPOINT(PUBLISH_AFTER_MARK);
    if (status != OK)
        log_debug("outbox: noting what was sent: %s", err->text); /* the service says it once */
    else
        relay->noting.acknowledged.forgets = false;
    atomic_store(&relay->note_is_queued, false);
}

static void note_progress(struct outbox_relay *relay) {
    int64_t now = clock_monotonic_ms();
    bool is_idle = relay->first_tag == relay->end_tag;
    if (relay->progress.sent_upto == relay->noted_upto || atomic_load(&relay->note_is_queued) ||
        (!is_idle && now < relay->noted_at_ms + NOTE_MS))
        return;
    FAILPOINT(PUBLISH_BEFORE_MARK);
    relay->noting.progress = relay->progress;
    acknowledged_take(relay->acknowledged, &relay->noting.acknowledged);
    atomic_store(&relay->note_is_queued, true);
    if (writer_submit(relay->config.writer, &relay->note, NULL) != OK) {
        atomic_store(&relay->note_is_queued, false);
        return;
    }
    relay->noted_upto = relay->noting.progress.sent_upto;
    relay->noted_at_ms = now;
}

/* The acknowledged rows at the window's head are done. */
static void advance(struct outbox_relay *relay) {
    while (relay->first_tag < relay->end_tag) {
        const struct in_flight *first = &relay->window[relay->first_tag % WINDOW];
        if (!first->is_acknowledged)
            break;
        relay->progress.sent_upto = first->seq;
        relay->progress.sent_ms = clock_now_ms();
        relay->first_tag++;
    }
    if (relay->progress.sent_upto >= relay->alone_upto)
        relay->alone_upto = 0;
}

static void leave_out(struct outbox_relay *relay, const struct outbox_row *row,
                      const char *reason) {
    log_error("outbox: event %lld (%s) can never be published to %s; it is left out, and kept in "
              "the outbox for OUTBOX_RETENTION_HOURS: %s",
              (long long)row->seq, row->id, row->record.topic, reason);
    counter_add(relay->n_unsendable, 1);
}

/* For a row that was alone on its way, so that the reader still stands behind it. */
static void leave_out_alone(struct outbox_relay *relay, int64_t seq, const char *reason) {
    struct outbox_row row;
    bool found = false;
    outbox_reader_seek(relay->reader, seq - 1);
    if (outbox_reader_next(relay->reader, &row, &found, NULL) != OK || !found)
        row = (struct outbox_row){.seq = seq, .id = "unreadable", .record.topic = "its topic"};
    leave_out(relay, &row, reason);
    outbox_reader_seek(relay->reader, seq);
}

static void on_delivered(void *context, uint64_t tag, enum status status, const char *reason) {
    struct outbox_relay *relay = context;
    struct in_flight *row = &relay->window[tag % WINDOW];
    relay->n_unreported--;
    if (status == ERR_INVALID && row->is_alone) {
        leave_out_alone(relay, row->seq, reason);
    } else if (status != OK) {
        if (status == ERR_INVALID && row->seq > relay->alone_upto)
            relay->alone_upto = row->seq;
        if (!relay->must_reconnect)
            relay->settle_by_ms = clock_monotonic_ms() + SETTLE_MS;
        relay->must_reconnect = true;
        log_debug("outbox: event %lld was not acknowledged: %s", (long long)row->seq, reason);
        return;
    } else {
        FAILPOINT(PUBLISH_ACKNOWLEDGED);
        counter_add(relay->n_published, 1);
    }
    row->is_acknowledged = true;
}

/* The embedded broker stamps its answers with a time that is not the record's. */
static void on_placed(void *context, const struct record_place *place) {
    struct outbox_relay *relay = context;
    struct record_place known = *place;
    if (relay->is_embedded)
        known.timestamp_ms = -1;
    if (!acknowledged_add(relay->acknowledged, &known))
        relay->must_check_log = true;
}

/* For rows in their order. */
static bool is_ahead(struct outbox_relay *relay, int64_t seq) {
    while (relay->next_ahead < relay->n_ahead && relay->ahead[relay->next_ahead] < seq)
        relay->next_ahead++;
    return relay->next_ahead < relay->n_ahead && relay->ahead[relay->next_ahead] == seq;
}

/* They are in the window, or behind it, if it has not come so far again: among
 * WINDOW rows in any case. Returns how many were sent and not acknowledged. */
static size_t find_ahead(struct outbox_relay *relay) {
    int64_t found[WINDOW], last = relay->progress.sent_upto;
    size_t n = 0, n_unknown = 0;
    for (uint64_t tag = relay->first_tag; tag < relay->end_tag; tag++) {
        const struct in_flight *row = &relay->window[tag % WINDOW];
        last = row->seq;
        if (row->is_acknowledged)
            found[n++] = row->seq;
        else
            n_unknown++;
    }
    for (size_t i = 0; i < relay->n_ahead; i++)
        if (relay->ahead[i] > last)
            found[n++] = relay->ahead[i];
    memcpy(relay->ahead, found, n * sizeof *found);
    relay->n_ahead = n;
    relay->next_ahead = 0;
    return n_unknown;
}

static void disconnect(struct outbox_relay *relay) {
    publisher_close(relay->publisher);
    relay->publisher = NULL;
    advance(relay);
    size_t n_unknown = find_ahead(relay);
    if (n_unknown > 0 && !atomic_load(&relay->is_closing))
        log_warn("outbox: connecting to Kafka anew; %zu events that it has not acknowledged are "
                 "sent once more, consumers know those they have handled",
                 n_unknown);
    relay->first_tag = relay->end_tag = relay->n_unreported = 0;
    relay->must_reconnect = relay->is_paced = false;
    relay->retry_at_ms = clock_monotonic_ms() + RETRY_MS;
}

/* Only as far as rows are promised to be kept: of older ones that are still
 * there, consumers may have forgotten that they handled them. */
static enum status rewind_outbox(struct outbox_relay *relay, struct error *err) {
    int64_t first, last;
    enum status status =
        outbox_reader_range(relay->reader, keep_since_ms(relay), &first, &last, err);
    if (status != OK)
        return status;
    int64_t from = first > 0 ? first - 1 : relay->progress.sent_upto;
    if (*relay->progress.cluster_id && from < relay->progress.sent_upto)
        log_warn("outbox: publishing the %lld events that are kept once more, consumers know those "
                 "they have handled",
                 (long long)(relay->progress.sent_upto - from));
    if (from < relay->progress.sent_upto)
        relay->progress.sent_upto = from;
    relay->alone_upto = 0;
    relay->n_ahead = relay->next_ahead = 0;
    acknowledged_forget(relay->acknowledged);
    relay->noted_upto = -1; /* not as it was */
    return OK;
}

/* Does Kafka still have what this outbox has sent to it? */
static enum status compare_cluster(struct outbox_relay *relay, struct error *err) {
    char cluster_id[sizeof relay->progress.cluster_id];
    enum status status = publisher_cluster_id(relay->publisher, CONNECT_TIMEOUT_MS, cluster_id,
                                              sizeof cluster_id, err);
    if (status != OK)
        return status;
    bool is_other = strcmp(cluster_id, relay->progress.cluster_id) != 0, is_lost = false;
    if (!is_other)
        status = acknowledged_check(relay->acknowledged, &relay->config.config->kafka,
                                    LOG_CHECK_TIMEOUT_MS, &is_lost, err);
    if (status == OK && is_other && *relay->progress.cluster_id)
        log_warn("outbox: this is another Kafka cluster than last time");
    if (status == OK && (is_other || is_lost))
        status = rewind_outbox(relay, err);
    if (status == OK)
        strcpy(relay->progress.cluster_id, cluster_id);
    return status;
}

/* Finds out which cluster it is, and where in the outbox that means to go on. */
static enum status find_position(struct outbox_relay *relay, struct error *err) {
    enum status status = config_ensure_topics(relay->config.config, TOPICS_TIMEOUT_MS,
                                              !relay->has_seen_topics, &relay->is_embedded, err);
    if (status == OK) {
        relay->has_seen_topics = true;
        status = compare_cluster(relay, err);
    }
    if (status != OK)
        return status;
    relay->must_check_log = false;
    for (int type = 0; type < N_EVENT_TYPES; type++) /* or the first order takes a second longer */
        publisher_prepare(relay->publisher, relay->config.config->topics[type]);
    outbox_reader_seek(relay->reader, relay->progress.sent_upto);
    return OK;
}

static enum status connect_broker(struct outbox_relay *relay, struct error *err) {
    const struct publisher_events events = {
        .delivered = on_delivered,
        .wake_fd = relay->wake_fd,
        .context = relay,
        .placed = on_placed,
    };
    enum status status =
        publisher_open(&relay->config.config->kafka, &events, &relay->publisher, err);
    if (status != OK)
        return status;
    status = find_position(relay, err);
    if (status != OK)
        disconnect(relay);
    return status;
}

static void say_reachable(struct outbox_relay *relay, enum status status, const char *reason) {
    if (relay->broker == (status == OK ? REACHABLE : UNREACHABLE))
        return;
    relay->broker = status == OK ? REACHABLE : UNREACHABLE;
    if (status == OK)
        log_info("outbox: publishing to Kafka cluster %s", relay->progress.cluster_id);
    else
        log_warn("outbox: Kafka at %s cannot be used now, events wait: %s",
                 relay->config.config->kafka.brokers, reason);
}

static enum status send_row(struct outbox_relay *relay, const struct outbox_row *row,
                            struct error *err) {
    FAILPOINT(PUBLISH_BEFORE_PRODUCE);
    enum status status = publisher_send(relay->publisher, &row->record, relay->end_tag, err);
    FAILPOINT(PUBLISH_AFTER_PRODUCE);
    relay->n_unreported += status == OK;
    return status;
}

/* Sends rows until the window, the producer's queue or the outbox ends.
 * *out_sent says whether any was sent. */
static enum status send_rows(struct outbox_relay *relay, bool *out_sent, struct error *err) {
    enum status status = OK;
    bool found = true;
    uint64_t before = relay->end_tag, window = relay->alone_upto > 0 ? 1 : WINDOW;
    while (relay->end_tag - relay->first_tag < window) {
        struct outbox_row row;
        status = outbox_reader_next(relay->reader, &row, &found, err);
        if (status != OK || !found)
            break;
        struct in_flight *place = &relay->window[relay->end_tag % WINDOW];
        *place = (struct in_flight){.seq = row.seq, .is_alone = window == 1};
        place->is_acknowledged = is_ahead(relay, row.seq);
        if (!place->is_acknowledged)
            status = send_row(relay, &row, err);
        if (status == ERR_INVALID) {
            leave_out(relay, &row, err->text);
            place->is_acknowledged = true;
            status = OK;
        } else if (status != OK) {
            outbox_reader_seek(relay->reader, row.seq - 1); /* this row comes again */
            break;
        }
        relay->end_tag++;
    }
    outbox_reader_pause(relay->reader);
    relay->is_behind = found;
    *out_sent = relay->end_tag != before;
    return status == ERR_BUSY ? OK : status;
}

static void count_rows(struct outbox_relay *relay, uint64_t n_rows, int64_t now) {
    int64_t passed_ms = now - relay->counted_since_ms;
    relay->n_counted += (int64_t)n_rows;
    if (passed_ms < PACE_MS)
        return;
    relay->is_busy = relay->n_counted >= PACED_ROWS_PER_MS * passed_ms;
    relay->n_counted = 0;
    relay->counted_since_ms = now;
}

/* Sends what waits, unless it is to be collected for a while. */
static enum status sweep(struct outbox_relay *relay, bool *out_sent, struct error *err) {
    int64_t now = clock_monotonic_ms();
    uint64_t before = relay->end_tag;
    relay->is_paced = now < relay->next_sweep_ms && !atomic_load(&relay->is_closing);
    if (relay->is_paced || relay->must_reconnect)
        return OK;
    enum status status = send_rows(relay, out_sent, err);
    count_rows(relay, relay->end_tag - before, now);
    if (relay->is_busy)
        relay->next_sweep_ms = now + (relay->is_behind ? PACE_BEHIND_MS : PACE_MS);
    return status;
}

static bool is_other_cluster(struct outbox_relay *relay) {
    int64_t now = clock_monotonic_ms();
    if (now < relay->next_cluster_check_ms)
        return false;
    relay->next_cluster_check_ms = now + CLUSTER_CHECK_MS;
    char id[sizeof relay->progress.cluster_id];
    return publisher_cluster_id(relay->publisher, 0, id, sizeof id, NULL) == OK &&
           strcmp(id, relay->progress.cluster_id) != 0;
}

/* A broker that was away may come back without its records. The check that
 * decides is the one of the connection made anew; it waits until then. */
static bool has_lost_records(struct outbox_relay *relay) {
    bool is_lost = false;
    if (publisher_was_cut_off(relay->publisher))
        relay->must_check_log = true;
    if (!relay->must_check_log || clock_monotonic_ms() < relay->next_log_check_ms ||
        atomic_load(&relay->is_closing))
        return false;
    relay->must_check_log = acknowledged_check(relay->acknowledged, &relay->config.config->kafka,
                                               LOG_CHECK_TIMEOUT_MS, &is_lost, NULL) != OK;
    relay->next_log_check_ms = clock_monotonic_ms() + RETRY_MS;
    return is_lost;
}

/* One round; returns how long to wait before the next. */
static int run_once(struct outbox_relay *relay) {
    struct error err;
    enum status status = OK;
    int64_t now = clock_monotonic_ms();
    if (!relay->publisher) {
        if (now < relay->retry_at_ms)
            return (int)(relay->retry_at_ms - now);
        status = connect_broker(relay, &err);
        say_reachable(relay, status, err.text);
        if (status != OK)
            return RETRY_MS;
    }

    bool sent = false;
    publisher_poll(relay->publisher, 0);
    advance(relay);
    status = sweep(relay, &sent, &err);
    if (status != OK)
        log_warn("outbox: %s", err.text);
    if (status == OK && relay->must_reconnect && relay->n_unreported > 0 &&
        now < relay->settle_by_ms)
        return POLL_MS;
    if (status != OK || relay->must_reconnect || publisher_is_broken(relay->publisher) ||
        is_other_cluster(relay) || has_lost_records(relay)) {
        disconnect(relay);
        return RETRY_MS;
    }
    note_progress(relay);
    if (relay->is_paced)
        return (int)(relay->next_sweep_ms - now);
    return sent ? 0 : POLL_MS;
}

static bool is_finished(const struct outbox_relay *relay, int wait_ms) {
    if (!atomic_load(&relay->is_closing))
        return false;
    bool is_idle = wait_ms > 0 && !relay->is_paced && relay->publisher &&
                   relay->first_tag == relay->end_tag &&
                   relay->progress.sent_upto == relay->noted_upto;
    return is_idle || !relay->publisher || clock_monotonic_ms() >= relay->deadline_ms;
}

static void *relay_main(void *context) {
    struct outbox_relay *relay = context;
    int wait_ms = 0;
    pthread_setname_np(pthread_self(), "relay");
    while (!is_finished(relay, wait_ms)) {
        if (wait_ms > 0)
            wait_for_work(relay, wait_ms);
        wait_ms = run_once(relay);
    }
    if (relay->publisher)
        disconnect(relay);
    return NULL;
}

static void relay_free(struct outbox_relay *relay) {
    acknowledged_note_release(&relay->noting.acknowledged);
    acknowledged_close(relay->acknowledged);
    outbox_reader_close(relay->reader);
    db_close(relay->db);
    if (relay->wake_fd >= 0)
        close(relay->wake_fd);
    free(relay);
}

static enum status start(struct outbox_relay *relay, struct error *err) {
    enum status status = db_open_reader(relay->config.db_path, &relay->db, err);
    if (status == OK)
        status = outbox_reader_open(relay->db, relay->config.service, &relay->reader, err);
    if (status == OK)
        status = outbox_reader_progress(relay->reader, &relay->progress, err);
    if (status == OK)
        status = acknowledged_open(relay->db, &relay->acknowledged, err);
    if (status != OK)
        return status;
    relay->noted_upto = relay->progress.sent_upto;
    relay->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (relay->wake_fd < 0)
        return error_set(err, ERR_UNAVAILABLE, "eventfd: %s", strerror(errno));
    if (pthread_create(&relay->thread, NULL, relay_main, relay) != 0)
        return error_set(err, ERR_UNAVAILABLE, "the relay's thread cannot be started");
    return OK;
}

enum status outbox_relay_open(const struct outbox_relay_config *config, struct outbox_relay **out,
                              struct error *err) {
    struct outbox_relay *relay = calloc(1, sizeof *relay);
    if (!relay)
        abort();
    relay->config = *config;
    relay->wake_fd = -1;
    relay->note = (struct write_job){.apply = apply_note, .done = finish_note};
    relay->n_published =
        metrics_counter(config->metrics, "orderflow_events_published_total",
                        "Events that a broker has acknowledged, repetitions included.", "");
    relay->n_unsendable =
        metrics_counter(config->metrics, "orderflow_events_unsendable_total",
                        "Events that no broker will ever take, such as too large ones.", "");
    enum status status = start(relay, err);
    if (status != OK) {
        relay_free(relay);
        return status;
    }
    *out = relay;
    return OK;
}

struct last_note {
    struct outbox_relay *relay;
    struct note note;
};

static enum status store_last_note(void *context, struct error *err) {
    struct last_note *last = context;
    return store_note(last->relay, &last->note, 0, err);
}

static void note_last(struct outbox_relay *relay) {
    struct last_note last = {.relay = relay, .note.progress = relay->progress};
    acknowledged_take(relay->acknowledged, &last.note.acknowledged);
    writer_run(relay->config.writer, store_last_note, &last, NULL);
    acknowledged_note_release(&last.note.acknowledged);
}

void outbox_relay_close(struct outbox_relay *relay, int timeout_ms) {
    if (!relay)
        return;
    relay->deadline_ms = clock_monotonic_ms() + timeout_ms;
    atomic_store(&relay->is_closing, true);
    outbox_relay_wake(relay);
    pthread_join(relay->thread, NULL);
    FAILPOINT(STOP_RELAY_ENDED);
    note_last(relay);
    /* A note that is still queued is in our memory: the last one came behind it,
     * unless the writer refused it. */
    while (atomic_load(&relay->note_is_queued))
        clock_pause_ms(1);
    relay_free(relay);
}
