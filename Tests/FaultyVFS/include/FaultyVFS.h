#pragma once
// A disk that fails on demand and keeps a record, for SQLite: a VFS (https://www.sqlite.org/vfs.html) around the default
// one. It becomes the default of the process, and leaves every file alone that lies in no folder of a faulty disk.
#include <stdbool.h>
#include <stdint.h>

struct faulty_disk;

/// What SQLite asks of a disk.
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

/// Which calls fail, and how.
struct faulty_plan {
  enum faulty_call call;
  /// From 1: the first call that fails, counted from when the plan was made.
  int64_t first;
  /// Later calls fail too, until the disk is healed.
  bool persistent;
  /// What the call returns, an SQLite result code. SQLITE_IOERR_SHORT_READ reads the first half.
  int code;
  /// Only calls for the byte at this offset of the database file itself; -1 for all files.
  int64_t offset;
};

/// One thing that happened to a file, in order.
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

/// All files in `folder` (absolute, without a slash at the end) that SQLite opens from now on. Nil without memory.
struct faulty_disk *faulty_disk_create(const char *folder);
/// The same in memory, where a process can end and the power can go: for one thread at a time. It keeps no record.
struct faulty_disk *faulty_disk_create_in_memory(const char *folder);
/// No file of it may be open.
void faulty_disk_destroy(struct faulty_disk *disk);

void faulty_disk_fail(struct faulty_disk *disk, struct faulty_plan plan);
/// Ends the plan. Returns how many calls it made fail.
int64_t faulty_disk_heal(struct faulty_disk *disk);

int64_t faulty_disk_event_count(struct faulty_disk *disk);
/// `index` from 0. Its pointers live as long as the disk.
struct faulty_event faulty_disk_event(struct faulty_disk *disk, int64_t index);

// - Disks in memory

/// Removes all files, plans and counts. No file may be open.
void faulty_disk_format(struct faulty_disk *disk);
/// A durable file of that name with these bytes.
void faulty_disk_put(struct faulty_disk *disk, const char *name, const uint8_t *bytes, int64_t length);
/// The bytes of a file, valid until it changes; NULL where there is none.
const uint8_t *faulty_disk_get(struct faulty_disk *disk, const char *name, int64_t *length);
int faulty_disk_open_files(const struct faulty_disk *disk);

/// Writes, syncs, truncations and deletions so far.
int64_t faulty_disk_change_count(const struct faulty_disk *disk);
/// The change that would be the `count`-th from now (from 1) does not happen, and from then on every call fails: whoever
/// makes them is dead already. 0: it stops at once.
/// Negative: it never stops.
void faulty_disk_stop_after(struct faulty_disk *disk, int64_t count);
bool faulty_disk_has_stopped(const struct faulty_disk *disk);
/// Ends the stop, and all plans. No file may be open.
///
/// `loses_power`: what no sync made durable is kept, lost or cut short, as `seed` decides; about `kept` of ten sectors
/// are kept.
void faulty_disk_start(struct faulty_disk *disk, bool loses_power, uint64_t seed, int kept);
/// From now on a sync means nothing, as on a disk that lies.
void faulty_disk_ignore_syncs(struct faulty_disk *disk);
bool faulty_disk_honours_syncs(const struct faulty_disk *disk);
