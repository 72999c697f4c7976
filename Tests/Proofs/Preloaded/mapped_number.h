#pragma once
// A number that another process changes while this one runs. A file, named by an environment variable, holds
// it in native byte order.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/// Returns the address of the number of `size` bytes; NULL if no file is named or it cannot be mapped.
static const volatile void *map_number(const char *variable, size_t size) {
  const char *path = getenv(variable);
  int descriptor = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (descriptor < 0) return NULL;
  void *place = mmap(NULL, size, PROT_READ, MAP_SHARED, descriptor, 0);
  close(descriptor);
  return place == MAP_FAILED ? NULL : place;
}
