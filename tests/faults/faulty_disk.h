/*
 * What a test and the library faulty_disk.so, which is loaded into a program
 * that knows nothing of it, share: a page in a file that both have mapped. The
 * test says which calls on which files fail and how; the library does it.
 */
#pragma once

#include <stdatomic.h>

/* The environment variable that names the page's file. */
#define DISK_CONTROL "FAULTY_DISK"

/* Bits, so that several can be named at once. */
enum disk_call {
    DISK_READ = 1,  /* read, pread */
    DISK_WRITE = 2, /* write, pwrite */
    DISK_SYNC = 4,  /* fsync, fdatasync */
    DISK_OPEN = 8,  /* open to write */
};

/* In place of an errno: half of the bytes are written, then the process is
 * killed, as by a loss of power in the middle of a page. */
enum { DISK_TEARS = -1 };

struct disk_control {
    /* Set before `calls`, which puts them in force. */
    char files[64];      /* file names (without the folder), as a shell's pattern */
    int error;           /* errno, or DISK_TEARS */
    atomic_int n_before; /* such calls that go well first */
    atomic_int n_times;  /* such calls that fail then */

    atomic_uint calls; /* enum disk_call; 0: the disk is sound */
    atomic_int n_struck;
};
