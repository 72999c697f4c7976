internal import EventLoop
internal import GroupCommit
internal import HTTPServer
internal import HTTPWire
internal import Logging
package import Observability
internal import Scheduler
internal import Settings
internal import StandardWebhooks
internal import Store
internal import System
internal import Time
internal import WebhookIntake

/// The daemon's life cycle: start, serve until a signal, drain, stop.
///
///     main thread   waits for signals, and for the end of the servers
///     signals       receives signals
///     webhooks      an event loop for deliveries
///     api           an event loop for the jobs API, so that no read delays a delivery
///     writer        commits
///     checkpoint    moves the WAL into the database
///     dispatcher    decides what is due; the threads provider-N call the provider
///     log           writes log lines
package final class Application {
  private let shutdownGrace: Duration
  private let logger: Logger
  private let metrics: Metrics
  private let serviceManager: ServiceManager
  private let lifecycle = Lifecycle()
  private let events = BlockingQueue<Shutdown.Event>(capacity: 64)
  private let store: RunningStore
  /// The first one receives deliveries.
  private let listeners: [RunningListener]
  private let certificate: ServedCertificate?
  private let provider: SchedulerThreads

  /// Starts the daemon: when this returns, its store is open and its addresses are bound.
  ///
  /// - Parameters:
  ///   - environment: names the sockets that systemd passes, and its notification socket.
  ///   - log: writes records as lines.
  package init(
    settings: DaemonSettings, environment: [String: String], log: LineLogHandler
  ) throws(StartError) {
    FreeMemory.mapLargeAllocations()
    shutdownGrace = settings.shutdownGrace
    logger = Logger(label: "replicate-webhookd") { _ in log }
    serviceManager = ServiceManager(environment: environment)
    Self.provideDescriptors(for: settings, logger)
    let secrets = WebhookSecrets(
      try SecretSource(given: settings.intake.secrets, provider: settings.provider).secrets())
    // A fetched secret may be rotated.
    metrics = Metrics(secretCount: max(2, settings.intake.secrets.count))
    Self.warnOfUnusualSecrets(settings.intake.secrets, logger)
    certificate = try Self.certificate(settings.listeners.tlsFiles, metrics, logger)
    store = try RunningStore(
      path: settings.database.path, polling: settings.provider.pollPolicy, metrics: metrics, logger: logger)
    logger.notice(
      "store opened", metadata: ["path": "\(DatabaseLock.absolutePath(of: settings.database.path))"])
    let mailbox = Mailbox(maxCallers: SchedulerThreads.callerCount)
    let services = SharedServices(
      metrics: metrics, deliveryLog: log, lifecycle: lifecycle, queue: store.queue, secrets: secrets,
      token: store.token,
      mailbox: mailbox)
    let builder = ListenerBuilder(
      settings: settings, logger: logger, routes: ListenerRoutes(settings: settings, services: services),
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
    provider = try StartError.converting { [store, metrics, logger] in
      try SchedulerThreads(
        settings: settings.provider, databasePath: settings.database.path,
        maxBodyBytes: settings.listeners.limits.message.maxBodyBytes,
        signatureTolerance: settings.intake.signatureTolerance,
        fetchesSecret: settings.provider.token != nil && settings.intake.secrets.isEmpty,
        queue: store.queue, token: store.token, mailbox: mailbox, metrics: metrics, logger: logger
      ) { FetchedSecret.rotate(to: $0, in: secrets, logger: logger) }
    }
    try SignalThread.start { [events] in _ = events.push(.signal($0)) }
    serviceManager.notify(.ready)
  }

  /// Serves until SIGTERM or SIGINT, then answers the requests that are complete.
  ///
  /// - Returns: false if a server failed, a second signal came, or a complete request was cut when the grace
  ///   expired. Whatever is acknowledged is stored in any case.
  package func run() -> Bool {
    var shutdown = Shutdown(runningServers: listeners.count, grace: shutdownGrace)
    // Ends when every server has ended; after the first signal, the grace bounds the time to that.
    while !shutdown.isOver {
      let batch = events.popAll(timeout: timeout(of: shutdown)) ?? []
      for event in batch {
        log(event)
        perform(shutdown.handle(event, at: MonotonicClock.now))
      }
      if batch.isEmpty {
        perform(shutdown.handleTimeout(at: MonotonicClock.now))
        if let certificate, certificate.timeToReload(at: MonotonicClock.now) == .zero { reloadCertificate() }
      }
    }
    stop()
    return shutdown.isClean
  }

  /// The time to the end of the grace or the next reload of the certificate, whichever is earlier.
  private func timeout(of shutdown: Shutdown) -> Duration? {
    let now = MonotonicClock.now
    return [shutdown.timeLeft(at: now), certificate?.timeToReload(at: now)].compactMap(\.self).min()
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
      logger.notice("stopping", metadata: ["grace": "\(SettingValue.text(of: shutdownGrace))"])
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

  /// Stops the threads in the order of the flow: calls, then commits and checkpoints, then the loops.
  private func stop() {
    provider.stop()
    store.stop()
    for listener in listeners { listener.stop() }
    logger.notice("stopped")
  }

  private static func provideDescriptors(for settings: DaemonSettings, _ logger: Logger) {
    // The connections of two listeners; the store's files, loops, logs, and a spare one to refuse with.
    let wanted = 2 * settings.listeners.limits.maxConnections + 64
    let available = DescriptorLimit.raise()
    guard available < wanted else { return }
    logger.warning(
      "fewer descriptors than MAX_CONNECTIONS may need: accepting will pause when they run out",
      metadata: ["available": .number(available), "wanted": .number(wanted)])
  }

  private static func certificate(
    _ files: TLSFiles?, _ metrics: Metrics, _ logger: Logger
  ) throws(StartError) -> ServedCertificate? {
    guard let files else { return nil }
    return try ServedCertificate(files: files, metrics: metrics, logger: logger)
  }

  private static func warnOfUnusualSecrets(_ secrets: [Secret], _ logger: Logger) {
    for (index, secret) in secrets.enumerated() {
      guard let warning = secret.lengthWarning else { continue }
      logger.warning(
        "unusual webhook secret", metadata: ["position": .number(index + 1), "reason": "\(warning)"])
    }
  }
}
