import CPerfEvents
import Glibc

/// Counts a process's instructions with a hardware counter.
///
/// Virtual machines often have no such counter, or do not permit its use.
final class InstructionCounter {
  private var descriptors: [Int32] = []
  /// Whether instructions in the kernel are counted.
  let includesKernel: Bool

  /// Nil if nothing can be counted.
  init?(of process: pid_t) {
    let threads = SystemFile.names(in: "/proc/\(process)/task").compactMap { pid_t($0) }
    guard let first = threads.first else { return nil }
    // perf_event_open(2): perf_event_paranoid may permit only user space.
    let probe = cperfevents_count_instructions(first, 1)
    includesKernel = probe >= 0
    if probe >= 0 { close(probe) }
    for thread in threads {
      let descriptor = cperfevents_count_instructions(thread, includesKernel ? 1 : 0)
      if descriptor >= 0 { descriptors.append(descriptor) }
    }
    if descriptors.isEmpty { return nil }
  }

  deinit {
    for descriptor in descriptors { close(descriptor) }
  }

  var count: UInt64 {
    descriptors.reduce(0) { $0 &+ cperfevents_read($1) }
  }
}
