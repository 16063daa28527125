/* Files that tests read. */
#pragma once

#include "event/record.h"

/* The content of a file of at most 256 KiB, with a terminator behind it. Fails
 * the test when it cannot be read. It lives until the end of the test. */
struct bytes file_bytes(const char *path);
const char *file_content(const char *path);
