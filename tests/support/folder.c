#include "support/folder.h"

#include "support/testing.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

void folder_make(char *out_path, size_t size) {
    const char *parent = getenv("TMPDIR");
    snprintf(out_path, size, "%s/orderflow-test-XXXXXX", parent ? parent : "build");
    if (!mkdtemp(out_path))
        fail_msg("%s: the folder cannot be made", out_path);
}

static int delete_entry(const char *path, const struct stat *stat, int type, struct FTW *place) {
    (void)stat, (void)type, (void)place;
    return remove(path);
}

void folder_delete(const char *path) {
    nftw(path, delete_entry, 16, FTW_DEPTH | FTW_PHYS);
}
