#pragma once
// Files in memory, beneath the faulty VFS: those of one database, used by one thread at a time.
//
// A file holds what was written, and beside it what would be there had the power gone: what was written before its
// last sync. Locks and shared memory are those of a process, so that several connections see each other.
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct memory_files;

/// NULL without memory.
struct memory_files *memory_files_create(void);
void memory_files_destroy(struct memory_files *files);

/// How many bytes of SQLite's memory an open file takes.
extern const int memory_file_size;

int memory_files_open(struct memory_files *files, const char *name, sqlite3_file *file, int flags, int *opened);
bool memory_files_has(struct memory_files *files, const char *name);
int memory_files_delete(struct memory_files *files, const char *name, bool is_durable);
int memory_files_open_count(const struct memory_files *files);

/// Removes everything. No file may be open.
void memory_files_clear(struct memory_files *files);
/// A durable file of that name, of which the first bytes are these.
void memory_files_put(struct memory_files *files, const char *name, const uint8_t *bytes, int64_t length);
/// The bytes of a file, valid until it changes; NULL where there is none.
const uint8_t *memory_files_get(struct memory_files *files, const char *name, int64_t *length);

/// What a new process finds: the same files, without locks and shared memory. No file may be open.
void memory_files_end_process(struct memory_files *files);
/// Of every file what was synced, and of every sector that was written since: kept, lost or cut short. No file may be
/// open.
///
/// `kept`: about so many of ten such sectors are kept.
void memory_files_lose_power(struct memory_files *files, uint64_t seed, int kept);
