/* A database that is not what it should be: refused at the start, with every
 * byte left as it was; or found out while the service runs, which stops it. */
#include "support/database.h"
#include "support/disk.h"
#include "support/json_path.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE_SIZE = 4096, N_ORDERS = 5 };

static struct disk *disk;

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static int open_shop(void **state) {
    struct shop *shop = shop_open(BROKER_STEADY);
    *state = shop;
    disk = disk_open(shop);
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    order_many(shop, "BEFORE", N_ORDERS);
    return 0;
}

struct content {
    bool is_there;
    size_t size;
    char *bytes;
};

static struct content read_whole(const char *path) {
    struct content content = {.bytes = scratch_alloc(1)};
    struct stat stat;
    FILE *file = fopen(path, "re");
    if (!file)
        return content;
    content.is_there = true;
    assert_int_equal(fstat(fileno(file), &stat), 0);
    content.bytes = scratch_alloc((size_t)stat.st_size + 1);
    content.size = fread(content.bytes, 1, (size_t)stat.st_size + 1, file);
    fclose(file);
    return content;
}

static void write_whole(const char *path, const struct content *content) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(content->bytes, 1, content->size, file), content->size);
    fclose(file);
}

/* SQLite makes the -shm file anew at every start: it holds nothing. */
static const char *const suffixes[] = {"", "-wal"};
enum { N_FILES = sizeof suffixes / sizeof *suffixes };

static void assert_refused_untouched(struct shop *shop, const char *reason) {
    struct content before[N_FILES];
    struct process *process;
    for (size_t i = 0; i < N_FILES; i++)
        before[i] = read_whole(scratch_printf("%s%s", shop_database(shop, ORDER), suffixes[i]));

    assert_int_equal(shop_run(shop, ORDER, NULL, &process), 1);

    assert_non_null(strstr(process_stderr(process), reason));
    assert_non_null(strstr(process_stderr(process), "order.db"));
    assert_int_equal(occurrences(process_stderr(process), "\n"), 1);
    for (size_t i = 0; i < N_FILES; i++) {
        struct content after =
            read_whole(scratch_printf("%s%s", shop_database(shop, ORDER), suffixes[i]));
        assert_int_equal(after.is_there, before[i].is_there);
        assert_int_equal(after.size, before[i].size);
        assert_memory_equal(after.bytes, before[i].bytes, after.size);
    }
}

static void overwrite(const char *path, off_t at, const void *bytes, size_t size) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, size, at), size);
    close(fd);
}

static void spoil(const char *path, off_t at, size_t size) {
    char *bytes = scratch_alloc(size);
    memset(bytes, 0xa5, size);
    overwrite(path, at, bytes, size);
}

static void start__refuses_when_first_bytes_are_torn(void **state) {
    struct shop *shop = *state;
    shop_stop(shop, ORDER);
    spoil(shop_database(shop, ORDER), 0, 50);

    assert_refused_untouched(shop, "not a database");
}

static void start__refuses_when_the_tables_description_is_spoilt(void **state) {
    struct shop *shop = *state;
    shop_stop(shop, ORDER);
    spoil(shop_database(shop, ORDER), 100, PAGE_SIZE - 100);

    assert_refused_untouched(shop, "malformed");
}

static void start__refuses_when_file_is_cut(void **state) {
    struct shop *shop = *state;
    shop_stop(shop, ORDER);
    assert_int_equal(truncate(shop_database(shop, ORDER), 3 * PAGE_SIZE + 77), 0);

    assert_refused_untouched(shop, "malformed");
}

/* SQLite by itself would take the file for a new one and delete the log, with
 * the orders in it. */
static void start__refuses_when_file_is_emptied_beside_its_log(void **state) {
    struct shop *shop = *state;
    shop_kill(shop, ORDER);
    assert_int_equal(truncate(shop_database(shop, ORDER), 0), 0);

    assert_refused_untouched(shop, "its log");
}

static void start__refuses_when_file_is_missing_beside_its_log(void **state) {
    struct shop *shop = *state;
    shop_kill(shop, ORDER);
    assert_int_equal(unlink(shop_database(shop, ORDER)), 0);

    assert_refused_untouched(shop, "its log");
}

