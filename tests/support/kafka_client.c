#include "support/kafka_client.h"

#include "support/scratch.h"
#include "support/wait.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 10000 };

static void on_delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *context) {
    (void)client, (void)context;
    *(rd_kafka_resp_err_t *)message->_private = message->err;
}

static rd_kafka_t *client_new(rd_kafka_type_t type, const char *brokers, const char *group) {
    const char *const properties[][2] = {
        {"bootstrap.servers", brokers},
        {"partitioner", "murmur2_random"},
        {"linger.ms", "0"},
        {"enable.auto.commit", "false"},
        {"fetch.wait.max.ms", "5"},
        {"group.id", group},
        {"session.timeout.ms", "6000"},
        {"partition.assignment.strategy", "range"},
        {"auto.offset.reset", "earliest"},
        {"message.timeout.ms", "10000"},
        {"message.max.bytes", "4194304"},
    };
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        if (rd_kafka_conf_set(conf, properties[i][0], properties[i][1], reason, sizeof reason) !=
            RD_KAFKA_CONF_OK)
            fail_msg("%s", reason);
    rd_kafka_t *client = rd_kafka_new(type, conf, reason, sizeof reason);
    if (!client)
        fail_msg("%s", reason);
    return client;
}

static void require_success(rd_kafka_resp_err_t code, const char *what, const char *topic) {
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        fail_msg("%s %s: %s", what, topic, rd_kafka_err2str(code));
}

static rd_kafka_headers_t *headers_of(const struct record *record) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->n_headers);
    struct record_walk walk = record_walk(record);
    struct record_header header;
    while (record_walk_next(&walk, &header))
        rd_kafka_header_add(headers, header.name, -1, header.value.data, (ssize_t)header.value.len);
    return headers;
}

/* librdkafka copies what these point to and does not write to it. */
static void *unconst(const void *pointer) {
    return (void *)(uintptr_t)pointer;
}

static rd_kafka_resp_err_t produce(rd_kafka_t *client, const struct record *record,
                                   rd_kafka_resp_err_t *outcome) {
    const rd_kafka_vu_t arguments[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {unconst(record->key.data), record->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {unconst(record->value.data), record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers_of(record)},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = outcome},
    };
    rd_kafka_error_t *error =
        rd_kafka_produceva(client, arguments, sizeof arguments / sizeof *arguments);
    rd_kafka_resp_err_t code = rd_kafka_error_code(error); /* of NULL: no error */
    if (error)
        rd_kafka_error_destroy(error);
    return code;
}

void kafka_send_all(const char *brokers, const struct record records[], size_t n) {
    rd_kafka_resp_err_t *outcomes = scratch_alloc(n * sizeof *outcomes);
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, brokers, "a-test");
    for (size_t i = 0; i < n; i++) {
        outcomes[i] = RD_KAFKA_RESP_ERR__TIMED_OUT;
        require_success(produce(client, &records[i], &outcomes[i]), "sending to", records[i].topic);
    }
    rd_kafka_flush(client, TIMEOUT_MS);
    rd_kafka_destroy(client);
    for (size_t i = 0; i < n; i++)
        require_success(outcomes[i], "sending to", records[i].topic);
}

void kafka_send(const char *brokers, const struct record *record) {
    kafka_send_all(brokers, record, 1);
}

void kafka_send_text(const char *brokers, const char *topic, const char *value) {
    const struct record record = {.topic = topic, .value = {value, strlen(value)}};
    kafka_send(brokers, &record);
}

struct kafka_member {
    rd_kafka_t *client;
};

struct kafka_member *kafka_join(const char *brokers, const char *group, const char *const topics[],
                                size_t n_topics) {
    struct kafka_member *member = scratch_alloc(sizeof *member);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n_topics);
    for (size_t i = 0; i < n_topics; i++)
        rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
    member->client = client_new(RD_KAFKA_CONSUMER, brokers, group);
    rd_kafka_poll_set_consumer(member->client);
    rd_kafka_subscribe(member->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    return member;
}

void kafka_leave(struct kafka_member *member) {
    if (!member)
        return;
    rd_kafka_consumer_close(member->client);
    rd_kafka_destroy(member->client);
}

void kafka_set_offset(const char *brokers, const char *group, const char *topic, int partition,
                      int64_t offset) {
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, brokers, group);
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(offsets, topic, partition)->offset = offset;
    rd_kafka_resp_err_t code = rd_kafka_commit(client, offsets, 0);
    rd_kafka_topic_partition_list_destroy(offsets);
    rd_kafka_destroy(client);
    assert_int_equal(code, RD_KAFKA_RESP_ERR_NO_ERROR);
}

