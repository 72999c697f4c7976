package import GroupCommit
internal import HTTPClient
package import Logging
internal import Observability
package import Replicate
internal import Store
internal import System
internal import Time

/// The scheduler's threads: the dispatcher, and callers if there is a token.
package struct SchedulerThreads {
  private let mailbox: Mailbox
  private let context: ProviderContext
  private let threads: [Thread]

  /// Enough for Replicate's 600 creates a minute, at half a second each.
  package static let callerCount = 8

  /// - Parameters:
  ///   - maxBodyBytes: the maximum size of an answer about one prediction.
  ///   - signatureTolerance: the maximum age of a delivery's signature.
  ///   - fetchesSecret: whether the webhook secret comes from the provider.
  ///   - mailbox: the dispatcher's mailbox.
  ///   - newSecret: receives the signing secret of webhooks, where it is fetched from the provider.
  /// - Throws: `StoreError`, `SystemError`, or `HTTPClientError` where calls cannot be made.
  package init(
    settings: ProviderSettings, databasePath: String, maxBodyBytes: Int, signatureTolerance: Duration,
    fetchesSecret: Bool, queue: CommitQueue, token: JobToken, mailbox: Mailbox, metrics: SchedulerMetrics,
    logger: Logger, newSecret: @escaping @Sendable (SigningSecret) -> Void
  ) throws {
    let context = ProviderContext(
      publicURL: settings.publicURL, token: token, queue: queue, rules: settings.outputRules,
      metrics: metrics, logger: logger, newSecret: newSecret)
    let (callers, calls) = try Self.startCallers(
      settings, maxBodyBytes: maxBodyBytes, context, mailbox)
    let reader = try StoreReader(path: databasePath)
    let policy = DispatcherPolicy(
      createsPerMinute: settings.createsPerMinute,
      retentionMilliseconds: settings.retention.wholeMilliseconds,
      replayMilliseconds: Self.replayTime(tolerance: signatureTolerance).wholeMilliseconds,
      fetchesSecret: fetchesSecret)
    let dispatcher = try Thread(named: "dispatcher") {
      Dispatcher(
        mailbox: mailbox, queue: queue, reader: reader, callers: calls, policy: policy, metrics: metrics,
        logger: logger
      ).run()
    }
    self.mailbox = mailbox
    self.context = context
    threads = callers + [dispatcher]
  }

  /// - Returns: the threads, and each one's queue of calls; none without a token.
  private static func startCallers(
    _ settings: ProviderSettings, maxBodyBytes: Int, _ context: ProviderContext, _ mailbox: Mailbox
  ) throws -> (threads: [Thread], calls: [BlockingQueue<ProviderCall>]) {
    guard let token = settings.token else { return ([], []) }
    var threads: [Thread] = []
    var queues: [BlockingQueue<ProviderCall>] = []
    for position in 0..<callerCount {
      let client = try ReplicateClient(
        base: settings.apiURL, token: token, maxBodyBytes: maxBodyBytes
      ) { context.isStopping }
      let calls = BlockingQueue<ProviderCall>(capacity: 4)
      queues.append(calls)
      threads.append(
        try Thread(named: "provider-\(position)") {
          ProviderCaller(position: position, client: client, context: context, calls: calls) { event in
            mailbox.send(event)
          }.run()
        })
    }
    return (threads, queues)
  }

  /// The time after a delivery within which its signature stays valid.
  ///
  /// It may be signed as far in the future as the tolerance allows, and is accepted until it is as far in the
  /// past.
  static func replayTime(tolerance: Duration) -> Duration { tolerance * 2 + .seconds(60) }

  /// Returns within about a second.
  ///
  /// By then the calls in flight are committed or dropped.
  package func stop() {
    context.stop()
    mailbox.close()
    for thread in threads { thread.join() }
  }
}
