package import GroupCommit
internal import HTTPClient
internal import HTTPServer
internal import HTTPWire
package import Logging
package import Observability
package import Replicate
package import Settings
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
  ///   - events: where the dispatcher is told that something may be due.
  ///   - newSecret: takes what webhooks are signed with, where the provider is asked for it.
  /// - Throws: `StoreError`, `SystemError`, or `HTTPClientError` where calls cannot be made.
  package init(
    settings: Settings, queue: CommitQueue, token: JobToken, events: DispatcherInbox, metrics: Metrics,
    logger: Logger, newSecret: @escaping @Sendable (SigningSecret) -> Void
  ) throws {
    let provider = settings.provider
    let context = ProviderContext(
      publicURL: provider.publicURL, token: token, queue: queue, rules: provider.outputRules,
      metrics: metrics,
      logger: logger, newSecret: newSecret)
    var threads: [Thread] = []
    var calls: [BlockingQueue<ProviderCall>] = []
    if let apiToken = provider.token {
      for position in 0..<Self.callerCount {
        let client = try ReplicateClient(
          base: provider.apiURL, token: apiToken, maxBody: settings.limits.message.maxBodyBytes
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
    let reader = try StoreReader(path: settings.databasePath)
    let rules = DispatcherRules(
      createsPerMinute: provider.createsPerMinute,
      retentionMilliseconds: provider.retention.wholeMilliseconds,
      replayMilliseconds: Self.replayTime(tolerance: settings.signatureTolerance).wholeMilliseconds,
      fetchesSecret: provider.token != nil && settings.secrets.isEmpty)
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
