#include "order/adapters/playground.h"

#include "base/clock.h"
#include "base/log.h"
#include "bus/publisher.h"
#include "bus/topics.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    TOPICS_MAX = 16,
    POSTS_MAX = 64, /* that wait at once */
    ACKNOWLEDGE_TIMEOUT_MS = 5000,
    ENSURE_TIMEOUT_MS = 1000,
    ENSURE_RETRY_MS = 500,
    END_TIMEOUT_MS = 300,
    LOOK_MS = 50, /* between looks at the clock while records wait */
};

struct topic {
    char name[TOPIC_NAME_SIZE];
    /* The thread's. */
    bool is_ensured;  /* since the producer was opened */
    int64_t retry_ms; /* not ensured before that */
};

struct playground {
    const struct config *config;
    struct topic topics[TOPICS_MAX];
    size_t n_topics;
    int wake_fd;
    pthread_t thread;
    bool has_thread;

    /* The thread's own. */
    struct publisher *publisher; /* NULL: none is open */
    struct record_place place;   /* of the record that is being reported */
    struct error failure;        /* why a topic could not be ensured, the last time */
    bool has_failed;             /* in this round, which must not take long */
    bool is_failing;             /* Kafka did not take the last record: it is logged once */
    int64_t last_ms;             /* no record waits longer: when it is ending */

    pthread_mutex_t lock;
    struct playground_post *posts[POSTS_MAX]; /* NULL: free. Only the thread takes one out */
    bool is_ending;
};

/* --- the topics --- */

/* The next name of the list; its end is at *at. */
static bool next_name(const char **at, const char **out_name, size_t *out_len) {
    if (!*at)
        return false;
    *out_name = *at;
    *out_len = strcspn(*at, ",");
    *at = (*at)[*out_len] ? *at + *out_len + 1 : NULL;
    return true;
}

static struct topic *find_topic(struct topic *topics, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(topics[i].name, name) == 0)
            return &topics[i];
    return NULL;
}

/* Appends what is wrong with the list to `faults`, and returns how much. */
static size_t read_topics(const struct config *config, const char *list, struct topic *out,
                          size_t *out_n, struct strbuf *faults) {
    const char *name;
    size_t len, n_faults = 0;
    *out_n = 0;
    while (next_name(&list, &name, &len)) {
        struct topic topic = {.is_ensured = false};
        if (*out_n == TOPICS_MAX) {
            strbuf_printf(faults, "PLAYGROUND_TOPICS: must be at most %d topics\n", TOPICS_MAX);
            return n_faults + 1;
        }
        /* One that is cut is too long all the same. */
        memcpy(topic.name, name, len < sizeof topic.name ? len : sizeof topic.name - 1);
        if (find_topic(out, *out_n, topic.name)) {
            strbuf_printf(faults, "PLAYGROUND_TOPICS=%s: is there twice\n", topic.name);
            n_faults++;
        }
        n_faults += config_check_foreign_topic(config, "PLAYGROUND_TOPICS", topic.name, faults);
        out[(*out_n)++] = topic;
    }
    return n_faults;
}

size_t playground_check(const struct config *config, const char *topics, struct strbuf *faults) {
    struct topic found[TOPICS_MAX];
    size_t n;
    return *topics ? read_topics(config, topics, found, &n, faults) : 0;
}

const char *playground_topic(const struct playground *playground, const char *name) {
    for (size_t i = 0; i < playground->n_topics; i++)
        if (strcmp(playground->topics[i].name, name) == 0)
            return playground->topics[i].name;
    return NULL;
}

/* --- the posts: the tag of a record is its place among them --- */

static void wake(struct playground *playground) {
    const uint64_t one = 1;
    ssize_t ignored = write(playground->wake_fd, &one, sizeof one);
    (void)ignored; /* it fails only when it is written already */
}

static struct playground_post *post_at(struct playground *playground, size_t i) {
    pthread_mutex_lock(&playground->lock);
    struct playground_post *post = playground->posts[i];
    pthread_mutex_unlock(&playground->lock);
    return post;
}

static void settle(struct playground *playground, size_t i, enum status status,
                   const struct error *err) {
    struct playground_post *post = post_at(playground, i);
    pthread_mutex_lock(&playground->lock);
    playground->posts[i] = NULL;
    pthread_mutex_unlock(&playground->lock);
    if (status != OK && !playground->is_failing)
        log_warn("playground: %s", err->text);
    playground->is_failing = status != OK;
    post->done(post, status, err);
}

