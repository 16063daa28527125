/*
 * The disk under a shop's services, with faults on demand. Open it before the
 * services start; it lives as long as the shop.
 */
#pragma once

#include "faults/faulty_disk.h"
#include "support/shop.h"

struct disk;

enum { DISK_ALWAYS = 1 << 30 };

struct disk_fault {
    const char *files; /* such as "order.db-wal", or "order.db*" for all of the database's */
    unsigned calls;    /* enum disk_call */
    int error;         /* errno, or DISK_TEARS */
    int n_before;      /* such calls that go well first */
    int n_times;       /* such calls that fail then; DISK_ALWAYS: until it is mended */
};

struct disk *disk_open(struct shop *shop);

/* From now on, in every service; takes the place of the fault before it. */
void disk_break(struct disk *disk, const struct disk_fault *fault);
void disk_mend(struct disk *disk);

/* How many calls have failed since the last disk_break. */
int disk_n_struck(const struct disk *disk);
