#include <stdlib.h>
#include <string.h>

#include "memory_file.h"

static void note(struct memory_file *file, int64_t start, int64_t end) {
  if (file->pending_count > 0 && file->pending[file->pending_count - 1].end == start) {
    file->pending[file->pending_count - 1].end = end;
    return;
  }
  if (file->pending_count == file->pending_capacity) {
    file->pending_capacity = file->pending_capacity == 0 ? 32 : 2 * file->pending_capacity;
    size_t size = (size_t)file->pending_capacity * sizeof *file->pending;
    file->pending = memory_required(realloc(file->pending, size));
  }
  file->pending[file->pending_count++] = (struct range){start, end};
}

// - Bytes

static struct memory_handle *of(sqlite3_file *file) { return (struct memory_handle *)file; }

static int read_file(sqlite3_file *handle, void *target, int count, sqlite3_int64 offset) {
  const struct bytes *bytes = &of(handle)->file->now;
  int64_t available = offset < bytes->length ? memory_smaller(count, bytes->length - offset) : 0;
  if (available > 0) memcpy(target, bytes->start + offset, (size_t)available);
  if (available == count) return SQLITE_OK;
  // https://www.sqlite.org/c3ref/io_methods.html: bytes that were not read must be zero.
  memset((uint8_t *)target + available, 0, (size_t)(count - available));
  return SQLITE_IOERR_SHORT_READ;
}

static int write_file(sqlite3_file *handle, const void *source, int count, sqlite3_int64 offset) {
  struct memory_file *file = of(handle)->file;
  memory_write(&file->now, source, offset, offset + count);
  note(file, offset, offset + count);
  return SQLITE_OK;
}

static int truncate_file(sqlite3_file *handle, sqlite3_int64 size) {
  struct memory_file *file = of(handle)->file;
  int64_t before = file->now.length;
  memory_resize(&file->now, size);
  // A later write beyond the end is surrounded by zeros, not by the old bytes.
  if (size < before) note(file, size, before);
  return SQLITE_OK;
}

void memory_sync_folder(struct memory_files *files) {
  for (int index = 0; index < files->count; index++) {
    struct memory_file *file = &files->files[index];
    if (file->is_fresh && file->exists) file->durable.length = 0;
    file->is_fresh = false;
    file->exists_durably = file->exists;
  }
}

static int sync_file(sqlite3_file *handle, int flags) {
  (void)flags;
  struct memory_file *file = of(handle)->file;
  if (file->is_fresh) {
    memory_set(&file->durable, file->now.start, file->now.length);
  } else {
    for (int index = 0; index < file->pending_count; index++) {
      memory_copy(&file->durable, &file->now, file->pending[index].start, file->pending[index].end);
    }
  }
  memory_resize(&file->durable, file->now.length);
  file->pending_count = 0;
  file->is_fresh = false;
  file->exists_durably = file->exists;
  if (of(handle)->syncs_folder) memory_sync_folder(of(handle)->files);
  of(handle)->syncs_folder = false;
  return SQLITE_OK;
}

static int file_size(sqlite3_file *handle, sqlite3_int64 *size) {
  *size = of(handle)->file->now.length;
  return SQLITE_OK;
}

// - Locks (https://www.sqlite.org/c3ref/c_lock_exclusive.html)

static int unlock_file(sqlite3_file *handle, int level) {
  struct memory_file *file = of(handle)->file;
  int before = of(handle)->level;
  if (before <= level) return SQLITE_OK;
  if (before == SQLITE_LOCK_EXCLUSIVE) file->is_exclusive = false;
  if (before >= SQLITE_LOCK_PENDING) file->is_pending = false;
  if (before >= SQLITE_LOCK_RESERVED) file->is_reserved = false;
  if (level == SQLITE_LOCK_NONE) file->shared_count--;
  of(handle)->level = level;
  return SQLITE_OK;
}

