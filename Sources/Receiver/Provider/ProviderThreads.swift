internal import ReplicateAPI
internal import EventLoop
internal import HTTPClient
internal import HTTPServer
internal import HTTPWire
internal import Logging
internal import StandardWebhooks
internal import Store

/// The threads that deal with the provider and with time: one that decides, and with a token several that call.
struct ProviderThreads {
  private let events: DispatcherInbox
  private let context: ProviderContext
  private let threads: [Thread]

  /// With answers that take half a second, enough for Replicate's 600 creations a minute.
  static let callerCount = 8

  /// - Parameter events: where the dispatcher is told that something may be due.
  init(
    settings: Settings, queue: CommitQueue, token: JobToken, secrets: WebhookSecrets,
    events: DispatcherInbox, metrics: Metrics, logger: Logger
  ) throws(StartError) {
    let provider = settings.provider
    let context = ProviderContext(
      publicURL: provider.publicURL, token: token, queue: queue, rules: provider.outputRules,
      metrics: metrics,
      logger: logger, newSecret: { FetchedSecret.take($0, for: secrets, logger: logger) })
    var threads: [Thread] = []
    var calls: [BlockingQueue<ProviderCall>] = []
    do {
      if let apiToken = provider.token {
        for position in 0..<Self.callerCount {
          let client = try ReplicateClient(
            base: provider.apiURL, token: apiToken, maxBody: settings.limits.message.bodyBytes
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
    } catch let error as StoreError {
      throw .store(error)
    } catch let error as SystemError {
      throw .system(error)
    } catch {
      throw .provider("\(error)")
    }
    self.events = events
    self.context = context
    self.threads = threads
  }

  /// A delivery may be signed for a moment that is as far ahead as the tolerance allows, and is taken until it is as far behind.
  static func replayTime(tolerance: Duration) -> Duration { tolerance * 2 + .seconds(60) }

  /// Returns when what was under way is committed or given up: within about a second.
  func stop() {
    context.stop()
    events.close()
    for thread in threads { thread.join() }
  }
}

/// The signing secret that the provider tells, for whoever has set none.
enum FetchedSecret {
  /// Asks for it, at start, where nothing can be verified without it.
  static func fetch(_ provider: ProviderSettings, token: APIToken) throws(StartError) -> Secret {
    let outcome: ReplicateClient.Outcome<SigningSecret>
    do throws(HTTPClientError) {
      outcome = try ReplicateClient(base: provider.apiURL, token: token) { false }.signingSecret()
    } catch {
      throw .provider("\(error)")
    }
    switch outcome {
    case .answered(let text):
      do throws(SecretError) {
        return try Secret(text.text)
      } catch {
        // Perhaps not Replicate's answer.
        throw .secretNotFetched("what was answered is no secret: \(error)", mayPass: true)
      }
    case .failed(let failure): throw .secretNotFetched("\(failure)", mayPass: failure.isRetryable)
    case .unsent(let reason), .unanswered(let reason):
      throw .secretNotFetched(reason, mayPass: true)
    }
  }

  /// Signatures have failed: verifies with what the provider says now as well as with what it said before, since what was
  /// signed a moment ago is still on its way.
  static func take(_ text: SigningSecret, for secrets: WebhookSecrets, logger: Logger) {
    guard let new = try? Secret(text.text), secrets.current.first?.revealed != new.revealed else { return }
    secrets.replace(with: [new] + secrets.current.prefix(1))
    logger.notice("the provider signs with another secret: it is taken beside the last one")
  }
}