static rd_kafka_resp_err_t count_partitions(rd_kafka_t *client, const char *topic, int *out_n) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, handle, &metadata, TIMEOUT_MS);
    rd_kafka_topic_destroy(handle);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return code;
    code = metadata->topics[0].err;
    *out_n = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return code;
}

/* Adds the topic's partitions that hold records to `list`, each at its first
 * one; *out_n is how many records there are. */
static rd_kafka_resp_err_t find_records(rd_kafka_t *client, const char *topic,
                                        rd_kafka_topic_partition_list_t *list, size_t *out_n) {
    int n_partitions = 0;
    *out_n = 0;
    rd_kafka_resp_err_t code = count_partitions(client, topic, &n_partitions);
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < n_partitions; i++) {
        int64_t first = 0, end = 0;
        code = rd_kafka_query_watermark_offsets(client, topic, i, &first, &end, TIMEOUT_MS);
        if (end > first)
            rd_kafka_topic_partition_list_add(list, topic, i)->offset = first;
        *out_n += (size_t)(end - first);
    }
    return code;
}

/* A topic that a service has just asked for takes a moment to be there. */
static rd_kafka_topic_partition_list_t *partitions_of(rd_kafka_t *client, const char *topic,
                                                      size_t *out_n) {
    int64_t deadline_ms = clock_monotonic_ms() + TIMEOUT_MS;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t code;
    while ((code = find_records(client, topic, list, out_n)) != RD_KAFKA_RESP_ERR_NO_ERROR &&
           clock_monotonic_ms() < deadline_ms) {
        rd_kafka_topic_partition_list_destroy(list);
        list = rd_kafka_topic_partition_list_new(1);
        wait_pause();
    }
    require_success(code, "looking for the records of", topic);
    return list;
}

static struct bytes copy(const void *data, size_t len) {
    if (!data)
        return (struct bytes){NULL, 0};
    char *bytes = scratch_alloc(len + 1);
    memcpy(bytes, data, len);
    return (struct bytes){bytes, len};
}

static void copy_headers(const rd_kafka_headers_t *headers, struct record *out) {
    struct record_header header;
    struct strbuf packed;
    strbuf_init(&packed);
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &header.name, &header.value.data,
                                               &header.value.len) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++)
        record_pack_header(&header, &packed);
    record_unpack_headers(copy(packed.data, packed.len), out, NULL);
    strbuf_release(&packed);
}

static void copy_record(rd_kafka_message_t *message, struct record *out) {
    rd_kafka_headers_t *headers;
    *out = (struct record){
        .topic = scratch_printf("%s", rd_kafka_topic_name(message->rkt)),
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
        .key = copy(message->key, message->key_len),
        .value = copy(message->payload, message->len),
    };
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
        copy_headers(headers, out);
}

static int by_place(const void *left, const void *right) {
    const struct record *a = left, *b = right;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

struct kafka_records kafka_read(const char *brokers, const char *topic) {
    size_t n;
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, brokers, "a-test");
    rd_kafka_topic_partition_list_t *partitions = partitions_of(client, topic, &n);
    struct kafka_records records = {.items = scratch_alloc(n * sizeof *records.items)};
    rd_kafka_assign(client, partitions);
    rd_kafka_topic_partition_list_destroy(partitions);

    int64_t deadline_ms = clock_monotonic_ms() + TIMEOUT_MS;
    while (records.n < n) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 100);
        if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            copy_record(message, &records.items[records.n++]);
        if (message)
            rd_kafka_message_destroy(message);
        else if (clock_monotonic_ms() > deadline_ms)
            fail_msg("%s: got %zu of %zu records", topic, records.n, n);
    }
    rd_kafka_destroy(client);
    qsort(records.items, records.n, sizeof *records.items, by_place);
    return records;
}

size_t kafka_count(const char *brokers, const char *topic) {
    size_t n;
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, brokers, "a-test");
    rd_kafka_topic_partition_list_destroy(partitions_of(client, topic, &n));
    rd_kafka_destroy(client);
    return n;
}

