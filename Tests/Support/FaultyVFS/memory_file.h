#pragma once
// A file in memory, and the I/O methods that SQLite calls on it.
#include "memory_files.h"

enum { MAX_FILES = 8, SECTOR_SIZE = 512, REGION_SIZE = 32 * 1024, MAX_REGIONS = 64 };

struct bytes {
  uint8_t *start;
  int64_t length;
  int64_t capacity;
};

// A range written since the last sync; its bytes are those in the file now.
struct range {
  int64_t start;
  int64_t end;
};

struct memory_file {
  char *name;
  struct bytes now;
  struct bytes durable;
  bool exists;
  bool exists_durably;
  /// Recreated since its last sync, so none of the durable bytes are its own.
  bool is_fresh;
  struct range *pending;
  int pending_count;
  int pending_capacity;
  /// Connections by the lock that they hold.
  int shared_count;
  bool is_reserved;
  bool is_pending;
  bool is_exclusive;
};

struct memory_files {
  struct memory_file files[MAX_FILES];
  int count;
  int open_count;
  void *regions[MAX_REGIONS];
  int region_count;
  /// Allocated regions, in use or not.
  int region_capacity;
  int shared_locks[SQLITE_SHM_NLOCK];
  bool exclusive_locks[SQLITE_SHM_NLOCK];
};

/// An open file, in memory that SQLite allocates.
struct memory_handle {
  sqlite3_file base;
  struct memory_files *files;
  struct memory_file *file;
  int level;
  bool deletes_on_close;
  /// A WAL or journal opened with SQLITE_OPEN_CREATE, whose first sync also syncs the folder, whether the
  /// file was new or not (UNIXFILE_DIRSYNC in os_unix.c).
  bool syncs_folder;
  bool shares[SQLITE_SHM_NLOCK];
  bool excludes[SQLITE_SHM_NLOCK];
};

extern const sqlite3_io_methods memory_methods;

/// Returns `memory`, and aborts if it is NULL.
void *memory_required(void *memory);
int64_t memory_smaller(int64_t left, int64_t right);
/// Resizes; new bytes are zero.
void memory_resize(struct bytes *bytes, int64_t length);
/// Replaces the bytes.
void memory_set(struct bytes *target, const uint8_t *source, int64_t length);
/// Writes the bytes from `start` to `end`.
void memory_write(struct bytes *target, const uint8_t *source, int64_t start, int64_t end);
/// Copies the bytes from `start` to `end`, up to the source's length.
void memory_copy(struct bytes *target, const struct bytes *source, int64_t start, int64_t end);
/// Makes all names durable, but not the files' bytes.
void memory_sync_folder(struct memory_files *files);
void memory_forget_shared(struct memory_files *files);