static void on_placed(void *context, const struct record_place *place) {
    struct playground *playground = context;
    playground->place = *place;
}

/* A broker that was asked and has not answered may have the record. */
static void on_delivered(void *context, uint64_t tag, enum status status, const char *reason) {
    struct playground *playground = context;
    struct playground_post *post = post_at(playground, (size_t)tag);
    struct error err = {""};
    if (!post || !post->is_sent)
        return;
    post->partition = playground->place.partition;
    post->offset = playground->place.offset;
    if (status == ERR_INVALID)
        error_set(&err, status, "topic %s does not take it: %s", post->topic, reason);
    else if (status != OK)
        status = error_set(&err, ERR_OUTCOME_UNKNOWN,
                           "Kafka did not acknowledge the record in %s in time (%s)", post->topic,
                           reason);
    settle(playground, (size_t)tag, status, &err);
}

/* --- the thread --- */

/* Nothing that was sent is left behind: what Kafka has not acknowledged by now
 * is reported as not delivered. */
static void close_publisher(struct playground *playground) {
    struct error err;
    publisher_close(playground->publisher);
    playground->publisher = NULL;
    for (size_t i = 0; i < playground->n_topics; i++)
        playground->topics[i].is_ensured = false;
    for (size_t i = 0; i < POSTS_MAX; i++) {
        struct playground_post *post = post_at(playground, i);
        if (post && post->is_sent)
            settle(playground, i,
                   error_set(&err, ERR_OUTCOME_UNKNOWN,
                             "Kafka did not acknowledge the record in %s in time", post->topic),
                   &err);
    }
}

static enum status open_publisher(struct playground *playground, struct error *err) {
    const struct publisher_events events = {.delivered = on_delivered,
                                            .wake_fd = playground->wake_fd,
                                            .context = playground,
                                            .placed = on_placed};
    if (playground->publisher)
        return OK;
    return publisher_open(&playground->config->kafka, &events, &playground->publisher, err);
}

static bool is_ending(struct playground *playground) {
    pthread_mutex_lock(&playground->lock);
    bool is_ending = playground->is_ending;
    pthread_mutex_unlock(&playground->lock);
    return is_ending;
}

/* The topic is there and the producer knows it. That takes time when Kafka does
 * not answer, while others wait: so once a round, and not again at once. */
static enum status ensure_topic(struct playground *playground, const char *name,
                                struct error *err) {
    struct topic *topic = find_topic(playground->topics, playground->n_topics, name);
    const struct topic_spec spec = {
        .name = name,
        .partitions = (int)playground->config->topic_partitions,
        .replication_factor = (int)playground->config->topic_replication_factor,
    };
    bool is_embedded;
    if (topic->is_ensured)
        return OK;
    if (playground->has_failed || clock_monotonic_ms() < topic->retry_ms || is_ending(playground))
        return error_set(err, ERR_UNAVAILABLE, "topic %s: %s", name, playground->failure.text);
    enum status status = topics_ensure(&playground->config->kafka, &spec, 1, ENSURE_TIMEOUT_MS,
                                       true, &is_embedded, err);
    if (status == OK)
        status = open_publisher(playground, err);
    if (status != OK) {
        playground->has_failed = true;
        playground->failure = *err;
        topic->retry_ms = clock_monotonic_ms() + ENSURE_RETRY_MS;
        return status;
    }
    publisher_prepare(playground->publisher, name);
    topic->is_ensured = true;
    return OK;
}

static enum status send_post(struct playground *playground, struct playground_post *post,
                             size_t tag, struct error *err) {
    static const char content_type[] = "application/json";
    const struct record record = {
        .topic = post->topic,
        .key = post->key,
        .value = post->value,
        .n_headers = 1,
        .headers = {{"content-type", {content_type, sizeof content_type - 1}}},
    };
    enum status status = ensure_topic(playground, post->topic, err);
    if (status == OK)
        status = publisher_send(playground->publisher, &record, tag, err);
    post->is_sent = status == OK;
    return status;
}

static bool is_overdue(const struct playground *playground, const struct playground_post *post) {
    int64_t now_ms = clock_monotonic_ms();
    return now_ms >= post->deadline_ms || now_ms >= playground->last_ms;
}

/* What cannot be sent now is tried again until its time is over. Returns whether
 * something that was sent is overdue. */
