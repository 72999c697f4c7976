internal import EventLoop
internal import Synchronization
package import System

/// Writes log lines to a descriptor from a thread of its own, so that a slow reader of our log never stops a loop.
///
/// Lines are bounded in number: what does not fit is counted, and the count is logged when there is room again.
package final class LogSink: Sendable {
  private let lines = BlockingQueue<[UInt8]>(capacity: 16_384)
  private let dropped = Atomic<Int>(0)
  private let descriptor: Int32
  /// How late a line may be written: under load, a wake-up for each would cost more than the line.
  private static let gathering: Duration = .milliseconds(5)
  /// How long ``close()`` waits for a reader of the log.
  private static let flushTimeout: Duration = .seconds(1)
  private let thread = Mutex<Thread?>(nil)
  /// Set when the thread ends.
  private let end = OneShot<Void>()

  /// - Parameter descriptor: stays open as long as the sink; 2 is standard error.
  package init(descriptor: Int32 = 2) throws(SystemError) {
    self.descriptor = descriptor
    let thread = try Thread(named: "log") { [self] in drain() }
    self.thread.withLock { $0 = thread }
  }

  package func write(_ line: [UInt8]) {
    if !lines.push(line) { dropped.add(1, ordering: .relaxed) }
  }

  /// Writes the lines that wait, and ends the thread. Lines that come later are lost.
  ///
  /// - Returns: false where nobody reads the log: a write to a full pipe never returns, so after
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
    while let batch = lines.popAll(batchWindow: Self.gathering) {
      var bytes = batch.flatMap(\.self)
      let lost = dropped.exchange(0, ordering: .relaxed)
      if lost > 0 { bytes += Array("\(lost) log lines were dropped: the log is read too slowly\n".utf8) }
      // There is nowhere to report that nobody reads the log any more.
      BlockingOutput.write(bytes, to: descriptor)
    }
    end.set(())
  }
}
