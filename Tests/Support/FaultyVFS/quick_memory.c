#include "quick_memory.h"

#include <malloc.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>

// Blocks come in classes: up to 1024 bytes every 16, and beyond that four between one power of two and the
// next.
enum { STEP = 4, EVEN = 10, LARGEST = 20, STRETCH = 1 << 20 };
enum { EVEN_CLASSES = 1 << (EVEN - STEP), CLASSES = EVEN_CLASSES + (LARGEST - EVEN) * 4 };

/// The header before the bytes that SQLite sees, counted with them.
struct header {
  /// The size of the whole block.
  int64_t size;
};

struct spare {
  struct header header;
  struct spare *next;
};

static _Thread_local struct spare *spares[CLASSES];
/// Memory not yet cut into blocks.
static _Thread_local uint8_t *rest;
static _Thread_local int64_t rest_size;

/// The smallest class whose blocks have `size` bytes, which are more than none.
static int class_of(int64_t size) {
  if (size <= 1 << EVEN) return (int)((size - 1) >> STEP);
  int power = 63 - __builtin_clzll((uint64_t)(size - 1));
  return EVEN_CLASSES + (power - EVEN) * 4 + (int)((size - 1) >> (power - 2) & 3);
}

static int64_t size_of(int class) {
  if (class < EVEN_CLASSES) return (int64_t)(class + 1) << STEP;
  int power = EVEN + (class - EVEN_CLASSES) / 4;
  return ((int64_t)1 << power) + ((class - EVEN_CLASSES) % 4 + 1) * ((int64_t)1 << (power - 2));
}

static struct header *cut(int64_t size) {
  if (size > STRETCH / 8) return malloc((size_t)size);
  if (size > rest_size) {
    rest = malloc(STRETCH);
    rest_size = rest == NULL ? 0 : STRETCH;
    if (rest == NULL) return NULL;
  }
  struct header *block = (struct header *)rest;
  rest += size;
  rest_size -= size;
  return block;
}

static void *take(int count) {
  int64_t size = count + (int64_t)sizeof(struct header);
  int class = class_of(size);
  if (class < CLASSES && spares[class] != NULL) {
    struct spare *spare = spares[class];
    spares[class] = spare->next;
    return &spare->header + 1;
  }
  if (class < CLASSES) size = size_of(class);
  struct header *block = class < CLASSES ? cut(size) : malloc((size_t)size);
  if (block == NULL) return NULL;
  block->size = size;
  return block + 1;
}

static void give_back(void *memory) {
  if (memory == NULL) return;
  struct spare *spare = (struct spare *)((struct header *)memory - 1);
  int class = class_of(spare->header.size);
  if (class >= CLASSES) return free(spare);
  spare->next = spares[class];
  spares[class] = spare;
}

static int size_at(void *memory) {
  return memory == NULL ? 0 : (int)(((struct header *)memory - 1)->size - (int64_t)sizeof(struct header));
}

static void *resize(void *memory, int count) {
  int before = size_at(memory);
  if (count <= before && count > before / 2) return memory;
  void *moved = take(count);
  if (moved == NULL) return NULL;
  __builtin_memcpy(moved, memory, (size_t)(count < before ? count : before));
  give_back(memory);
  return moved;
}

static int round_up(int count) {
  int64_t size = count + (int64_t)sizeof(struct header);
  int class = class_of(size);
  return class < CLASSES ? (int)(size_of(class) - (int64_t)sizeof(struct header)) : (count + 7) & ~7;
}

static int begin(void *context) {
  (void)context;
  return SQLITE_OK;
}

static void end(void *context) { (void)context; }

void quick_memory_configure(void) {
// A sanitizer must see every block.
#if !__has_feature(address_sanitizer)
  static sqlite3_mem_methods methods = {
      .xMalloc = take,
      .xFree = give_back,
      .xRealloc = resize,
      .xSize = size_at,
      .xRoundup = round_up,
      .xInit = begin,
      .xShutdown = end,
  };
  sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
  // Large blocks of each simulated process are kept, not returned to the system and requested again.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_TOP_PAD, 1 << 20);
#endif
}
