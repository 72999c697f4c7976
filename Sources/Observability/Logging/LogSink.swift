internal import Logging
internal import Synchronization
package import System
internal import Time

/// A thread that writes log lines to a descriptor.
///
/// A slow reader of the log therefore never blocks a loop. The number of queued lines is bounded. Lines that
/// do not fit are dropped and counted, and the count is logged when there is room again.
package final class LogSink: Sendable {
  let format: LogFormat
  let hasPriorities: Bool
  private let lines = BlockingQueue<[UInt8]>(capacity: 16_384)
  private let dropped = Atomic<Int>(0)
  private let descriptor: Int32
  /// The maximum delay of a line. Under load, a wake-up per line would cost more than the line.
  private static let batchWindow: Duration = .milliseconds(5)
  /// How long ``close()`` waits for a reader of the log.
  private static let flushTimeout: Duration = .seconds(1)
  private let thread = Mutex<Thread?>(nil)
  /// Set when the thread ends.
  private let end = OneShot<Void>()

  /// - Parameters:
  ///   - descriptor: stays open as long as the sink; 2 is standard error.
  ///   - hasPriorities: whether lines begin with their priority, for systemd's journal.
  package init(
    format: LogFormat = .text, descriptor: Int32 = 2, hasPriorities: Bool = false
  ) throws(SystemError) {
    self.format = format
    self.hasPriorities = hasPriorities
    self.descriptor = descriptor
    let thread = try Thread(named: "log") { [self] in drain() }
    self.thread.withLock { $0 = thread }
  }

  package func write(_ line: [UInt8]) {
    if !lines.push(line) { dropped.add(1, ordering: .relaxed) }
  }

  /// Writes the queued lines, and ends the thread. Later lines are lost.
  ///
  /// - Returns: false if the log has no reader. A write to a full pipe never returns, so after
  ///   ``flushTimeout`` the thread is left to the end of the process.
  package func close() -> Bool {
    lines.close()
    guard end.wait(timeout: Self.flushTimeout) != nil else { return false }
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
    return true
  }

  private func drain() {
    // Ends when the queue is closed and empty.
    while let batch = lines.popAll(batchWindow: Self.batchWindow) {
      var bytes = batch.flatMap(\.self)
      let count = dropped.exchange(0, ordering: .relaxed)
      if count > 0 { bytes += line(.linesDropped(count)) }
      // There is nowhere to report that nobody reads the log any more.
      BlockingOutput.write(bytes, to: descriptor)
    }
    end.set(())
  }

  private func line(_ entry: LogEntry) -> [UInt8] {
    let time = Timestamp(milliseconds: WallClock.milliseconds)
    var line = LogLine(
      format, at: time, level: entry.level, message: entry.message, hasPriority: hasPriorities)
    for (name, value) in entry.fields.pairs { line.add(name, value) }
    return line.ended()
  }
}

extension LogEntry {
  fileprivate static func linesDropped(_ count: Int) -> LogEntry {
    LogEntry(.warning, "log lines dropped: the log is read too slowly", ["count": .number(count)])
  }
}
