#include "memory_files.h"

#include <stdlib.h>
#include <string.h>

#include "memory_file.h"

const int memory_file_size = (int)sizeof(struct memory_handle);

void *memory_required(void *memory) {
  if (memory == NULL) abort();
  return memory;
}

int64_t memory_smaller(int64_t left, int64_t right) { return left < right ? left : right; }

static void reserve(struct bytes *bytes, int64_t length) {
  if (length <= bytes->capacity) return;
  bytes->capacity = length < 8192 ? 16384 : 2 * length;
  bytes->start = memory_required(realloc(bytes->start, (size_t)bytes->capacity));
}

void memory_set(struct bytes *target, const uint8_t *source, int64_t length) {
  reserve(target, length);
  target->length = length;
  if (length > 0) memcpy(target->start, source, (size_t)length);
}

void memory_resize(struct bytes *bytes, int64_t length) {
  reserve(bytes, length);
  if (length > bytes->length) memset(bytes->start + bytes->length, 0, (size_t)(length - bytes->length));
  bytes->length = length;
}

void memory_write(struct bytes *target, const uint8_t *source, int64_t start, int64_t end) {
  if (start > target->length) memory_resize(target, start);
  reserve(target, end);
  if (end > target->length) target->length = end;
  memcpy(target->start + start, source, (size_t)(end - start));
}

void memory_copy(struct bytes *target, const struct bytes *source, int64_t start, int64_t end) {
  end = memory_smaller(end, source->length);
  if (start < end) memory_write(target, source->start + start, start, end);
}

static struct memory_file *find(struct memory_files *files, const char *name) {
  for (int index = 0; index < files->count; index++) {
    if (strcmp(files->files[index].name, name) == 0) return &files->files[index];
  }
  return NULL;
}

static struct memory_file *find_or_make(struct memory_files *files, const char *name) {
  struct memory_file *found = find(files, name);
  if (found != NULL) return found;
  if (files->count == MAX_FILES) abort();
  struct memory_file *file = &files->files[files->count++];
  *file = (struct memory_file){.name = memory_required(strdup(name))};
  return file;
}

// - Names

static void begin(struct memory_file *file) {
  file->exists = true;
  file->is_fresh = true;
  file->now.length = 0;
  file->pending_count = 0;
}

int memory_files_open(
    struct memory_files *files, const char *name, sqlite3_file *handle, int flags, int *opened) {
  struct memory_file *file = flags & SQLITE_OPEN_CREATE ? find_or_make(files, name) : find(files, name);
  if (file == NULL || (!file->exists && !(flags & SQLITE_OPEN_CREATE))) return SQLITE_CANTOPEN;
  if (!file->exists) begin(file);
  bool is_log = flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL);
  *(struct memory_handle *)handle = (struct memory_handle){
      .base = {&memory_methods},
      .files = files,
      .file = file,
      .deletes_on_close = flags & SQLITE_OPEN_DELETEONCLOSE,
      .syncs_folder = is_log && (flags & SQLITE_OPEN_CREATE)};
  files->open_count++;
  if (opened != NULL) *opened = flags;
  return SQLITE_OK;
}

bool memory_files_has(struct memory_files *files, const char *name) {
  struct memory_file *file = find(files, name);
  // https://www.sqlite.org/src/file/src/os_unix.c: an empty file counts as none.
  return file != NULL && file->exists && file->now.length > 0;
}

int memory_files_delete(struct memory_files *files, const char *name, bool is_durable) {
  struct memory_file *file = find(files, name);
  if (file == NULL || !file->exists) return SQLITE_IOERR_DELETE_NOENT;
  file->exists = false;
  if (is_durable) memory_sync_folder(files);
  return SQLITE_OK;
}

int memory_files_open_count(const struct memory_files *files) { return files->open_count; }

// - All of them

struct memory_files *memory_files_create(void) { return calloc(1, sizeof(struct memory_files)); }

void memory_files_destroy(struct memory_files *files) {
  if (files == NULL) return;
  for (int index = 0; index < files->region_capacity; index++) free(files->regions[index]);
  for (int index = 0; index < files->count; index++) {
    free(files->files[index].name);
    free(files->files[index].now.start);
    free(files->files[index].durable.start);
    free(files->files[index].pending);
  }
  free(files);
}

void memory_files_clear(struct memory_files *files) {
  memory_files_end_process(files);
  for (int index = 0; index < files->count; index++) {
    struct memory_file *file = &files->files[index];
    file->exists = file->exists_durably = file->is_fresh = false;
    file->now.length = file->durable.length = 0;
    file->pending_count = 0;
  }
}

void memory_files_put(struct memory_files *files, const char *name, const uint8_t *bytes, int64_t length) {
  struct memory_file *file = find_or_make(files, name);
  file->exists = file->exists_durably = true;
  memory_set(&file->now, bytes, length);
  memory_set(&file->durable, bytes, length);
}

const uint8_t *memory_files_get(struct memory_files *files, const char *name, int64_t *length) {
  struct memory_file *file = find(files, name);
  if (file == NULL || !file->exists) return NULL;
  *length = file->now.length;
  return file->now.start;
}

void memory_files_end_process(struct memory_files *files) {
  if (files->open_count != 0) abort();
  memory_forget_shared(files);
}

// SplitMix64.
static uint64_t next(uint64_t *state) {
  uint64_t mixed = *state += 0x9E3779B97F4A7C15;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
  return mixed ^ (mixed >> 31);
}

static void settle(struct memory_file *file, uint64_t *state, int kept) {
  // The old name leads to the new file or to the old one.
  if (file->is_fresh && file->exists && next(state) % 2 == 0) {
    file->durable.length = 0;
    file->exists_durably = true;
  } else if (file->is_fresh) {
    file->pending_count = 0;
  }
  for (int index = 0; index < file->pending_count; index++) {
    int64_t end = file->pending[index].end;
    for (int64_t start = file->pending[index].start; start < end;) {
      int64_t stop = memory_smaller(end, (start / SECTOR_SIZE + 1) * SECTOR_SIZE);
      if ((int)(next(state) % 10) < kept) {
        int64_t length = stop - start;
        if (next(state) % 10 == 0) length = (int64_t)(next(state) % (uint64_t)(length + 1));
        memory_copy(&file->durable, &file->now, start, start + length);
      }
      start = stop;
    }
  }
  if (file->now.length < file->durable.length && !file->is_fresh && next(state) % 2 == 0) {
    memory_resize(&file->durable, file->now.length);
  }
  // A deleted name may still exist.
  if (!file->exists && next(state) % 2 == 0) file->exists_durably = false;
}

void memory_files_lose_power(struct memory_files *files, uint64_t seed, int kept) {
  memory_files_end_process(files);
  uint64_t state = seed;
  for (int index = 0; index < files->count; index++) {
    struct memory_file *file = &files->files[index];
    settle(file, &state, kept);
    file->exists = file->exists_durably;
    memory_set(&file->now, file->durable.start, file->durable.length);
    file->pending_count = 0;
    file->is_fresh = false;
  }
}
