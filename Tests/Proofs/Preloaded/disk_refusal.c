// Fails a process's writes to files; load it with LD_PRELOAD. The file DISK_REFUSAL holds an errno as a
// 32-bit number; 0 means that writes succeed. EDQUOT keeps files from growing, as a quota does. Any other
// errno fails each positioned write and each change of a file's size.
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "mapped_number.h"

static const volatile int32_t *refusal;

__attribute__((constructor)) static void map_refusal(void) {
  refusal = map_number("DISK_REFUSAL", sizeof *refusal);
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