static bool is_same(struct bytes a, struct bytes b) {
    return (a.data == NULL) == (b.data == NULL) && a.len == b.len &&
           (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool kafka_has_content(const struct record *record, const struct record *other) {
    struct record_walk walk = record_walk(record), other_walk = record_walk(other);
    struct record_header ours, theirs;
    if (!is_same(record->value, other->value) || !is_same(record->key, other->key))
        return false;
    while (record_walk_next(&other_walk, &theirs))
        if (!record_walk_next(&walk, &ours) || strcmp(ours.name, theirs.name) != 0 ||
            !is_same(ours.value, theirs.value))
            return false;
    return true;
}

/* What is known of all topics, or of one. */
static const struct rd_kafka_metadata *describe(rd_kafka_t *client, const char *topic) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = topic ? rd_kafka_topic_new(client, topic, NULL) : NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(client, topic == NULL, handle, &metadata, TIMEOUT_MS);
    if (handle)
        rd_kafka_topic_destroy(handle);
    require_success(code, "describing", topic ? topic : "all topics");
    return metadata;
}

struct kafka_extent kafka_extent(const char *brokers, const char *topic) {
    struct kafka_extent extent = {0, 0};
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, brokers, "a-test");
    const struct rd_kafka_metadata *metadata = describe(client, topic);
    extent.n_partitions = metadata->topics[0].partition_cnt;
    if (extent.n_partitions > 0)
        extent.n_replicas = metadata->topics[0].partitions[0].replica_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_destroy(client);
    return extent;
}

int kafka_leader(const char *brokers, const char *topic, int partition) {
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, brokers, "a-test");
    const struct rd_kafka_metadata *metadata = describe(client, topic);
    int leader = -1;
    for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
        if (metadata->topics[0].partitions[i].id == partition)
            leader = metadata->topics[0].partitions[i].leader;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_destroy(client);
    return leader;
}

static bool topic_is_in_sync(const struct rd_kafka_metadata_topic *topic) {
    for (int i = 0; i < topic->partition_cnt; i++) {
        const struct rd_kafka_metadata_partition *partition = &topic->partitions[i];
        if (partition->leader < 0 || partition->isr_cnt < partition->replica_cnt)
            return false;
    }
    return true;
}

bool kafka_is_in_sync(const char *brokers) {
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, brokers, "a-test");
    const struct rd_kafka_metadata *metadata = describe(client, NULL);
    bool is_in_sync = true;
    for (int i = 0; i < metadata->topic_cnt; i++)
        is_in_sync = is_in_sync && topic_is_in_sync(&metadata->topics[i]);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_destroy(client);
    return is_in_sync;
}

struct kafka_names kafka_topics(const char *brokers) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, brokers, "a-test");
    require_success(rd_kafka_metadata(client, 1, NULL, &metadata, TIMEOUT_MS), "listing", "topics");
    size_t n = (size_t)metadata->topic_cnt;
    struct kafka_names topics = {.n = n, .items = scratch_alloc(n * sizeof *topics.items)};
    for (size_t i = 0; i < n; i++)
        topics.items[i] = scratch_printf("%s", metadata->topics[i].topic);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_destroy(client);
    return topics;
}

struct kafka_names kafka_groups(const char *brokers) {
    const struct rd_kafka_group_list *list;
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, brokers, "a-test");
    require_success(rd_kafka_list_groups(client, NULL, &list, TIMEOUT_MS), "listing", "groups");
    size_t n = (size_t)list->group_cnt;
    struct kafka_names groups = {.n = n, .items = scratch_alloc(n * sizeof *groups.items)};
    for (size_t i = 0; i < n; i++)
        groups.items[i] = scratch_printf("%s", list->groups[i].group);
    rd_kafka_group_list_destroy(list);
    rd_kafka_destroy(client);
    return groups;
}

bool kafka_has_committed(const char *brokers, const char *group, const char *topic) {
    int n = 0;
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, brokers, group);
    require_success(count_partitions(client, topic, &n), "looking for the partitions of", topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);
    rd_kafka_topic_partition_list_add_range(list, topic, 0, n - 1);
    require_success(rd_kafka_committed(client, list, TIMEOUT_MS), "asking for the offsets of",
                    topic);
    bool has_committed = false;
    for (int i = 0; i < list->cnt; i++)
        has_committed = has_committed || list->elems[i].offset >= 0;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
    return has_committed;
}

static const char *text_of(struct bytes bytes) {
    return scratch_printf("%.*s", (int)bytes.len, bytes.data ? (const char *)bytes.data : "");
}

const char *kafka_header(const struct record *record, const char *name) {
    struct record_walk walk = record_walk(record);
    struct record_header header;
    while (record_walk_next(&walk, &header))
        if (strcmp(header.name, name) == 0)
            return text_of(header.value);
    return NULL;
}

const char *kafka_value(const struct record *record) {
    return text_of(record->value);
}

const char *kafka_key(const struct record *record) {
    return text_of(record->key);
}
