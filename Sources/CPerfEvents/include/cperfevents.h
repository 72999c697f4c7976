#pragma once
// Counts the instructions of another process (perf_event_open(2)). glibc has no function for it, and Swift
// cannot call syscall(2), which is variadic.
#include <stdint.h>
#include <sys/types.h>

/// Starts to count the instructions of `thread` and of the threads that it starts from now on. Returns the
/// descriptor, or the negated errno: ENOENT without such a counter, EACCES or EPERM if it may not be used.
int cperfevents_count_instructions(pid_t thread, int with_kernel);
/// Returns the count; 0 if it cannot be read. The count is scaled if the counter was multiplexed.
uint64_t cperfevents_read(int descriptor);
