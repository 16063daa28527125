/*
 * SQLite's own file system with faults on demand: the log's sync that fails
 * after the bytes were written, and a disk without space. It becomes the
 * process' default when it is installed.
 */
#pragma once

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

enum vfs_fault { VFS_SOUND, VFS_SYNC_FAILS, VFS_NO_SPACE };

static atomic_int vfs_fault;

struct faulty_file {
    sqlite3_file base;
    int is_log;
    /* Behind it lies the real file. */
};

static inline sqlite3_file *faulty_real(sqlite3_file *file) {
    return (sqlite3_file *)(void *)((struct faulty_file *)(void *)file + 1);
}

static inline int faulty_has(sqlite3_file *file, enum vfs_fault fault) {
    return ((struct faulty_file *)(void *)file)->is_log && atomic_load(&vfs_fault) == (int)fault;
}

static inline int faulty_close(sqlite3_file *file) {
    sqlite3_file *real = faulty_real(file);
    return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static inline int faulty_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at) {
    return faulty_real(file)->pMethods->xRead(faulty_real(file), out, n, at);
}

static inline int faulty_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 at) {
    if (faulty_has(file, VFS_NO_SPACE))
        return SQLITE_FULL;
    return faulty_real(file)->pMethods->xWrite(faulty_real(file), data, n, at);
}

static inline int faulty_truncate(sqlite3_file *file, sqlite3_int64 size) {
    return faulty_real(file)->pMethods->xTruncate(faulty_real(file), size);
}

static inline int faulty_sync(sqlite3_file *file, int flags) {
    if (faulty_has(file, VFS_SYNC_FAILS))
        return SQLITE_IOERR_FSYNC;
    return faulty_real(file)->pMethods->xSync(faulty_real(file), flags);
}

static inline int faulty_size(sqlite3_file *file, sqlite3_int64 *out) {
    return faulty_real(file)->pMethods->xFileSize(faulty_real(file), out);
}

static inline int faulty_lock(sqlite3_file *file, int level) {
    return faulty_real(file)->pMethods->xLock(faulty_real(file), level);
}

static inline int faulty_unlock(sqlite3_file *file, int level) {
    return faulty_real(file)->pMethods->xUnlock(faulty_real(file), level);
}

static inline int faulty_check_lock(sqlite3_file *file, int *out) {
    return faulty_real(file)->pMethods->xCheckReservedLock(faulty_real(file), out);
}

static inline int faulty_control(sqlite3_file *file, int operation, void *argument) {
    return faulty_real(file)->pMethods->xFileControl(faulty_real(file), operation, argument);
}

static inline int faulty_sector_size(sqlite3_file *file) {
    return faulty_real(file)->pMethods->xSectorSize(faulty_real(file));
}

static inline int faulty_traits(sqlite3_file *file) {
    return faulty_real(file)->pMethods->xDeviceCharacteristics(faulty_real(file));
}

static inline int faulty_shm_map(sqlite3_file *file, int page, int size, int extend,
                                 void volatile **out) {
    return faulty_real(file)->pMethods->xShmMap(faulty_real(file), page, size, extend, out);
}

static inline int faulty_shm_lock(sqlite3_file *file, int offset, int n, int flags) {
    return faulty_real(file)->pMethods->xShmLock(faulty_real(file), offset, n, flags);
}

static inline void faulty_shm_barrier(sqlite3_file *file) {
    faulty_real(file)->pMethods->xShmBarrier(faulty_real(file));
}

static inline int faulty_shm_unmap(sqlite3_file *file, int remove) {
    return faulty_real(file)->pMethods->xShmUnmap(faulty_real(file), remove);
}

static const sqlite3_io_methods faulty_methods = {
    .iVersion = 2,
    .xClose = faulty_close,
    .xRead = faulty_read,
    .xWrite = faulty_write,
    .xTruncate = faulty_truncate,
    .xSync = faulty_sync,
    .xFileSize = faulty_size,
    .xLock = faulty_lock,
    .xUnlock = faulty_unlock,
    .xCheckReservedLock = faulty_check_lock,
    .xFileControl = faulty_control,
    .xSectorSize = faulty_sector_size,
    .xDeviceCharacteristics = faulty_traits,
    .xShmMap = faulty_shm_map,
    .xShmLock = faulty_shm_lock,
    .xShmBarrier = faulty_shm_barrier,
    .xShmUnmap = faulty_shm_unmap,
};

static inline int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *out, int flags,
                              int *out_flags) {
    sqlite3_vfs *real = vfs->pAppData;
    struct faulty_file *file = (struct faulty_file *)(void *)out;
    memset(file, 0, sizeof *file);
    file->is_log = (flags & SQLITE_OPEN_WAL) != 0;
    int code = real->xOpen(real, name, faulty_real(out), flags, out_flags);
    file->base.pMethods = code == SQLITE_OK ? &faulty_methods : NULL;
    return code;
}

static inline void faulty_vfs_install(void) {
    static sqlite3_vfs vfs;
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    vfs = *real;
    vfs.zName = "faulty";
    vfs.pNext = NULL;
    vfs.pAppData = real;
    vfs.szOsFile = (int)sizeof(struct faulty_file) + real->szOsFile;
    vfs.xOpen = faulty_open;
    sqlite3_vfs_register(&vfs, 1);
}