/* A newer program was killed: its version is in the log alone. */
static void start__leaves_log_alone_when_database_is_of_newer_version(void **state) {
    struct shop *shop = *state;
    sqlite3 *db;
    shop_kill(shop, ORDER);
    assert_int_equal(sqlite3_open(shop_database(shop, ORDER), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 1000", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(db);

    assert_refused_untouched(shop, "version 1000");
}

static void start__refuses_when_file_can_only_be_read(void **state) {
    struct shop *shop = *state;
    static const char *const files[] = {"order.db", "order.db.lock"};
    shop_stop(shop, ORDER);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        disk_break(disk, &(struct disk_fault){.files = files[i],
                                              .calls = DISK_OPEN,
                                              .error = EROFS,
                                              .n_times = DISK_ALWAYS});
        assert_refused_untouched(shop, i == 0 ? "not written" : "Read-only file system");
    }
    disk_mend(disk);
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    assert_int_equal(count_of(shop, ORDER, "/orders?"), N_ORDERS);
}

/* The first page of a table, in a database whose service has stopped. */
static off_t page_of(struct shop *shop, enum shop_service service, const char *table) {
    const char *sql = scratch_printf("SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);
    return (off_t)(database_number(shop, service, sql) - 1) * PAGE_SIZE;
}

static void assert_stopped_by_damage(struct shop *shop, enum shop_service service) {
    struct process *process = shop_process(shop, service);
    assert_int_equal(process_wait(process, WAIT_TIMEOUT_MS), 1);
    assert_int_equal(occurrences(process_stderr(process), "is damaged or cannot be read"), 1);
}

static void order_service__stops_when_an_order_meets_a_damaged_page(void **state) {
    struct shop *shop = *state;
    const char *path = shop_database(shop, ORDER);
    shop_stop(shop, ORDER);
    struct content sound = read_whole(path);
    spoil(path, page_of(shop, ORDER, "orders"), PAGE_SIZE);
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);

    struct http_answer refused = checkout(shop, load_order("LATER"));

    assert_int_equal(refused.status, 503);
    assert_string_equal(json_text_at(json_of(refused.body), "/type"),
                        "urn:orderflow:problem:unavailable");
    assert_stopped_by_damage(shop, ORDER);

    write_whole(path, &sound);
    unlink(scratch_printf("%s-wal", path));
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);
    assert_int_equal(checkout(shop, load_order("LATER")).status, 201);
    assert_int_equal(count_of(shop, ORDER, "/orders?"), N_ORDERS + 1);
}

static void order_service__stops_when_a_reader_meets_a_damaged_page(void **state) {
    struct shop *shop = *state;
    shop_stop(shop, ORDER);
    spoil(shop_database(shop, ORDER), page_of(shop, ORDER, "orders"), PAGE_SIZE);
    shop_start(shop, ORDER);
    shop_wait_ready(shop, ORDER);

    assert_int_equal(http_get(shop_url(shop, ORDER, "/orders")).status, 503);

    assert_stopped_by_damage(shop, ORDER);
}

/* The copy is older than what Kafka thinks the group has had. The auditor would
 * object to what the service publishes for the second time, with new ids. */
static void inventory_service__stops_at_a_damaged_page_and_catches_up_with_a_copy(void **state) {
    struct shop *shop = *state;
    const char *path = shop_database(shop, INVENTORY);
    shop_start(shop, INVENTORY);
    wait_for_effects(shop, INVENTORY, N_ORDERS);
    shop_stop(shop, INVENTORY);
    struct content copy = read_whole(path);
    shop_start(shop, INVENTORY);
    order_many(shop, "AFTER-COPY", N_ORDERS);
    wait_for_effects(shop, INVENTORY, 2 * N_ORDERS);
    shop_stop(shop, INVENTORY);
    spoil(path, page_of(shop, INVENTORY, "movements"), PAGE_SIZE);

    shop_start(shop, INVENTORY);
    order_many(shop, "LATER", N_ORDERS);
    assert_stopped_by_damage(shop, INVENTORY);

    write_whole(path, &copy);
    unlink(scratch_printf("%s-wal", path));
    shop_set(shop, "CONSUMER_GROUP=reads-again");
    shop_start(shop, INVENTORY);
    wait_for_effects(shop, INVENTORY, 3 * N_ORDERS);
    shop_stop(shop, INVENTORY);
    static const char sales[] = "SELECT count(*) FROM movements WHERE kind = 'sale'";
    static const char orders[] = "SELECT count(DISTINCT order_id) FROM movements";
    assert_int_equal(database_number(shop, INVENTORY, sales), 3 * N_ORDERS);
    assert_int_equal(database_number(shop, INVENTORY, orders), 3 * N_ORDERS);
}

#define test_in_shop(test) cmocka_unit_test_setup_teardown(test, open_shop, close_shop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test_in_shop(start__refuses_when_first_bytes_are_torn),
        test_in_shop(start__refuses_when_the_tables_description_is_spoilt),
        test_in_shop(start__refuses_when_file_is_cut),
        test_in_shop(start__refuses_when_file_is_emptied_beside_its_log),
        test_in_shop(start__refuses_when_file_is_missing_beside_its_log),
        test_in_shop(start__leaves_log_alone_when_database_is_of_newer_version),
        test_in_shop(start__refuses_when_file_can_only_be_read),
        test_in_shop(order_service__stops_when_an_order_meets_a_damaged_page),
        test_in_shop(order_service__stops_when_a_reader_meets_a_damaged_page),
        test_in_shop(inventory_service__stops_at_a_damaged_page_and_catches_up_with_a_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
