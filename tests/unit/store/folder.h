/*
 * A folder of its own for each test, which goes with all that is in it.
 */
#pragma once

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
    char path[64];
};

static inline void folder_make(struct folder *folder) {
    strcpy(folder->path, "/tmp/orderflow-test-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
}

static inline int folder_remove_entry(const char *path, const struct stat *stat, int kind,
                                      struct FTW *ftw) {
    (void)stat;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void folder_remove(struct folder *folder) {
    nftw(folder->path, folder_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* The path of a file in the folder. */
static inline void folder_path(const struct folder *folder, const char *name,
                               char out[static 128]) {
    snprintf(out, 128, "%s/%s", folder->path, name);
}
