#include "support/file.h"

#include "support/scratch.h"
#include "support/testing.h"

#include <stdio.h>

struct bytes file_bytes(const char *path) {
    enum { FILE_MAX = 256 * 1024 };
    FILE *file = fopen(path, "re");
    if (!file)
        fail_msg("%s cannot be read", path);
    char *text = scratch_alloc(FILE_MAX + 1);
    const size_t len = fread(text, 1, FILE_MAX, file);
    assert_true(feof(file));
    fclose(file);
    return (struct bytes){text, len};
}

const char *file_content(const char *path) {
    return file_bytes(path).data;
}
