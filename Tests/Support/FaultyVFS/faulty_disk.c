#include "faulty_disk.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "faulty_vfs.h"
#include "memory_files.h"

struct faulty_disk {
  struct faulty_disk *next;
  char *folder;
  struct faulty_plan plan;
  bool is_armed;
  int64_t calls;
  int64_t failures;
  struct faulty_event *events;
  int64_t event_count;
  int64_t event_capacity;
  struct memory_files *memory;
  int64_t change_count;
  /// The change at which the disk stops; -1 for none.
  int64_t last_change;
  bool has_stopped;
  bool ignores_syncs;
};

// One lock for all disks: tests in one process wait for their disks, not for this lock.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct faulty_disk *disks;

static void *required(void *memory) {
  if (memory == NULL) abort();
  return memory;
}

struct faulty_disk *faulty_disk_create(const char *folder) {
  struct faulty_disk *disk = calloc(1, sizeof *disk);
  if (disk == NULL) return NULL;
  disk->folder = required(strdup(folder));
  disk->last_change = -1;
  pthread_mutex_lock(&lock);
  disk->next = disks;
  disks = disk;
  faulty_vfs_register();
  pthread_mutex_unlock(&lock);
  return disk;
}

struct faulty_disk *faulty_disk_create_in_memory(const char *folder) {
  struct memory_files *memory = memory_files_create();
  if (memory == NULL) return NULL;
  struct faulty_disk *disk = faulty_disk_create(folder);
  if (disk == NULL) memory_files_destroy(memory);
  else disk->memory = memory;
  return disk;
}

void faulty_disk_destroy(struct faulty_disk *disk) {
  pthread_mutex_lock(&lock);
  for (struct faulty_disk **link = &disks; *link != NULL; link = &(*link)->next) {
    if (*link == disk) {
      *link = disk->next;
      break;
    }
  }
  pthread_mutex_unlock(&lock);
  for (int64_t index = 0; index < disk->event_count; index++) {
    free((void *)disk->events[index].name);
    free((void *)disk->events[index].bytes);
  }
  free(disk->events);
  memory_files_destroy(disk->memory);
  free(disk->folder);
  free(disk);
}

struct faulty_disk *faulty_disk_of(const char *path) {
  pthread_mutex_lock(&lock);
  struct faulty_disk *found = disks;
  for (; found != NULL; found = found->next) {
    size_t length = strlen(found->folder);
    if (strncmp(path, found->folder, length) == 0 && path[length] == '/') break;
  }
  pthread_mutex_unlock(&lock);
  return found;
}

void faulty_disk_fail(struct faulty_disk *disk, struct faulty_plan plan) {
  pthread_mutex_lock(&lock);
  disk->plan = plan;
  disk->is_armed = true;
  disk->calls = 0;
  disk->failures = 0;
  pthread_mutex_unlock(&lock);
}

int64_t faulty_disk_heal(struct faulty_disk *disk) {
  pthread_mutex_lock(&lock);
  int64_t failures = disk->failures;
  disk->is_armed = false;
  disk->failures = 0;
  pthread_mutex_unlock(&lock);
  return failures;
}

// A disk in memory belongs to one thread.
static void enter(struct faulty_disk *disk) {
  if (disk->memory == NULL) pthread_mutex_lock(&lock);
}
static void leave(struct faulty_disk *disk) {
  if (disk->memory == NULL) pthread_mutex_unlock(&lock);
}

static bool is_change(enum faulty_call call) {
  return call == FAULTY_WRITE || call == FAULTY_SYNC || call == FAULTY_TRUNCATE || call == FAULTY_DELETE;
}

