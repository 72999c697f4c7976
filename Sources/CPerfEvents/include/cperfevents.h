#pragma once
// Counting instructions of another process (perf_event_open(2)), which glibc has no function for and whose syscall(2) is
// variadic, so that Swift does not see it.
#include <stdint.h>
#include <sys/types.h>

/// Begins to count the instructions of `thread` and of the threads it starts from now on. The descriptor, or the negated
/// errno: ENOENT where the machine has no such counter, EACCES or EPERM where it may not be used.
int cperfevents_count_instructions(pid_t thread, int with_kernel);
/// What has been counted; 0 where nothing can be read. Scaled where the counter was shared with others.
uint64_t cperfevents_read(int descriptor);
