/* A folder of a test's own, in TMPDIR or build/. */
#pragma once

#include <stddef.h>

/* Makes one, and fails the test when it cannot. */
void folder_make(char *out_path, size_t size);

/* With all that is in it. */
void folder_delete(const char *path);
