#pragma once
// A SQLite VFS (https://www.sqlite.org/vfs.html) that fails on demand and records every event.
//
// It wraps the default VFS and becomes the default of the process. Files outside the folders of faulty disks
// are passed through.
#include <stdbool.h>
#include <stdint.h>

struct faulty_disk;

/// The calls that SQLite makes to a disk.
enum faulty_call {
  FAULTY_READ,
  FAULTY_WRITE,
  FAULTY_SYNC,
  FAULTY_TRUNCATE,
  FAULTY_OPEN,
  FAULTY_LOCK,
  FAULTY_SIZE,
  FAULTY_DELETE,
  FAULTY_SHARED_MEMORY,
  FAULTY_CALL_COUNT
};

/// The calls that fail, and how.
struct faulty_plan {
  enum faulty_call call;
  /// The first call that fails, from 1, counted since the plan was armed.
  int64_t first;
  /// Later calls fail too, until the disk is healed.
  bool persistent;
  /// The SQLite result code of a failed call. SQLITE_IOERR_SHORT_READ reads the first half.
  int code;
  /// Only calls for the byte at this offset of the database file itself; -1 for all files.
  int64_t offset;
};

/// The kind of an event.
enum faulty_event_kind {
  FAULTY_CREATED,
  FAULTY_WRITTEN,
  FAULTY_TRUNCATED,
  FAULTY_SYNCED,
  FAULTY_SYNC_FAILED,
  /// The names in the folder are durable.
  FAULTY_FOLDER_SYNCED,
  FAULTY_DELETED,
  FAULTY_DELETED_DURABLY
};

struct faulty_event {
  enum faulty_event_kind kind;
  /// The file's name without its folder, as long as the disk lives.
  const char *name;
  int64_t offset;
  /// Of a write: its bytes. Of a truncation: 0, and `offset` is the new size.
  int64_t length;
  const uint8_t *bytes;
};

/// Creates a disk for all files that SQLite opens in `folder` from now on.
///
/// `folder` is absolute, without a trailing slash. NULL without memory.
struct faulty_disk *faulty_disk_create(const char *folder);
/// Creates a disk in memory that simulates process ends and power failures.
///
/// For one thread at a time. It keeps no record.
struct faulty_disk *faulty_disk_create_in_memory(const char *folder);
/// No file of it may be open.
void faulty_disk_destroy(struct faulty_disk *disk);

void faulty_disk_fail(struct faulty_disk *disk, struct faulty_plan plan);
/// Disarms the plan. Returns the number of calls that failed.
int64_t faulty_disk_heal(struct faulty_disk *disk);

int64_t faulty_disk_event_count(struct faulty_disk *disk);
/// `index` from 0. Its pointers live as long as the disk.
struct faulty_event faulty_disk_event(struct faulty_disk *disk, int64_t index);

// - Disks in memory

/// Removes all files, plans and counts. No file may be open.
void faulty_disk_format(struct faulty_disk *disk);
/// Stores a durable file of that name with these bytes.
void faulty_disk_put(struct faulty_disk *disk, const char *name, const uint8_t *bytes, int64_t length);
/// The bytes of a file, valid until it changes; NULL where there is none.
const uint8_t *faulty_disk_get(struct faulty_disk *disk, const char *name, int64_t *length);
int faulty_disk_open_files(const struct faulty_disk *disk);

/// The number of writes, syncs, truncations and deletions so far.
int64_t faulty_disk_change_count(const struct faulty_disk *disk);
/// Stops the disk at the `count`-th change from now (from 1): it and every later call fail, as if the process
/// were dead.
///
/// 0 stops at once; a negative count never.
void faulty_disk_stop_after(struct faulty_disk *disk, int64_t count);
bool faulty_disk_has_stopped(const struct faulty_disk *disk);
/// Restarts a stopped disk, without plans. No file may be open.
///
/// `loses_power`: unsynced sectors are kept, lost or torn, as `seed` decides; about `kept` of ten are kept.
void faulty_disk_start(struct faulty_disk *disk, bool loses_power, uint64_t seed, int kept);
/// Ignores syncs from now on, as a lying disk does.
void faulty_disk_ignore_syncs(struct faulty_disk *disk);
bool faulty_disk_honours_syncs(const struct faulty_disk *disk);
