#define _GNU_SOURCE
#include "cperfevents.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int cperfevents_count_instructions(pid_t thread, int with_kernel) {
  struct perf_event_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.config = PERF_COUNT_HW_INSTRUCTIONS;
  attributes.exclude_kernel = !with_kernel;
  attributes.exclude_hv = 1;
  attributes.inherit = 1;
  attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  long result = syscall(SYS_perf_event_open, &attributes, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
  return result < 0 ? -errno : (int)result;
}

uint64_t cperfevents_read(int descriptor) {
  uint64_t values[3];  // count, time enabled, time running
  if (read(descriptor, values, sizeof values) != sizeof values || values[2] == 0) return 0;
  return values[1] == values[2] ? values[0] : (uint64_t)((double)values[0] * values[1] / values[2]);
}