static bool look_at_posts(struct playground *playground) {
    bool is_stuck = false;
    playground->has_failed = false;
    for (size_t i = 0; i < POSTS_MAX; i++) {
        struct playground_post *post = post_at(playground, i);
        struct error err;
        if (!post)
            continue;
        enum status status = post->is_sent ? OK : send_post(playground, post, i, &err);
        if (status == ERR_INVALID || (status != OK && is_overdue(playground, post)))
            settle(playground, i, status == ERR_INVALID ? status : ERR_UNAVAILABLE, &err);
        else if (status == OK && is_overdue(playground, post))
            is_stuck = true;
    }
    return is_stuck;
}

/* Waits until something has to be done. False: it is ending, and nothing waits. */
static bool wait_for_work(struct playground *playground) {
    struct pollfd wait = {.fd = playground->wake_fd, .events = POLLIN};
    bool has_posts = false;
    uint64_t ignored;
    pthread_mutex_lock(&playground->lock);
    for (size_t i = 0; i < POSTS_MAX; i++)
        has_posts = has_posts || playground->posts[i];
    bool is_ending = playground->is_ending;
    pthread_mutex_unlock(&playground->lock);
    if (is_ending && !has_posts)
        return false;
    if (is_ending && playground->last_ms == INT64_MAX)
        playground->last_ms = clock_monotonic_ms() + END_TIMEOUT_MS;
    poll(&wait, 1, has_posts ? LOOK_MS : -1);
    ssize_t n = read(playground->wake_fd, &ignored, sizeof ignored);
    (void)n; /* it was not written when the time was over */
    return true;
}

static void *playground_main(void *context) {
    struct playground *playground = context;
    pthread_setname_np(pthread_self(), "playground");
    while (wait_for_work(playground)) {
        bool is_stuck = look_at_posts(playground);
        if (!playground->publisher)
            continue;
        publisher_poll(playground->publisher, 0);
        if (is_stuck || publisher_is_broken(playground->publisher))
            close_publisher(playground);
    }
    publisher_close(playground->publisher);
    return NULL;
}

/* --- what others see --- */

enum status playground_open(const struct config *config, const char *topics,
                            struct playground **out, struct error *err) {
    struct playground *playground = calloc(1, sizeof *playground);
    struct strbuf faults;
    if (!playground)
        abort();
    strbuf_init(&faults);
    playground->config = config;
    playground->last_ms = INT64_MAX;
    error_set(&playground->failure, ERR_UNAVAILABLE, "the service is stopping");
    pthread_mutex_init(&playground->lock, NULL);
    read_topics(config, topics, playground->topics, &playground->n_topics, &faults);
    strbuf_release(&faults);
    playground->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    enum status status = OK;
    if (playground->wake_fd < 0)
        status = error_set(err, ERR_UNAVAILABLE, "eventfd: %s", strerror(errno));
    else if (pthread_create(&playground->thread, NULL, playground_main, playground) != 0)
        status = error_set(err, ERR_UNAVAILABLE, "the playground's thread cannot be started");
    playground->has_thread = status == OK;
    if (status != OK) {
        playground_close(playground);
        return status;
    }
    *out = playground;
    return OK;
}

enum status playground_submit(struct playground *playground, struct playground_post *post,
                              struct error *err) {
    enum status status = ERR_BUSY;
    post->deadline_ms = clock_monotonic_ms() + ACKNOWLEDGE_TIMEOUT_MS;
    post->is_sent = false;
    pthread_mutex_lock(&playground->lock);
    if (playground->is_ending)
        status = ERR_UNAVAILABLE;
    for (size_t i = 0; i < POSTS_MAX && status == ERR_BUSY; i++) {
        if (playground->posts[i])
            continue;
        playground->posts[i] = post;
        status = OK;
    }
    pthread_mutex_unlock(&playground->lock);
    if (status == OK)
        wake(playground);
    else
        error_set(err, status, "%s",
                  status == ERR_BUSY ? "too many records wait for Kafka"
                                     : "the service is stopping");
    return status;
}

void playground_end(struct playground *playground) {
    if (!playground->has_thread)
        return;
    pthread_mutex_lock(&playground->lock);
    playground->is_ending = true;
    pthread_mutex_unlock(&playground->lock);
    wake(playground);
    pthread_join(playground->thread, NULL);
    playground->has_thread = false;
}

void playground_close(struct playground *playground) {
    if (!playground)
        return;
    playground_end(playground);
    if (playground->wake_fd >= 0)
        close(playground->wake_fd);
    pthread_mutex_destroy(&playground->lock);
    free(playground);
}
