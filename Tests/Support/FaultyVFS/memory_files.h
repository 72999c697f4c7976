#pragma once
// The in-memory files of one database, beneath the faulty VFS. Used by one thread at a time.
//
// A file holds its bytes, and beside them the bytes that would survive a power failure: those of its last
// sync. Locks and shared memory belong to one process, so that several connections see each other.
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct memory_files;

/// NULL without memory.
struct memory_files *memory_files_create(void);
void memory_files_destroy(struct memory_files *files);

/// The size of an open file in SQLite's memory, in bytes.
extern const int memory_file_size;

int memory_files_open(
    struct memory_files *files, const char *name, sqlite3_file *file, int flags, int *opened);
bool memory_files_has(struct memory_files *files, const char *name);
int memory_files_delete(struct memory_files *files, const char *name, bool is_durable);
int memory_files_open_count(const struct memory_files *files);

/// Removes everything. No file may be open.
void memory_files_clear(struct memory_files *files);
/// Stores a durable file of that name that starts with these bytes.
void memory_files_put(struct memory_files *files, const char *name, const uint8_t *bytes, int64_t length);
/// The bytes of a file, valid until it changes; NULL where there is none.
const uint8_t *memory_files_get(struct memory_files *files, const char *name, int64_t *length);

/// Ends the process: the files stay, locks and shared memory do not. No file may be open.
void memory_files_end_process(struct memory_files *files);
/// Cuts the power: every sector written since the last sync is kept, lost or torn. No file may be open.
///
/// `kept`: about so many of ten such sectors are kept.
void memory_files_lose_power(struct memory_files *files, uint64_t seed, int kept);
