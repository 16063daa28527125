/*
 * A disk with faults on demand, for unmodified programs: loaded by LD_PRELOAD,
 * it stands between the program and libc, and has those calls fail that the
 * control page (faulty_disk.h) names. SQLite calls exactly these, under their
 * 64-bit names where they have one; the others are there for a SQLite that was
 * built without. All other calls pass through, and while the page names
 * nothing, all do.
 */
#include "faults/faulty_disk.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static struct disk_control *control;

/* The next library's function of this name: libc's, or a sanitizer's around it. */
#define NEXT(pointer, name)                                                                        \
    do {                                                                                           \
        if (!(pointer))                                                                            \
            *(void **)&(pointer) = dlsym(RTLD_NEXT, name);                                         \
    } while (0)

__attribute__((constructor)) static void attach(void) {
    const char *path = getenv(DISK_CONTROL);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *page = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page != MAP_FAILED)
        control = page;
}

static bool is_meant(const char *path) {
    const char *slash = strrchr(path, '/');
    return fnmatch(control->files, slash ? slash + 1 : path, 0) == 0;
}

/* Does this call fail? Each answer counts as a call. */
static bool strikes(const char *path) {
    if (!is_meant(path) || atomic_fetch_sub(&control->n_before, 1) > 0 ||
        atomic_fetch_sub(&control->n_times, 1) <= 0)
        return false;
    atomic_fetch_add(&control->n_struck, 1);
    return true;
}

static bool is_in_force(enum disk_call call) {
    return control && (atomic_load(&control->calls) & (unsigned)call) != 0;
}

static bool strikes_file(enum disk_call call, int fd) {
    char link[32], path[4096];
    if (!is_in_force(call))
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0)
        return false;
    path[n] = '\0';
    return strikes(path);
}

static int fails(void) {
    errno = control->error;
    return -1;
}

/* --- one wrapper a call; in each, `real` is what it stands before --- */

#define WRAP_SYNC(name)                                                                            \
    int name(int fd) {                                                                             \
        static int (*real)(int);                                                                   \
        NEXT(real, #name);                                                                         \
        return strikes_file(DISK_SYNC, fd) ? fails() : real(fd);                                   \
    }

#define WRAP_PREAD(name, offset)                                                                   \
    ssize_t name(int fd, void *out, size_t size, offset at) {                                      \
        static ssize_t (*real)(int, void *, size_t, offset);                                       \
        NEXT(real, #name);                                                                         \
        return strikes_file(DISK_READ, fd) ? fails() : real(fd, out, size, at);                    \
    }

#define WRAP_PWRITE(name, offset)                                                                  \
    ssize_t name(int fd, const void *data, size_t size, offset at) {                               \
        static ssize_t (*real)(int, const void *, size_t, offset);                                 \
        NEXT(real, #name);                                                                         \
        if (!strikes_file(DISK_WRITE, fd))                                                         \
            return real(fd, data, size, at);                                                       \
        if (control->error != DISK_TEARS)                                                          \
            return fails();                                                                        \
        real(fd, data, size / 2, at);                                                              \
        kill(getpid(), SIGKILL);                                                                   \
        return -1;                                                                                 \
    }

#define WRAP_OPEN(name)                                                                            \
    int name(const char *path, int flags, ...) {                                                   \
        static int (*real)(const char *, int, ...);                                                \
        mode_t mode = 0;                                                                           \
        NEXT(real, #name);                                                                         \
        if (flags & O_CREAT) {                                                                     \
            va_list arguments;                                                                     \
            va_start(arguments, flags);                                                            \
            mode = va_arg(arguments, mode_t);                                                      \
            va_end(arguments);                                                                     \
        }                                                                                          \
        if (is_in_force(DISK_OPEN) && (flags & O_ACCMODE) != O_RDONLY && strikes(path))            \
            return fails();                                                                        \
        return real(path, flags, mode);                                                            \
    }

WRAP_SYNC(fsync)
WRAP_SYNC(fdatasync)
WRAP_PREAD(pread, off_t)
WRAP_PREAD(pread64, off64_t)
WRAP_PWRITE(pwrite, off_t)
WRAP_PWRITE(pwrite64, off64_t)
WRAP_OPEN(open)
WRAP_OPEN(open64)

ssize_t read(int fd, void *out, size_t size) {
    static ssize_t (*real)(int, void *, size_t);
    NEXT(real, "read");
    return strikes_file(DISK_READ, fd) ? fails() : real(fd, out, size);
}

ssize_t write(int fd, const void *data, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    NEXT(real, "write");
    return strikes_file(DISK_WRITE, fd) ? fails() : real(fd, data, size);
}
