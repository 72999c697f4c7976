internal import EventLoop
package import GroupCommit
internal import HTTPClient
package import Logging
package import Replicate
internal import Store
internal import System
internal import Time

/// The scheduler on a thread of its own, with the network as its provider.
package struct SchedulerThread {
  private let task: Task<Void, Never>
  private let thread: Thread
  private let client: CurlClient?

  /// - Parameters:
  ///   - maxBodyBytes: the maximum size of an answer about one prediction.
  ///   - mailbox: its loop runs on the thread.
  ///   - newSecret: see ``Scheduler``.
  /// - Throws: `StoreError`, `SystemError`, or `HTTPClientError` where calls cannot be made.
  package init(
    settings: ProviderSettings, databasePath: String, maxBodyBytes: Int, policy: SchedulerPolicy,
    queue: CommitQueue, token: JobToken, mailbox: Mailbox, metrics: SchedulerMetrics, logger: Logger,
    newSecret: @escaping @Sendable (SigningSecret) -> Void
  ) throws {
    let client =
      settings.token == nil ? nil : try CurlClient(threads: policy.maxCalls, named: "provider")
    let api = settings.token.flatMap { token in
      client.map {
        ReplicateClient(base: settings.apiURL, token: token, maxBodyBytes: maxBodyBytes, client: $0)
      }
    }
    let scheduler = Scheduler(
      mailbox: mailbox, client: api, publicURL: settings.publicURL, rules: settings.outputRules, token: token,
      reader: try StoreReader(path: databasePath), queue: queue, policy: policy, metrics: metrics,
      logger: logger, newSecret: newSecret)
    let loop = mailbox.loop
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
