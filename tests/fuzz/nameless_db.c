#include "fuzz/nameless_db.h"

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int remove_entry(const char *path, const struct stat *stat, int kind, struct FTW *ftw) {
    (void)stat, (void)kind, (void)ftw;
    return remove(path);
}

/* In memory where the machine has such a folder: a commit waits for the disk. */
static void make_folder(char path[static 32]) {
    strcpy(path, "/dev/shm/orderflow-fuzz-XXXXXX");
    if (mkdtemp(path))
        return;
    strcpy(path, "/tmp/orderflow-fuzz-XXXXXX");
    if (!mkdtemp(path))
        abort();
}

void nameless_db_open(const struct db_schema *schema, struct db **out_writer,
                      struct db **out_reader) {
    char folder[32], path[64];
    struct error err;
    make_folder(folder);
    snprintf(path, sizeof path, "%s/fuzz.db", folder);
    assert(db_open_writer(path, schema, out_writer, &err) == OK);
    assert(db_open_reader(path, out_reader, &err) == OK);
    /* A transaction each opens the files that SQLite opens late. */
    assert(db_exec(*out_writer, "BEGIN IMMEDIATE; PRAGMA user_version = 1; COMMIT", &err) == OK);
    assert(db_exec(*out_reader, "SELECT count(*) FROM sqlite_schema", &err) == OK);
    nftw(folder, remove_entry, 4, FTW_DEPTH | FTW_PHYS);
}
