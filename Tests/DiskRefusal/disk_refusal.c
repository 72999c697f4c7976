// Loaded into a process with LD_PRELOAD, refuses to write to files for as long as a file says so: it holds an errno as a
// 32-bit number of the machine's own byte order, and 0 where all is well; another process changes it there. DISK_REFUSAL
// names the file. EDQUOT keeps files from growing, as a quota does; any other refuses each write at a place of a file, and
// each change of its size.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const volatile int32_t *refusal;

__attribute__((constructor)) static void map_refusal(void) {
  const char *path = getenv("DISK_REFUSAL");
  int descriptor = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (descriptor < 0) return;
  void *place = mmap(NULL, sizeof *refusal, PROT_READ, MAP_SHARED, descriptor, 0);
  close(descriptor);
  if (place != MAP_FAILED) refusal = place;
}

static int is_refused(int descriptor, off_t end) {
  int number = refusal ? *refusal : 0;
  if (number == 0) return 0;
  if (number == EDQUOT) {
    struct stat status;
    if (fstat(descriptor, &status) == 0 && end <= status.st_size) return 0;
  }
  errno = number;
  return 1;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  if (is_refused(descriptor, offset + (off_t)count)) return -1;
  return syscall(SYS_pwrite64, descriptor, bytes, count, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
  return pwrite(descriptor, bytes, count, offset);
}

int ftruncate(int descriptor, off_t size) {
  if (is_refused(descriptor, size)) return -1;
  return (int)syscall(SYS_ftruncate, descriptor, size);
}

int ftruncate64(int descriptor, off64_t size) { return ftruncate(descriptor, size); }
