#include "faulty_disk.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "faulty_vfs.h"

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
};

// One lock for all: the tests that share a process wait for their disks, not for this.
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
  pthread_mutex_lock(&lock);
  disk->next = disks;
  disks = disk;
  faulty_vfs_register();
  pthread_mutex_unlock(&lock);
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

int faulty_disk_ask(struct faulty_disk *disk, enum faulty_call call, int64_t offset, int64_t length) {
  int code = SQLITE_OK;
  pthread_mutex_lock(&lock);
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
  pthread_mutex_unlock(&lock);
  return code;
}

void faulty_disk_note(
    struct faulty_disk *disk, enum faulty_event_kind kind, const char *path, int64_t offset, int64_t length,
    const void *bytes) {
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
