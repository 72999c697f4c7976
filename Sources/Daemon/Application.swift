internal import EventLoop
internal import Glibc
internal import GroupCommit
internal import HTTPServer
internal import HTTPWire
internal import Jobs
internal import JobsAPI
internal import Logging
package import Observability
internal import Replicate
internal import Scheduler
internal import Settings
internal import StandardWebhooks
internal import Store
internal import System
internal import Time
internal import WebhookIntake

/// The daemon: opens the store, listens, serves until a signal, and ends in order.
///
///     main thread   waits for signals, and for the servers' end
///     webhooks      a loop: deliveries
///     api           a loop of its own for the jobs API, so that no question delays a delivery
///     writer        commits
///     checkpoint    moves the write-ahead log
///     log           writes log lines
package final class Application {
  private let settings: DaemonSettings
  private let logger: Logger
  private let metrics: Metrics
  private let lifecycle = Lifecycle()
  private let queue = CommitQueue()
  private let checkpointer = Checkpointer()
  private let events = BlockingQueue<Shutdown.Event>(capacity: 64)
  /// The one that takes deliveries is the first.
  private let listeners: [RunningListener]
  private let certificate: ShownCertificate?
  private let serviceManager: ServiceManager
  private let storeThreads: [Thread]
  private let provider: ProviderThreads

  /// Returns when the daemon serves: its store is open and its addresses are bound.
  ///
  /// - Parameters:
  ///   - environment: where systemd says what it hands over and what it wants to hear.
  ///   - log: where records become lines.
  package init(
    settings: DaemonSettings, environment: [String: String], log: LineLogHandler
  ) throws(StartError) {
    FreeMemory.mapLargeAllocations()
    self.settings = settings
    logger = Logger(label: "replicate-webhookd") { _ in log }
    serviceManager = ServiceManager(environment: environment)
    Self.provideDescriptors(for: settings, logger)
    let secrets = WebhookSecrets(try Self.secrets(settings))
    // A fetched secret may be followed by another.
    metrics = Metrics(secretCount: max(2, settings.intake.secrets.count))
    Self.warnOfUnusualSecrets(settings.intake.secrets, logger)
    certificate = try Self.certificate(settings.listeners.tlsFiles, metrics, logger)
    let token: JobToken
    (storeThreads, token) = try Self.startStore(
      settings, for: queue, checkpointer, metrics: metrics, logger: logger)
    let dispatcherEvents = DispatcherInbox(callers: ProviderThreads.callerCount)
    let builder = ListenerBuilder(
      settings: settings, logger: logger, deliveryLog: log, metrics: metrics, lifecycle: lifecycle,
      queue: queue, secrets: secrets, token: token, events: dispatcherEvents,
      handedOver: SocketActivation(environment: environment), tls: certificate?.context,
      ended: { [events] end in _ = events.push(.serverEnded(end)) })
    if settings.listeners.isShared {
      listeners = [try builder.start(.shared, on: settings.listeners.webhookAddresses)]
    } else {
      listeners = [
        try builder.start(.webhooks, on: settings.listeners.webhookAddresses),
        try builder.start(.api, on: settings.listeners.apiAddresses),
      ]
    }
    provider = try Self.startProvider(
      settings, queue: queue, token: token, events: dispatcherEvents, metrics: metrics, logger: logger
    ) { [logger] secret in FetchedSecret.take(secret, for: secrets, logger: logger) }
    try Self.startSignals(events)
    serviceManager.notify(.ready)
  }

  /// Serves until SIGTERM or SIGINT, then finishes what was received whole.
  ///
  /// - Returns: false where a server failed, a second signal came, or the end of the grace cut a request that had come
  ///   whole. What was acknowledged is stored either way.
  package func run() -> Bool {
    var shutdown = Shutdown(runningServers: listeners.count, grace: settings.shutdownGrace)
    // Ends when every server has ended; after the first signal, the grace bounds that.
    while !shutdown.isOver {
      let batch = events.popAll(timeout: patience(of: shutdown)) ?? []
      for event in batch {
        log(event)
        perform(shutdown.handle(event, at: MonotonicClock.now))
      }
      if batch.isEmpty {
        perform(shutdown.timePassed(at: MonotonicClock.now))
        if let certificate, certificate.patience(at: MonotonicClock.now) == .zero { reloadCertificate() }
      }
    }
    stop()
    return shutdown.isOrderly
  }

  /// Until what comes first by itself: the end of a grace, or the time to read the certificate again.
  private func patience(of shutdown: Shutdown) -> Duration? {
    let now = MonotonicClock.now
    return [shutdown.patience(at: now), certificate?.patience(at: now)].compactMap(\.self).min()
  }

  private func reloadCertificate() {
    if let tls = certificate?.reload() { listeners.first?.show(tls) }
  }

  private func perform(_ action: Shutdown.Action) {
    switch action {
    case .nothing:
      return
    case .reload:
      serviceManager.notify(.reloading)
      reloadCertificate()
      serviceManager.notify(.ready)
    case .drainDeliveries:
      serviceManager.notify(.stopping)
      logger.notice("stopping", metadata: ["grace": "\(SettingValue.text(of: settings.shutdownGrace))"])
      lifecycle.drain()
      listeners.first?.drain()
    case .drainAll:
      lifecycle.drain()
      for listener in listeners { listener.drain() }
    case .abort:
      logger.warning("connections that are still open are cut")
      for listener in listeners { listener.abort() }
    }
  }

  private func log(_ event: Shutdown.Event) {
    switch event {
    case .signal(let signal):
      logger.notice("signal", metadata: ["name": "\(signal)"])
    case .serverEnded(let end):
      if let error = end.error { logger.error("a server has failed", metadata: ["reason": "\(error)"]) }
      guard end.cutRequests > 0 else { return }
      logger.warning(
        "requests were cut before they were answered", metadata: ["count": .number(end.cutRequests)])
    }
  }

  /// In the order of the flow: no more questions, then nothing more to store, then nothing more to move.
  private func stop() {
    provider.stop()
    queue.close()
    checkpointer.close()
    for thread in storeThreads { thread.join() }
    for listener in listeners { listener.stop() }
    logger.notice("stopped")
  }

  /// From the second signal to the end of the process, requests in flight or not.
  private static let lastGrace: Duration = .seconds(3)

  private static func provideDescriptors(for settings: DaemonSettings, _ logger: Logger) {
    // Beside the connections of two listeners: the store's files, loops, logs, and one to refuse with.
    let wanted = 2 * settings.listeners.limits.maxConnections + 64
    let available = DescriptorLimit.raise()
    guard available < wanted else { return }
    logger.warning(
      "fewer descriptors than MAX_CONNECTIONS may need: accepting will pause when they run out",
      metadata: ["available": .number(available), "wanted": .number(wanted)])
  }

  private static func certificate(
    _ files: TLSFiles?, _ metrics: Metrics, _ logger: Logger
  ) throws(StartError) -> ShownCertificate? {
    guard let files else { return nil }
    return try ShownCertificate(files: files, metrics: metrics, logger: logger)
  }

  private static func secrets(_ settings: DaemonSettings) throws(StartError) -> [Secret] {
    try SecretSource(given: settings.intake.secrets, provider: settings.provider).secrets()
  }

  private static func warnOfUnusualSecrets(_ secrets: [Secret], _ logger: Logger) {
    for (index, secret) in secrets.enumerated() {
      guard let warning = secret.lengthWarning else { continue }
      logger.warning(
        "unusual webhook secret", metadata: ["position": .number(index + 1), "reason": "\(warning)"])
    }
  }

  /// The threads end when the queue and the checkpointer are closed.
  private static func startStore(
    _ settings: DaemonSettings, for queue: CommitQueue, _ checkpointer: Checkpointer, metrics: Metrics,
    logger: Logger
  ) throws(StartError) -> (threads: [Thread], token: JobToken) {
    do {
      let path = settings.database.path
      var lock = try DatabaseLock(claiming: path)
      let writer = try StoreWriter(
        path: path, polling: settings.provider.pollPolicy, validateOutput: RequestedOutput.judge,
        restore: ErasedBody.restore)
      try lock.claimWAL()
      let moving = try StoreCheckpointer(path: path) { checkpointer.throttle() }
      let token = try JobToken(keptBy: writer)
      logger.notice("store opened", metadata: ["path": "\(DatabaseLock.absolutePath(of: path))"])
      let threads = [
        try Thread(named: "writer") {
          Committer(
            writer: writer, queue: queue, checkpointer: checkpointer, metrics: metrics, logger: logger
          ).run()
        },
        try Thread(named: "checkpoint") {
          checkpointer.run(moving, metrics: metrics, logger: logger)
        },
      ]
      return (threads, token)
    } catch let error as StoreError {
      throw .store(error)
    } catch let error as SystemError {
      throw .system(error)
    } catch {
      preconditionFailure("an error of no kind that is thrown here: \(error)")
    }
  }

  private static func startProvider(
    _ settings: DaemonSettings, queue: CommitQueue, token: JobToken, events: DispatcherInbox,
    metrics: Metrics,
    logger: Logger, newSecret: @escaping @Sendable (SigningSecret) -> Void
  ) throws(StartError) -> ProviderThreads {
    do {
      return try ProviderThreads(
        settings: settings.provider, databasePath: settings.database.path,
        maxBodyBytes: settings.listeners.limits.message.maxBodyBytes,
        signatureTolerance: settings.intake.signatureTolerance,
        fetchesSecret: settings.provider.token != nil && settings.intake.secrets.isEmpty, queue: queue,
        token: token, events: events, metrics: metrics, logger: logger, newSecret: newSecret)
    } catch let error as StoreError {
      throw .store(error)
    } catch let error as SystemError {
      throw .system(error)
    } catch {
      throw .provider("\(error)")
    }
  }

  /// The thread is never joined: a signal may come until the process ends.
  private static func startSignals(_ events: BlockingQueue<Shutdown.Event>) throws(StartError) {
    do throws(SystemError) {
      _ = try Thread(named: "signals") {
        var stops = 0
        while stops < 2 {
          let signal = Signals.next()
          if signal != .hangUp { stops += 1 }
          _ = events.push(.signal(signal))
        }
        // A disk or a pipe may keep the other threads from ending; what is acknowledged is stored.
        _ = Signals.next(of: [.interrupt, .terminate], within: Self.lastGrace)
        _exit(1)
      }
    } catch {
      throw .system(error)
    }
  }
}
