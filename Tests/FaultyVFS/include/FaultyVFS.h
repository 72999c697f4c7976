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
/// No file of it may be open.
void faulty_disk_destroy(struct faulty_disk *disk);

void faulty_disk_fail(struct faulty_disk *disk, struct faulty_plan plan);
/// Ends the plan. Returns how many calls it made fail.
int64_t faulty_disk_heal(struct faulty_disk *disk);

int64_t faulty_disk_event_count(struct faulty_disk *disk);
/// `index` from 0. Its pointers live as long as the disk.
struct faulty_event faulty_disk_event(struct faulty_disk *disk, int64_t index);
