// Kills a process at one of its calls to the system; load it with LD_PRELOAD. KILL_AT holds a time, a call,
// and a pattern for the path of its file (fnmatch(3)), such as "after fsync */spool/*.part". The calls are
// write, fsync, rename, link and unlink; the path of a rename or a link is the new one. Nothing is killed
// before the file KILL_FLAG exists.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char moment[16], call[16], pattern[256];
static const char *flag;

__attribute__((constructor)) static void read_variables(void) {
  const char *text = getenv("KILL_AT");
  if (!text || sscanf(text, "%15s %15s %255s", moment, call, pattern) != 3) moment[0] = 0;
  flag = getenv("KILL_FLAG");
}

static void kill_if(const char *now, const char *what, const char *path) {
  int number = errno;
  if (strcmp(now, moment) == 0 && strcmp(what, call) == 0 && fnmatch(pattern, path, 0) == 0 && flag &&
      syscall(SYS_access, flag, F_OK) == 0)
    syscall(SYS_kill, getpid(), SIGKILL);
  errno = number;
}

/// Writes the path of a descriptor, or an empty one.
static void path_of(int descriptor, char *path) {
  char link[64];
  int number = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t count = readlink(link, path, PATH_MAX - 1);
  path[count < 0 ? 0 : count] = 0;
  errno = number;
}

static void path_below(int folder, const char *name, char *path) {
  path[0] = 0;
  if (folder != AT_FDCWD && name[0] != '/') path_of(folder, path);
  size_t length = strlen(path);
  snprintf(path + length, PATH_MAX - length, "%s%s", length > 0 ? "/" : "", name);
}

#define AT(what, path, real)         \
  kill_if("before", what, path);     \
  long result = real;                \
  if (result >= 0) kill_if("after", what, path); \
  return result

#define ON_DESCRIPTOR(what, real) \
  char path[PATH_MAX] = "";       \
  if (strcmp(what, call) == 0) path_of(descriptor, path); \
  AT(what, path, real)

#define ON_NAME(what, folder, name, real) \
  char path[PATH_MAX] = "";               \
  if (strcmp(what, call) == 0) path_below(folder, name, path); \
  AT(what, path, real)

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  ON_DESCRIPTOR("write", syscall(SYS_pwrite64, descriptor, bytes, count, offset));
}
ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
  return pwrite(descriptor, bytes, count, offset);
}
int fsync(int descriptor) { ON_DESCRIPTOR("fsync", syscall(SYS_fsync, descriptor)); }
int fdatasync(int descriptor) { ON_DESCRIPTOR("fsync", syscall(SYS_fdatasync, descriptor)); }
int renameat(int from, const char *old, int to, const char *new) {
  ON_NAME("rename", to, new, syscall(SYS_renameat2, from, old, to, new, 0));
}
int rename(const char *old, const char *new) { return renameat(AT_FDCWD, old, AT_FDCWD, new); }
int linkat(int from, const char *old, int to, const char *new, int flags) {
  ON_NAME("link", to, new, syscall(SYS_linkat, from, old, to, new, flags));
}
int link(const char *old, const char *new) { return linkat(AT_FDCWD, old, AT_FDCWD, new, 0); }
int unlinkat(int folder, const char *name, int flags) {
  ON_NAME("unlink", folder, name, syscall(SYS_unlinkat, folder, name, flags));
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
