package import EventLoop
package import HTTPClient
package import System

/// The scheduler on a thread of its own.
package struct SchedulerThread {
  private let task: Task<Void, Never>
  private let thread: Thread
  private let clients: [CurlClient]

  /// - Parameters:
  ///   - loop: the scheduler's, which runs on the thread.
  ///   - services: further work on the loop, which ends with the scheduler.
  ///   - clients: closed in the end.
  package init(
    _ scheduler: Scheduler, on loop: EventLoop, beside services: [@Sendable () async -> Void],
    clients: [CurlClient]
  ) throws(SystemError) {
    task = loop.start {
      await withDiscardingTaskGroup { group in
        for service in services { group.addTask { await service() } }
        await scheduler.run()
      }
      loop.stop()
    }
    thread = try Thread(named: "scheduler") { loop.run() }
    self.clients = clients
  }

  /// Returns within about a second.
  ///
  /// By then the calls in flight are committed or dropped.
  package func stop() {
    task.cancel()
    thread.join()
    for client in clients { client.close() }
  }
}