int faulty_disk_check(struct faulty_disk *disk, enum faulty_call call, int64_t offset, int64_t length) {
  int code = SQLITE_OK;
  enter(disk);
  if (!disk->has_stopped && is_change(call)) {
    disk->change_count++;
    disk->has_stopped = disk->change_count == disk->last_change;
  }
  struct faulty_plan plan = disk->plan;
  bool is_aimed_at =
      plan.offset < 0 || (offset >= 0 && plan.offset >= offset && plan.offset < offset + length);
  if (disk->is_armed && plan.call == call && is_aimed_at) {
    disk->calls++;
    if (disk->calls == plan.first || (plan.persistent && disk->calls > plan.first)) {
      disk->failures++;
      code = plan.code;
    }
  }
  if (disk->has_stopped) code = SQLITE_IOERR;
  leave(disk);
  return code;
}

void faulty_disk_note(
    struct faulty_disk *disk, enum faulty_event_kind kind, const char *path, int64_t offset, int64_t length,
    const void *bytes) {
  if (disk->memory != NULL) return;
  pthread_mutex_lock(&lock);
  if (disk->event_count == disk->event_capacity) {
    disk->event_capacity = disk->event_capacity == 0 ? 256 : 2 * disk->event_capacity;
    disk->events = required(realloc(disk->events, (size_t)disk->event_capacity * sizeof *disk->events));
  }
  struct faulty_event event = {.kind = kind, .offset = offset, .length = length};
  event.name = required(strdup(path + strlen(disk->folder) + 1));
  if (length > 0) event.bytes = memcpy(required(malloc((size_t)length)), bytes, (size_t)length);
  disk->events[disk->event_count++] = event;
  pthread_mutex_unlock(&lock);
}

int64_t faulty_disk_event_count(struct faulty_disk *disk) {
  pthread_mutex_lock(&lock);
  int64_t count = disk->event_count;
  pthread_mutex_unlock(&lock);
  return count;
}

struct faulty_event faulty_disk_event(struct faulty_disk *disk, int64_t index) {
  pthread_mutex_lock(&lock);
  struct faulty_event event = disk->events[index];
  pthread_mutex_unlock(&lock);
  return event;
}

// - Disks in memory

struct memory_files *faulty_disk_memory(struct faulty_disk *disk) { return disk->memory; }

const char *faulty_disk_name(const struct faulty_disk *disk, const char *path) {
  return path + strlen(disk->folder) + 1;
}

static void forget_faults(struct faulty_disk *disk) {
  disk->is_armed = false;
  disk->failures = 0;
  disk->has_stopped = false;
  disk->last_change = -1;
}

void faulty_disk_format(struct faulty_disk *disk) {
  forget_faults(disk);
  disk->change_count = 0;
  disk->ignores_syncs = false;
  memory_files_clear(disk->memory);
}

void faulty_disk_put(struct faulty_disk *disk, const char *name, const uint8_t *bytes, int64_t length) {
  memory_files_put(disk->memory, name, bytes, length);
}

const uint8_t *faulty_disk_get(struct faulty_disk *disk, const char *name, int64_t *length) {
  return memory_files_get(disk->memory, name, length);
}

int faulty_disk_open_files(const struct faulty_disk *disk) { return memory_files_open_count(disk->memory); }

int64_t faulty_disk_change_count(const struct faulty_disk *disk) { return disk->change_count; }

void faulty_disk_stop_after(struct faulty_disk *disk, int64_t count) {
  disk->has_stopped = count == 0;
  disk->last_change = count < 0 ? -1 : disk->change_count + count;
}

bool faulty_disk_has_stopped(const struct faulty_disk *disk) { return disk->has_stopped; }

void faulty_disk_start(struct faulty_disk *disk, bool loses_power, uint64_t seed, int kept) {
  forget_faults(disk);
  if (loses_power) memory_files_lose_power(disk->memory, seed, kept);
  else memory_files_end_process(disk->memory);
}

void faulty_disk_ignore_syncs(struct faulty_disk *disk) { disk->ignores_syncs = true; }

bool faulty_disk_honours_syncs(const struct faulty_disk *disk) { return !disk->ignores_syncs; }
