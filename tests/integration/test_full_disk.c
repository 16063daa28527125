/* A disk that is really full: a small file system of the test's own. Where the
 * system does not let it mount one, these tests are skipped; test_disk_faults
 * shows the same with the faults made. */
#include "support/auditor.h"
#include "support/load.h"
#include "support/scratch.h"
#include "support/shopkeeper.h"
#include "support/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char small_disk[64] = "/tmp/orderflow-test-XXXXXX";
static bool is_mounted;

/* In a mount namespace of its own, so that the mount goes with the process. */
static void mount_small_disk(void) {
    is_mounted = mkdtemp(small_disk) && unshare(CLONE_NEWNS) == 0 &&
                 mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                 mount("tmpfs", small_disk, "tmpfs", 0, "size=32m") == 0;
    if (!is_mounted)
        fprintf(stderr, "no small disk can be mounted here (%s): skipped\n", strerror(errno));
}

static void remove_small_disk(void) {
    if (is_mounted)
        umount2(small_disk, MNT_DETACH);
    rmdir(small_disk);
}

static int close_shop(void **state) {
    shop_close(*state);
    return 0;
}

static int open_shop(void **state) {
    if (is_mounted) {
        setenv("TMPDIR", small_disk, 1);
        *state = shop_open_with(EVERY_SERVICE);
    }
    return 0;
}

static const char *ballast(void) {
    return scratch_printf("%s/ballast", small_disk);
}

static void take_all_space(void) {
    static const char bytes[4096];
    int fd = open(ballast(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    while (write(fd, bytes, sizeof bytes) > 0) {
    }
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static void shop__refuses_orders_for_now_and_goes_on_when_there_is_space(void **state) {
    struct shop *shop = *state;
    if (!is_mounted)
        skip();
    struct load *load = load_start(shop, "LOAD", 2, 20000);
    assert_soon(load_n_accepted(load) > 20);

    take_all_space();
    assert_soon(http_get(shop_url(shop, ORDER, "/readyz")).status == 503);
    load_end(load, LOAD_STOP);
    unlink(ballast());
    shop_wait_ready(shop, EVERY_SERVICE);

    struct load_ids refused = load_refused(load);
    assert_int_equal(load_unanswered(load).n, 0);
    assert_true(refused.n > 0);
    for (size_t i = 0; i < refused.n && i < 100; i++)
        assert_int_equal(checkout(shop, load_order(refused.items[i])).status, 201);
    int n_orders = (int)(load_accepted(load).n + (refused.n < 100 ? refused.n : 100));
    assert_int_equal(audit_shop(shop), n_orders);
}

int main(void) {
    mount_small_disk();
    atexit(remove_small_disk);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            shop__refuses_orders_for_now_and_goes_on_when_there_is_space, open_shop, close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
