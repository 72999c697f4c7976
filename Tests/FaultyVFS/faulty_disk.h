#pragma once
// What the VFS asks of a disk. Every function may be called on any thread.
#include "FaultyVFS.h"

struct memory_files;

/// The disk of the file at `path`, or NULL.
struct faulty_disk *faulty_disk_of(const char *path);
/// Where the disk's files are; NULL for one whose files the file system keeps.
struct memory_files *faulty_disk_memory(struct faulty_disk *disk);
/// The file's name without its folder.
const char *faulty_disk_name(const struct faulty_disk *disk, const char *path);
/// SQLITE_OK, or what the plan says that this call shall return. `offset` is -1 outside of the database file.
int faulty_disk_ask(struct faulty_disk *disk, enum faulty_call call, int64_t offset, int64_t length);
/// Appends to the record. Aborts without memory: a test cannot go on.
void faulty_disk_note(
    struct faulty_disk *disk, enum faulty_event_kind kind, const char *path, int64_t offset, int64_t length,
    const void *bytes);
