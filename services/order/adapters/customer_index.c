#include "order/adapters/customer_index.h"

#include "event/event.h"

#include <stdlib.h>
#include <string.h>

enum { RECENT = 2 * CUSTOMER_RUN };

/* "": there is no such order. */
struct entry {
    char customer_id[ID_SIZE];
    int32_t place; /* of the order in its run */
};

struct customer_index {
    sqlite3_stmt *recent;
    sqlite3_stmt *insert;
    sqlite3_stmt *next;

    /* The writer's: at each place the order of the run that is being filled or, where
     * that has none yet, an entry of the sorted run before. */
    struct entry entries[CUSTOMER_RUN];
    int64_t run;      /* that is being filled */
    int64_t next_seq; /* 0: it is not known */

    /* The reader's: of each recent order a hash of its customer, at seq % RECENT. */
    uint32_t hashes[RECENT];
    int64_t last; /* order of which it has taken note */
};

static int64_t run_of(int64_t seq) {
    return (seq - 1) / CUSTOMER_RUN;
}

static int32_t place_of(int64_t seq) {
    return (int32_t)((seq - 1) % CUSTOMER_RUN);
}

enum status customer_index_open(struct db *db, struct customer_index **out, struct error *err) {
    struct customer_index *index = calloc(1, sizeof *index);
    if (!index)
        abort();
    enum status status = db_prepare(
        db,
        "SELECT seq, customer_id FROM orders"
        " WHERE seq > max(?1, (SELECT ifnull(max(seq), 0) FROM orders) - ?2) AND seq < ?3"
        " ORDER BY seq",
        &index->recent, err);
    /* What the schema's step has filled in comes once more. */
    if (status == OK)
        status = db_prepare(db, "INSERT OR IGNORE INTO customer_orders VALUES (?,?)",
                            &index->insert, err);
    if (status == OK)
        status = db_prepare(db,
                            "SELECT seq FROM customer_orders WHERE customer_id = ?1 AND seq > ?2"
                            " AND seq <= ?3 ORDER BY seq LIMIT 1",
                            &index->next, err);
    if (status != OK) {
        customer_index_close(index);
        return status;
    }
    *out = index;
    return OK;
}

void customer_index_close(struct customer_index *index) {
    if (!index)
        return;
    sqlite3_finalize(index->recent);
    sqlite3_finalize(index->insert);
    sqlite3_finalize(index->next);
    free(index);
}

/* Calls `note` for the orders between these two, but only for recent ones. */
static enum status read_recent(struct customer_index *index, int64_t after, int64_t before,
                               void (*note)(struct customer_index *index, int64_t seq,
                                            const char *customer_id),
                               struct error *err) {
    enum status status = OK;
    bool row = true;
    sqlite3_bind_int64(index->recent, 1, after);
    sqlite3_bind_int64(index->recent, 2, RECENT);
    sqlite3_bind_int64(index->recent, 3, before);
    while (status == OK && row) {
        status = db_step(index->recent, &row, err);
        if (status == OK && row)
            note(index, sqlite3_column_int64(index->recent, 0), db_column_text(index->recent, 1));
    }
    return status;
}

static int compare_entries(const void *left, const void *right) {
    const struct entry *a = left, *b = right;
    int order = strcmp(a->customer_id, b->customer_id);
    return order != 0 ? order : a->place - b->place;
}

/* The order's place, with the entry that it has to bring into the table. */
static struct entry *find_place(struct customer_index *index, int64_t seq) {
    if (run_of(seq) != index->run) {
        qsort(index->entries, CUSTOMER_RUN, sizeof(struct entry), compare_entries);
        index->run = run_of(seq);
    }
    return &index->entries[place_of(seq)];
}

static void note_entry(struct customer_index *index, int64_t seq, const char *customer_id) {
    struct entry *entry = find_place(index, seq);
    strncpy(entry->customer_id, customer_id, sizeof entry->customer_id - 1);
    entry->place = place_of(seq);
}

static enum status load_entries(struct customer_index *index, int64_t seq, struct error *err) {
    memset(index->entries, 0, sizeof index->entries);
    index->run = run_of(seq) - 1;
    return read_recent(index, index->run * CUSTOMER_RUN, seq, note_entry, err);
}

static enum status insert_entry(struct customer_index *index, const struct entry *entry,
                                int64_t run, struct error *err) {
    if (!*entry->customer_id)
        return OK;
    db_bind_text(index->insert, 1, entry->customer_id);
    sqlite3_bind_int64(index->insert, 2, run * CUSTOMER_RUN + entry->place + 1);
    return db_run(index->insert, err);
}

enum status customer_index_add(struct customer_index *index, const char *customer_id, int64_t seq,
                               struct error *err) {
    enum status status = OK;
    /* Another number than the next: it is the first since the start, or what was
     * added last was undone. */
    if (seq != index->next_seq)
        status = load_entries(index, seq, err);
    if (status == OK)
        status = insert_entry(index, find_place(index, seq), run_of(seq) - 1, err);
    index->next_seq = status == OK ? seq + 1 : 0;
    if (status == OK)
        note_entry(index, seq, customer_id);
    return status;
}

/* FNV-1a. */
static uint32_t hash(const char *text) {
    uint32_t value = 2166136261;
    for (; *text; text++)
        value = (value ^ (unsigned char)*text) * 16777619;
    return value;
}

static void note_hash(struct customer_index *index, int64_t seq, const char *customer_id) {
    index->hashes[seq % RECENT] = hash(customer_id);
    index->last = seq;
}

enum status customer_index_look(struct customer_index *index, struct error *err) {
    return read_recent(index, index->last, INT64_MAX, note_hash, err);
}

/* The last order up to which the table has all, as of the last look. */
static int64_t last_in_table(const struct customer_index *index) {
    int64_t run = run_of(index->last);
    return run > 1 ? (run - 1) * CUSTOMER_RUN : 0;
}

static bool find_recent(const struct customer_index *index, const char *customer_id, int64_t after,
                        int64_t *out_seq) {
    uint32_t wanted = hash(customer_id);
    while (after < index->last) {
        if (index->hashes[++after % RECENT] == wanted) {
            *out_seq = after;
            return true;
        }
    }
    return false;
}

enum status customer_index_next(struct customer_index *index, const char *customer_id,
                                int64_t after, int64_t *out_seq, bool *out_found,
                                struct error *err) {
    int64_t in_table = last_in_table(index);
    if (after < in_table) {
        db_bind_text(index->next, 1, customer_id);
        sqlite3_bind_int64(index->next, 2, after);
        sqlite3_bind_int64(index->next, 3, in_table);
        enum status status = db_step(index->next, out_found, err);
        if (status != OK)
            return status;
        if (*out_found) {
            *out_seq = sqlite3_column_int64(index->next, 0);
            db_reset(index->next);
            return OK;
        }
        after = in_table;
    }
    *out_found = find_recent(index, customer_id, after, out_seq);
    return OK;
}
