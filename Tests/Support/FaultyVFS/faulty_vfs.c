#include "faulty_vfs.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

#include "faulty_disk.h"
#include "memory_files.h"
#include "quick_memory.h"

// The wrapped VFS, which receives every call that does not fail.
static sqlite3_vfs *beneath;
static sqlite3_vfs faulty_vfs;

// The wrapped file follows this one in the memory that SQLite allocates.
struct file {
  sqlite3_file base;
  struct faulty_disk *disk;
  const char *path;
  bool is_database;
  /// Its first sync syncs the folder too.
  bool is_new;
};

static struct file *outer(sqlite3_file *file) { return (struct file *)file; }
static sqlite3_file *inner(sqlite3_file *file) { return (sqlite3_file *)(outer(file) + 1); }

static int check(sqlite3_file *file, enum faulty_call call, int64_t offset, int64_t length) {
  return faulty_disk_check(outer(file)->disk, call, outer(file)->is_database ? offset : -1, length);
}

// - Bytes

static int read_file(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
  int code = check(file, FAULTY_READ, offset, count);
  if (code == SQLITE_OK) return inner(file)->pMethods->xRead(inner(file), bytes, count, offset);
  if (code == SQLITE_IOERR_SHORT_READ) {
    // https://www.sqlite.org/c3ref/io_methods.html: bytes that were not read must be zero.
    memset(bytes, 0, (size_t)count);
    inner(file)->pMethods->xRead(inner(file), bytes, count / 2, offset);
  }
  return code;
}

static int write_file(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
  int code = check(file, FAULTY_WRITE, offset, count);
  // A write that fails may have written a part of its bytes.
  int written = code == SQLITE_OK ? count : faulty_disk_has_stopped(outer(file)->disk) ? 0 : count / 2;
  if (written > 0) {
    int result = inner(file)->pMethods->xWrite(inner(file), bytes, written, offset);
    if (result != SQLITE_OK) return result;
    faulty_disk_note(outer(file)->disk, FAULTY_WRITTEN, outer(file)->path, offset, written, bytes);
  }
  return code;
}

static int truncate_file(sqlite3_file *file, sqlite3_int64 size) {
  int code = check(file, FAULTY_TRUNCATE, 0, 0);
  if (code == SQLITE_OK) code = inner(file)->pMethods->xTruncate(inner(file), size);
  if (code == SQLITE_OK) {
    faulty_disk_note(outer(file)->disk, FAULTY_TRUNCATED, outer(file)->path, size, 0, NULL);
  }
  return code;
}

// The real disk is not synced: its power stays on, and durability is derived from the record.
static int sync_file(sqlite3_file *file, int flags) {
  struct faulty_disk *disk = outer(file)->disk;
  int code = check(file, FAULTY_SYNC, 0, 0);
  if (faulty_disk_memory(disk) != NULL) {
    bool is_made = code == SQLITE_OK && faulty_disk_honours_syncs(disk);
    return is_made ? inner(file)->pMethods->xSync(inner(file), flags) : code;
  }
  enum faulty_event_kind kind = code == SQLITE_OK ? FAULTY_SYNCED : FAULTY_SYNC_FAILED;
  faulty_disk_note(disk, kind, outer(file)->path, 0, 0, NULL);
  if (code == SQLITE_OK && outer(file)->is_new) {
    outer(file)->is_new = false;
    faulty_disk_note(disk, FAULTY_FOLDER_SYNCED, outer(file)->path, 0, 0, NULL);
  }
  return code;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size) {
  int code = check(file, FAULTY_SIZE, 0, 0);
  return code == SQLITE_OK ? inner(file)->pMethods->xFileSize(inner(file), size) : code;
}

// - Locks and shared memory

static int lock_file(sqlite3_file *file, int level) {
  int code = check(file, FAULTY_LOCK, 0, 0);
  return code == SQLITE_OK ? inner(file)->pMethods->xLock(inner(file), level) : code;
}

static int unlock_file(sqlite3_file *file, int level) {
  return inner(file)->pMethods->xUnlock(inner(file), level);
}

static int check_reserved_lock(sqlite3_file *file, int *is_locked) {
  int code = check(file, FAULTY_LOCK, 0, 0);
  return code == SQLITE_OK ? inner(file)->pMethods->xCheckReservedLock(inner(file), is_locked) : code;
}

static int map_shared(sqlite3_file *file, int page, int size, int extend, void volatile **memory) {
  int code = check(file, FAULTY_SHARED_MEMORY, 0, 0);
  return code == SQLITE_OK ? inner(file)->pMethods->xShmMap(inner(file), page, size, extend, memory) : code;
}

static int lock_shared(sqlite3_file *file, int offset, int count, int flags) {
  // Releasing a lock cannot fail.
  int code = flags & SQLITE_SHM_LOCK ? check(file, FAULTY_LOCK, 0, 0) : SQLITE_OK;
  return code == SQLITE_OK ? inner(file)->pMethods->xShmLock(inner(file), offset, count, flags) : code;
}

static void order_shared(sqlite3_file *file) { inner(file)->pMethods->xShmBarrier(inner(file)); }

static int unmap_shared(sqlite3_file *file, int delete) {
  return inner(file)->pMethods->xShmUnmap(inner(file), delete);
}

// - File properties

