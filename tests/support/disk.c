#include "support/disk.h"

#include "support/scratch.h"
#include "support/testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct disk {
    struct disk_control control;
};

/* The address sanitizer's library insists on being the first that is loaded,
 * unless it is told not to. The sanitizer of this process has read its options
 * long ago: this is for those that it starts. */
static void let_sanitizers_come_second(void) {
    const char *options = getenv("ASAN_OPTIONS");
    if (options && strstr(options, "verify_asan_link_order"))
        return;
    setenv(
        "ASAN_OPTIONS",
        scratch_printf("%s%sverify_asan_link_order=0", options ? options : "", options ? ":" : ""),
        1);
}

static void unmap(void *disk) {
    munmap(disk, sizeof(struct disk));
}

struct disk *disk_open(struct shop *shop) {
    const char *path = scratch_printf("%s/faulty-disk", shop_folder(shop));
    const char *programs = getenv("BIN_DIR");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, sizeof(struct disk)) != 0)
        fail_msg("%s cannot be made", path);
    struct disk *disk = mmap(NULL, sizeof *disk, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    assert_true(disk != MAP_FAILED);
    scratch_keep(disk, unmap);
    let_sanitizers_come_second();
    shop_set(shop, scratch_printf("%s=%s", DISK_CONTROL, path));
    shop_set(shop, scratch_printf("LD_PRELOAD=%s/../lib/faulty_disk.so",
                                  programs ? programs : "build/bin"));
    return disk;
}

void disk_break(struct disk *disk, const struct disk_fault *fault) {
    struct disk_control *control = &disk->control;
    disk_mend(disk);
    assert_true(strlen(fault->files) < sizeof control->files);
    strcpy(control->files, fault->files);
    control->error = fault->error;
    atomic_store(&control->n_before, fault->n_before);
    atomic_store(&control->n_times, fault->n_times);
    atomic_store(&control->n_struck, 0);
    atomic_store(&control->calls, fault->calls);
}

void disk_mend(struct disk *disk) {
    atomic_store(&disk->control.calls, 0);
}

int disk_n_struck(const struct disk *disk) {
    return atomic_load(&disk->control.n_struck);
}