static int lock_file(sqlite3_file *handle, int level) {
  struct memory_file *file = of(handle)->file;
  int before = of(handle)->level;
  if (before >= level) return SQLITE_OK;
  switch (level) {
    case SQLITE_LOCK_SHARED:
      if (file->is_pending || file->is_exclusive) return SQLITE_BUSY;
      file->shared_count++;
      break;
    case SQLITE_LOCK_RESERVED:
      if (file->is_reserved) return SQLITE_BUSY;
      file->is_reserved = true;
      break;
    default:
      if (before < SQLITE_LOCK_RESERVED && file->is_reserved) return SQLITE_BUSY;
      file->is_reserved = true;
      file->is_pending = true;
      of(handle)->level = SQLITE_LOCK_PENDING;
      if (file->shared_count > 1) return SQLITE_BUSY;
      file->is_exclusive = true;
      break;
  }
  of(handle)->level = level;
  return SQLITE_OK;
}

static int check_reserved_lock(sqlite3_file *handle, int *is_locked) {
  *is_locked = of(handle)->file->is_reserved;
  return SQLITE_OK;
}

// - Shared memory

static int map_shared(sqlite3_file *handle, int index, int size, int extend, void volatile **memory) {
  struct memory_files *files = of(handle)->files;
  *memory = NULL;
  if (size != REGION_SIZE || index >= MAX_REGIONS) abort();
  while (extend && files->region_count <= index) {
    if (files->region_count == files->region_capacity) {
      files->regions[files->region_capacity++] = memory_required(malloc(REGION_SIZE));
    }
    memset(files->regions[files->region_count++], 0, REGION_SIZE);
  }
  if (index < files->region_count) *memory = files->regions[index];
  return SQLITE_OK;
}

static int lock_shared(sqlite3_file *file, int offset, int count, int flags) {
  struct memory_handle *handle = of(file);
  struct memory_files *files = handle->files;
  for (int slot = offset; slot < offset + count; slot++) {
    if (flags & SQLITE_SHM_UNLOCK) {
      if (handle->shares[slot]) files->shared_locks[slot]--;
      if (handle->excludes[slot]) files->exclusive_locks[slot] = false;
      handle->shares[slot] = handle->excludes[slot] = false;
      continue;
    }
    bool others_share = files->shared_locks[slot] > (handle->shares[slot] ? 1 : 0);
    bool others_exclude = files->exclusive_locks[slot] && !handle->excludes[slot];
    if (others_exclude || ((flags & SQLITE_SHM_EXCLUSIVE) && others_share)) return SQLITE_BUSY;
  }
  if (flags & SQLITE_SHM_UNLOCK) return SQLITE_OK;
  for (int slot = offset; slot < offset + count; slot++) {
    if (flags & SQLITE_SHM_EXCLUSIVE) {
      files->exclusive_locks[slot] = handle->excludes[slot] = true;
    } else if (!handle->shares[slot]) {
      files->shared_locks[slot]++;
      handle->shares[slot] = true;
    }
  }
  return SQLITE_OK;
}

static void order_shared(sqlite3_file *file) { (void)file; }

void memory_forget_shared(struct memory_files *files) {
  files->region_count = 0;
  memset(files->shared_locks, 0, sizeof files->shared_locks);
  memset(files->exclusive_locks, 0, sizeof files->exclusive_locks);
}

static int unmap_shared(sqlite3_file *file, int is_last) {
  lock_shared(file, 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK);
  if (is_last) memory_forget_shared(of(file)->files);
  return SQLITE_OK;
}

// - File properties

static int control_file(sqlite3_file *file, int operation, void *argument) {
  (void)file, (void)operation, (void)argument;
  return SQLITE_NOTFOUND;
}

static int sector_size(sqlite3_file *file) {
  (void)file;
  return 4096;
}

static int characteristics(sqlite3_file *file) {
  (void)file;
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int close_file(sqlite3_file *file) {
  struct memory_handle *handle = of(file);
  unlock_file(file, SQLITE_LOCK_NONE);
  if (handle->deletes_on_close) memory_files_delete(handle->files, handle->file->name, false);
  handle->files->open_count--;
  return SQLITE_OK;
}

const sqlite3_io_methods memory_methods = {
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
