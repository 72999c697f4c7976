internal import APITokens
internal import ChangeFeed
internal import EventLoop
internal import GroupCommit
internal import HTTPClient
internal import HTTPServer
internal import HTTPWire
internal import JobsAPI
internal import Logging
package import Observability
package import Reload
internal import Scheduler
internal import Settings
internal import StandardWebhooks
internal import Supervision
internal import System
internal import Time
internal import WebhookIntake

/// The daemon's life cycle: start, serve until a signal, drain, stop.
///
///     main thread   waits for signals, and for the end of the servers
///     signals       receives signals
///     webhooks      an event loop for deliveries
///     api           an event loop for the jobs API, so that no read delays a delivery
///     writer        commits; two where PostgreSQL is on another machine
///     checkpoint    moves the WAL of a SQLite file into the database
///     feed, reader  with PostgreSQL: the changes of other daemons, and reads
///     scheduler     an event loop for what is due, and for the calls to the provider
///     provider-N    each makes one blocking call at a time for the scheduler
///     log           writes log lines
package final class Application {
  private let shutdownGrace: Duration
  private let logger: Logger
  private let serviceManager: ServiceManager
  private let events = BlockingQueue<Shutdown.Event>(capacity: 64)
  private let store: RunningStore
  private let composition: Composition
  /// The first one receives deliveries.
  private let listeners: [RunningListener]
  private let certificate: ServedCertificate?
  private let scheduler: SchedulerThread
  private let log: LineLogHandler
  private let settingsReload: SettingsReload
  private let report: ServiceReport

  /// Starts the daemon: when this returns, its store is open and its addresses are bound.
  ///
  /// - Parameters:
  ///   - environment: names the sockets that systemd passes, and its notification socket.
  ///   - reload: reads the settings again.
  ///   - log: writes records as lines.
  package init(
    settings: DaemonSettings, environment: [String: String], reload: SettingsReload, log: LineLogHandler
  ) throws(StartError) {
    self.log = log
    settingsReload = reload
    FreeMemory.mapLargeAllocations()
    shutdownGrace = settings.shutdownGrace
    logger = Logger(label: "replicate-webhookd") { _ in log }
    serviceManager = ServiceManager(environment: environment)
    Self.provideDescriptors(for: settings, logger)
    let secrets = WebhookSecrets(
      try SecretSource(given: settings.intake.secrets, provider: settings.provider).secrets())
    let live = LiveSettings(access: settings.access, provider: settings.provider, secrets: secrets)
    // A fetched secret may be rotated.
    let purposes: [ListenerPurpose] = settings.listeners.isShared ? [.shared] : [.webhooks, .api]
    let queue = CommitQueue()
    let feed = ChangeFeed()
    let engine = try StoreEngines.make(for: settings.database, logger: logger)
    let metrics = DaemonMetrics(
      secretCount: max(2, settings.intake.secrets.count), purposes: purposes, queue: queue,
      capabilities: settings.capabilities, access: live.tokens.metrics,
      store: engine.metrics)
    Self.warnOfUnusualSecrets(settings.intake.secrets, logger)
    certificate = try Self.certificate(settings.listeners.tlsFiles, metrics.certificateExpiry, logger)
    let migration = MigrationReport(serviceManager: serviceManager, logger: logger)
    defer { migration.end() }
    store = try RunningStore(
      of: engine, for: settings, queue: queue, feed: feed, metrics: metrics.commits, logger: logger
    ) { migration.note($0) }
    logger.log(.storeOpened(store.engine.location))
    let mailbox = try StartError.converting { Mailbox(loop: EventLoop(kernel: try LinuxKernel())) }
    composition = Composition(
      settings: settings, metrics: metrics, queue: queue, feed: feed, live: live,
      token: store.token, keys: store.keys, mailbox: mailbox, readers: store.engine, deliveryLog: log,
      logger: logger)
    let builder = ListenerBuilder(
      composition: composition, handedOver: SocketActivation(environment: environment),
      tls: certificate?.context, ended: { [events] end in _ = events.push(.serverEnded(end)) })
    var listeners: [RunningListener] = []
    for purpose in purposes {
      let addresses =
        purpose.servesWebhooks ? settings.listeners.webhookAddresses : settings.listeners.apiAddresses
      listeners.append(try builder.start(purpose, on: addresses))
    }
    self.listeners = listeners
    scheduler = try StartError.converting { [composition] in
      var clients: [CurlClient] = []
      func makeClient(_ threads: Int, _ name: String) throws -> CurlClient {
        let client = try CurlClient(threads: threads, named: name)
        clients.append(client)
        return client
      }
      let client =
        settings.provider.token == nil
        ? nil : try makeClient(composition.schedulerPolicy.maxCalls, "provider")
      let scheduler = try composition.scheduler(client: client)
      let services = try composition.services(makeClient: makeClient)
      return try SchedulerThread(
        scheduler, on: mailbox.loop, beside: services.map { service in { await service.run() } },
        clients: clients)
    }
    try SignalThread.start { [events] in _ = events.push(.signal($0)) }
    report = ServiceReport(
      to: serviceManager, watchdog: Watchdog(Self.parts(listeners, store, mailbox)),
      metrics: metrics.page(pace: mailbox.pace), logger: logger, now: MonotonicClock.now)
    serviceManager.notify(.ready)
  }

  /// What must move while the daemon runs.
  private static func parts(
    _ listeners: [RunningListener], _ store: RunningStore, _ mailbox: Mailbox
  ) -> [WatchedPart] {
    listeners.map { WatchedPart(named: $0.name, $0.loop) }
      + store.progress.map { progress in WatchedPart(named: "writer") { progress.turns } }
      + [WatchedPart(named: "scheduler", prod: { mailbox.wake() }, turns: { mailbox.turns })]
  }

  /// Serves until SIGTERM or SIGINT, then answers the requests that are complete.
  ///
  /// - Returns: false if a server failed, a second signal came, or a complete request was cut when the grace
  ///   expired. What is acknowledged is stored in any case.
  package func run() -> Bool {
    var shutdown = Shutdown(runningServers: listeners.count, grace: shutdownGrace)
    // Ends when every server has ended; after the first signal, the grace bounds the time to that.
    while !shutdown.isOver {
      let batch = events.popAll(timeout: timeout(of: shutdown)) ?? []
      for event in batch {
        log(event)
        perform(shutdown.handle(event, at: MonotonicClock.now))
      }
      report.runIfDue(at: MonotonicClock.now)
      if batch.isEmpty {
        perform(shutdown.handleTimeout(at: MonotonicClock.now))
        if let certificate, certificate.timeToReload(at: MonotonicClock.now) == .zero { reloadCertificate() }
      }
    }
    stop()
    return shutdown.isClean
  }

  /// The time to the end of the grace, the next reload of the certificate, or the next report.
  private func timeout(of shutdown: Shutdown) -> Duration? {
    let now = MonotonicClock.now
    return [shutdown.timeLeft(at: now), certificate?.timeToReload(at: now), report.timeLeft(at: now)]
      .compactMap(\.self).min()
  }

  private func reloadCertificate() {
    if let tls = certificate?.reload() { listeners.first?.show(tls) }
  }

  /// Uses the settings as they are now, if none is wrong.
  private func reloadSettings() {
    do throws(SettingProblems) {
      let (settings, changes) = try settingsReload.run(DaemonSettings.init)
      let hasLostAccess = composition.live.apply(
        changes, access: settings.access, provider: settings.provider, intake: settings.intake)
      log.show(settings.log.level)
      for (running, new) in zip(composition.settings.capabilities, settings.capabilities) {
        running.adopt(new)
      }
      Self.provideDescriptors(for: settings, logger)
      for listener in listeners { listener.show(settings.listeners.limits) }
      if hasLostAccess { for listener in listeners { listener.restartStreams() } }
      composition.mailbox.wake()
      for line in [.settingsReloaded(changes), .settingsPending(changes)].compactMap(\.self) as [LogEntry] {
        logger.log(line)
      }
    } catch {
      for problem in error.problems { logger.log(.settingsRejected(problem)) }
    }
  }

  private func perform(_ action: Shutdown.Action) {
    switch action {
    case .nothing:
      return
    case .reload:
      serviceManager.notify(.reloading)
      reloadSettings()
      reloadCertificate()
      for capability in composition.settings.capabilities { capability.reload() }
      serviceManager.notify(.ready)
    case .drainDeliveries:
      serviceManager.notify(.stopping)
      logger.log(.stopping(grace: shutdownGrace))
      composition.lifecycle.drain()
      listeners.first?.drain()
      // Their clients reconnect elsewhere, and must not wait for the last delivery.
      for listener in listeners { listener.endStreams() }
    case .drainAll:
      composition.lifecycle.drain()
      for listener in listeners { listener.drain() }
    case .abort:
      logger.log(.graceExpired)
      for listener in listeners { listener.abort() }
    }
  }

  private func log(_ event: Shutdown.Event) {
    switch event {
    case .signal(let signal):
      logger.log(.signalReceived(signal))
    case .serverEnded(let end):
      if let error = end.error { logger.log(.listenerFailed(cause: error)) }
      if end.cutRequests > 0 { logger.log(.requestsCut(count: end.cutRequests)) }
    }
  }

  /// Stops the threads in the order of the flow: calls, then commits and checkpoints, then the loops.
  private func stop() {
    // The scheduler's last commits would otherwise wait for a server that does not answer.
    store.engine.abandonWaits()
    scheduler.stop()
    store.stop()
    for listener in listeners { listener.stop() }
    logger.log(.stopped)
  }

  private static func provideDescriptors(for settings: DaemonSettings, _ logger: Logger) {
    // The connections of two listeners; the store's files, loops, logs, and a spare one to refuse with.
    let wanted = 2 * settings.listeners.limits.maxConnections + 64
    let available = DescriptorLimit.raise()
    guard available < wanted else { return }
    logger.log(.descriptorsScarce(available: available, wanted: wanted))
  }

  private static func certificate(
    _ files: TLSFiles?, _ expiryMetric: Gauge, _ logger: Logger
  ) throws(StartError) -> ServedCertificate? {
    guard let files else { return nil }
    return try ServedCertificate(files: files, expiryMetric: expiryMetric, logger: logger)
  }

  private static func warnOfUnusualSecrets(_ secrets: [Secret], _ logger: Logger) {
    for (index, secret) in secrets.enumerated() {
      guard let warning = secret.lengthWarning else { continue }
      logger.log(.secretUnusual(position: index + 1, reason: "\(warning)"))
    }
  }
}
