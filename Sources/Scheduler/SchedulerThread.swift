package import EventLoop
package import HTTPClient
package import System

/// The scheduler on a thread of its own.
package struct SchedulerThread {
  private let task: Task<Void, Never>
  private let thread: Thread
  private let client: CurlClient?

  /// - Parameters:
  ///   - loop: the scheduler's, which runs on the thread.
  ///   - client: closed in the end.
  package init(_ scheduler: Scheduler, on loop: EventLoop, client: CurlClient?) throws(SystemError) {
    task = loop.start {
      await scheduler.run()
      loop.stop()
    }
    thread = try Thread(named: "scheduler") { loop.run() }
    self.client = client
  }

  /// Returns within about a second.
  ///
  /// By then the calls in flight are committed or dropped.
  package func stop() {
    task.cancel()
    thread.join()
    client?.close()
  }
}
