package import GroupCommit
internal import HTTPClient
package import Logging
package import Observability
package import Replicate
internal import Store
internal import System
internal import Time

/// The threads that deal with the provider and with time: one that decides, and with a token several that call.
package struct ProviderThreads {
  private let events: DispatcherInbox
  private let context: ProviderContext
  private let threads: [Thread]

  /// With answers that take half a second, enough for Replicate's 600 creations a minute.
  package static let callerCount = 8

  /// - Parameters:
  ///   - maxBodyBytes: the maximum size of an answer about one prediction.
  ///   - signatureTolerance: the maximum age of a delivery's signature.
  ///   - fetchesSecret: whether the webhook secret comes from the provider.
  ///   - events: where the dispatcher is told that something may be due.
  ///   - newSecret: takes what webhooks are signed with, where the provider is asked for it.
  /// - Throws: `StoreError`, `SystemError`, or `HTTPClientError` where calls cannot be made.
  package init(
    settings: ProviderSettings, databasePath: String, maxBodyBytes: Int, signatureTolerance: Duration,
    fetchesSecret: Bool, queue: CommitQueue, token: JobToken, events: DispatcherInbox, metrics: Metrics,
    logger: Logger, newSecret: @escaping @Sendable (SigningSecret) -> Void
  ) throws {
    let context = ProviderContext(
      publicURL: settings.publicURL, token: token, queue: queue, rules: settings.outputRules,
      metrics: metrics,
      logger: logger, newSecret: newSecret)
    var threads: [Thread] = []
    var calls: [BlockingQueue<ProviderCall>] = []
    if let apiToken = settings.token {
      for position in 0..<Self.callerCount {
        let client = try ReplicateClient(
          base: settings.apiURL, token: apiToken, maxBodyBytes: maxBodyBytes
        ) { context.isStopping }
        let inbox = BlockingQueue<ProviderCall>(capacity: 4)
        calls.append(inbox)
        threads.append(
          try Thread(named: "provider-\(position)") {
            ProviderCaller(position: position, client: client, context: context, calls: inbox) { event in
              events.tell(event)
            }.run()
          })
      }
    }
    let reader = try StoreReader(path: databasePath)
    let rules = DispatcherRules(
      createsPerMinute: settings.createsPerMinute,
      retentionMilliseconds: settings.retention.wholeMilliseconds,
      replayMilliseconds: Self.replayTime(tolerance: signatureTolerance).wholeMilliseconds,
      fetchesSecret: fetchesSecret)
    let inboxes = calls
    threads.append(
      try Thread(named: "dispatcher") {
        Dispatcher(
          events: events, queue: queue, reader: reader, callers: inboxes, rules: rules, metrics: metrics,
          logger: logger
        ).run()
      })
    self.events = events
    self.context = context
    self.threads = threads
  }

  /// A delivery may be signed for a moment that is as far ahead as the tolerance allows, and is taken until it is as far behind.
  static func replayTime(tolerance: Duration) -> Duration { tolerance * 2 + .seconds(60) }

  /// Returns when what was under way is committed or given up: within about a second.
  package func stop() {
    context.stop()
    events.close()
    for thread in threads { thread.join() }
  }
}
