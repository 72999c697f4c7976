#pragma once
// The interface between the VFS and a disk. Every function may be called on any thread.
#include "FaultyVFS.h"

struct memory_files;

/// The disk of the file at `path`, or NULL.
struct faulty_disk *faulty_disk_of(const char *path);
/// The files of a disk in memory; NULL for a disk on the file system.
struct memory_files *faulty_disk_memory(struct faulty_disk *disk);
/// The file's name without its folder.
const char *faulty_disk_name(const struct faulty_disk *disk, const char *path);
/// The result of a call by the plan: SQLITE_OK or an error.
///
/// `offset` is -1 outside the database file.
int faulty_disk_check(struct faulty_disk *disk, enum faulty_call call, int64_t offset, int64_t length);
/// Appends to the record. Aborts without memory.
void faulty_disk_note(
    struct faulty_disk *disk, enum faulty_event_kind kind, const char *path, int64_t offset, int64_t length,
    const void *bytes);