static int control_file(sqlite3_file *file, int operation, void *argument) {
  return inner(file)->pMethods->xFileControl(inner(file), operation, argument);
}

static int sector_size(sqlite3_file *file) { return inner(file)->pMethods->xSectorSize(inner(file)); }

// Only the guarantee that SQLite assumes everywhere: a torn write leaves the bytes beside it intact. Version
// 2 has no memory mapping, so that no write bypasses this VFS.
static int characteristics(sqlite3_file *file) {
  (void)file;
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int close_file(sqlite3_file *file) { return inner(file)->pMethods->xClose(inner(file)); }

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = file_size,
    .xLock = lock_file,
    .xUnlock = unlock_file,
    .xCheckReservedLock = check_reserved_lock,
    .xFileControl = control_file,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
    .xShmMap = map_shared,
    .xShmLock = lock_shared,
    .xShmBarrier = order_shared,
    .xShmUnmap = unmap_shared,
};

// - Names

static int open_file(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *opened_flags) {
  (void)vfs;
  struct faulty_disk *disk = path == NULL ? NULL : faulty_disk_of(path);
  if (disk == NULL) return beneath->xOpen(beneath, path, file, flags, opened_flags);
  // Without methods SQLite does not close a file that failed to open.
  file->pMethods = NULL;
  int code = faulty_disk_check(disk, FAULTY_OPEN, -1, 0);
  if (code != SQLITE_OK) return code;
  struct memory_files *memory = faulty_disk_memory(disk);
  if (memory != NULL) {
    code = memory_files_open(memory, faulty_disk_name(disk, path), inner(file), flags, opened_flags);
    bool is_main = (flags & SQLITE_OPEN_MAIN_DB) != 0;
    if (code == SQLITE_OK) *outer(file) = (struct file){{&methods}, disk, path, is_main, false};
    return code;
  }
  int is_there = 0;
  code = beneath->xAccess(beneath, path, SQLITE_ACCESS_EXISTS, &is_there);
  if (code != SQLITE_OK) return code;
  code = beneath->xOpen(beneath, path, inner(file), flags, opened_flags);
  if (code != SQLITE_OK) return code;
  // https://www.sqlite.org/c3ref/vfs.html: the name stays valid until the file is closed. SQLite treats a
  // journal or WAL opened with CREATE as new, whether it existed or not (isNewJrnl in os_unix.c).
  bool is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
  bool is_new = !is_database && (flags & SQLITE_OPEN_CREATE) != 0;
  *outer(file) = (struct file){{&methods}, disk, path, is_database, is_new};
  // xAccess reports empty files as missing; recording their creation again changes nothing.
  if (!is_there) faulty_disk_note(disk, FAULTY_CREATED, path, 0, 0, NULL);
  return SQLITE_OK;
}

static int delete_file(sqlite3_vfs *vfs, const char *path, int is_durable) {
  (void)vfs;
  struct faulty_disk *disk = faulty_disk_of(path);
  if (disk == NULL) return beneath->xDelete(beneath, path, is_durable);
  int code = faulty_disk_check(disk, FAULTY_DELETE, -1, 0);
  struct memory_files *memory = faulty_disk_memory(disk);
  if (memory != NULL) {
    return code == SQLITE_OK ? memory_files_delete(memory, faulty_disk_name(disk, path), is_durable) : code;
  }
  if (code == SQLITE_OK) code = beneath->xDelete(beneath, path, 0);
  if (code == SQLITE_OK) {
    faulty_disk_note(disk, is_durable ? FAULTY_DELETED_DURABLY : FAULTY_DELETED, path, 0, 0, NULL);
  }
  return code;
}

static int access_file(sqlite3_vfs *vfs, const char *path, int flags, int *result) {
  (void)vfs;
  struct faulty_disk *disk = faulty_disk_of(path);
  struct memory_files *memory = disk == NULL ? NULL : faulty_disk_memory(disk);
  if (memory == NULL) return beneath->xAccess(beneath, path, flags, result);
  *result = memory_files_has(memory, faulty_disk_name(disk, path));
  return SQLITE_OK;
}

// Names on a disk in memory are absolute, without links.
static int full_name(sqlite3_vfs *vfs, const char *path, int size, char *full) {
  (void)vfs;
  struct faulty_disk *disk = faulty_disk_of(path);
  if (disk == NULL || faulty_disk_memory(disk) == NULL) {
    return beneath->xFullPathname(beneath, path, size, full);
  }
  if ((int)strlen(path) >= size) return SQLITE_CANTOPEN;
  strcpy(full, path);
  return SQLITE_OK;
}

void faulty_vfs_register(void) {
  if (beneath != NULL) return;
  // As in the store: memory statistics take one lock for the allocations of all threads.
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  quick_memory_configure();
  beneath = sqlite3_vfs_find(NULL);
  faulty_vfs = *beneath;
  faulty_vfs.zName = "faulty";
  faulty_vfs.pNext = NULL;
  int size = beneath->szOsFile > memory_file_size ? beneath->szOsFile : memory_file_size;
  faulty_vfs.szOsFile = size + (int)sizeof(struct file);
  faulty_vfs.xOpen = open_file;
  faulty_vfs.xDelete = delete_file;
  faulty_vfs.xAccess = access_file;
  faulty_vfs.xFullPathname = full_name;
  sqlite3_vfs_register(&faulty_vfs, 1);
}
