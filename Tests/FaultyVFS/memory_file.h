#pragma once
// One file in memory, and the methods by which SQLite uses it.
#include "memory_files.h"

enum { MOST_FILES = 8, SECTOR_SIZE = 512, REGION_SIZE = 32 * 1024, MOST_REGIONS = 64 };

struct bytes {
  uint8_t *start;
  int64_t length;
  int64_t capacity;
};

// What was written since the last sync, by place: the bytes are those that the file holds now.
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
  /// Made anew since its last sync: nothing of what is durable is its own.
  bool is_fresh;
  struct range *pending;
  int pending_count;
  int pending_capacity;
  /// Connections by what they hold.
  int shared_count;
  bool is_reserved;
  bool is_pending;
  bool is_exclusive;
};

struct memory_files {
  struct memory_file files[MOST_FILES];
  int count;
  int open_count;
  void *regions[MOST_REGIONS];
  int region_count;
  /// Regions whose memory is there, whether they are in use or not.
  int region_capacity;
  int shared_locks[SQLITE_SHM_NLOCK];
  bool exclusive_locks[SQLITE_SHM_NLOCK];
};

/// An open file, in memory that SQLite gives.
struct memory_handle {
  sqlite3_file base;
  struct memory_files *files;
  struct memory_file *file;
  int level;
  bool deletes_on_close;
  /// A log or a journal that was opened to be made if need be: with its first sync SQLite syncs the folder too, whether
  /// it was new or not (UNIXFILE_DIRSYNC in its os_unix.c).
  bool syncs_folder;
  bool shares[SQLITE_SHM_NLOCK];
  bool excludes[SQLITE_SHM_NLOCK];
};

extern const sqlite3_io_methods memory_methods;

/// `memory`; aborts where there is none, for a test cannot go on.
void *memory_required(void *memory);
int64_t memory_smaller(int64_t left, int64_t right);
/// New bytes are zero.
void memory_resize(struct bytes *bytes, int64_t length);
/// It holds these bytes, and nothing else.
void memory_set(struct bytes *target, const uint8_t *source, int64_t length);
/// The bytes from `start` to `end`.
void memory_write(struct bytes *target, const uint8_t *source, int64_t start, int64_t end);
/// From `start` to `end`, as far as the source goes.
void memory_copy(struct bytes *target, const struct bytes *source, int64_t start, int64_t end);
/// All names are as they are now, whatever becomes of the bytes.
void memory_sync_folder(struct memory_files *files);
void memory_forget_shared(struct memory_files *files);
