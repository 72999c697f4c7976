import CPerfEvents
import Glibc

/// Counts the instructions of a process from now on, where the machine has a counter for them and lets us use it. Virtual
/// machines often have none.
final class InstructionCounter {
  private var descriptors: [Int32] = []
  /// Those that the kernel spends for the process are among them.
  let includesKernel: Bool

  /// Nil where nothing can be counted.
  init?(of process: pid_t) {
    let threads = SystemFile.names(in: "/proc/\(process)/task").compactMap { pid_t($0) }
    guard let first = threads.first else { return nil }
    // perf_event_open(2): perf_event_paranoid may allow the user's part alone.
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
