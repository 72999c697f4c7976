internal import EventLoop
internal import GroupCommit
internal import HTTPServer
internal import HTTPWire
internal import JobsAPI
internal import Logging
internal import Observability
internal import Replicate
internal import Scheduler
internal import StandardWebhooks
internal import Store
internal import System
internal import TLS
internal import WebhookIntake

/// Makes what serves one purpose: sockets, a loop, and the endpoints that live on it.
struct ListenerBuilder {
  let settings: DaemonSettings
  let logger: Logger
  let deliveryLog: LineLogHandler
  let metrics: Metrics
  let lifecycle: Lifecycle
  let queue: CommitQueue
  let secrets: WebhookSecrets
  let token: JobToken
  /// Told what the provider's threads may have to do with.
  let events: DispatcherInbox
  let handedOver: SocketActivation
  /// Of the listener that takes deliveries.
  let tls: TLSContext?
  let ended: @Sendable (ServerEnd) -> Void

  enum Purpose: String {
    case webhooks
    case api
    /// One address for both.
    case shared

    fileprivate var variable: String { self == .api ? "API_LISTEN" : "WEBHOOK_LISTEN" }
  }

  func start(_ purpose: Purpose, on addresses: [ListenAddress]) throws(StartError) -> RunningListener {
    let kernel = try makeKernel()
    let tls = purpose == .api ? nil : tls
    let opened = try ListeningSockets(
      activation: handedOver, kernel: kernel, backlog: settings.listeners.limits.backlog, usesTLS: tls != nil
    ).open(addresses, for: purpose.variable)
    try requireLoopback(opened.map(\.address), for: purpose)
    let loop = EventLoop(kernel: kernel)
    let refusalLog = RefusalLog(loop: loop, logger: logger)
    let handler = ListenerHandler(
      webhooks: purpose == .api ? nil : try webhookEndpoint(on: loop),
      api: purpose == .webhooks ? nil : try jobsEndpoint(on: loop),
      trustedProxies: settings.listeners.trustedProxies, metrics: metrics, logger: logger,
      refusalLog: refusalLog)
    do throws(SystemError) {
      let listener = try RunningListener(
        named: purpose.rawValue, sockets: opened.map(\.socket), loop: loop, handler: handler,
        limits: settings.listeners.limits, trustedProxies: settings.listeners.trustedProxies, tls: tls,
        ended: { end in
          refusalLog.close()
          ended(end)
        })
      for (socket, address) in opened {
        var metadata = describe(purpose)
        metadata["address"] = "\(address)"
        if socket.usesTLS { metadata["tls"] = "true" }
        logger.notice("listening", metadata: metadata)
      }
      return listener
    } catch {
      throw .system(error)
    }
  }

  /// What the settings make of it: where the provider is told to deliver, and whether it is called.
  private func describe(_ purpose: Purpose) -> Logger.Metadata {
    var metadata: Logger.Metadata = ["purpose": "\(purpose.rawValue)"]
    if purpose != .api {
      metadata["webhook_url"] = "\(settings.provider.publicURL.map { "\($0)/webhooks/replicate" } ?? "none")"
    }
    if purpose != .webhooks {
      metadata["replicate_token"] = settings.provider.token == nil ? "none" : "set"
    }
    return metadata
  }

  private func makeKernel() throws(StartError) -> LinuxKernel {
    do throws(SystemError) {
      return try LinuxKernel()
    } catch {
      throw .system(error)
    }
  }

  /// What is handed over was not in the settings, so that this could not be checked there.
  private func requireLoopback(_ addresses: [SocketAddress], for purpose: Purpose) throws(StartError) {
    guard purpose == .api, settings.access.tokens.isEmpty else { return }
    for address in addresses where !address.isLoopback { throw .openToOthers(address) }
  }

  private func webhookEndpoint(on loop: EventLoop) throws(StartError) -> WebhookEndpoint {
    let (seconds, _) = settings.intake.signatureTolerance.components
    let endpoint = WebhookEndpoint(
      loop: loop, secrets: secrets, toleranceSeconds: seconds, rules: settings.provider.outputRules,
      token: token, recorder: Recorder(loop: loop, queue: queue), metrics: metrics, deliveryLog: deliveryLog,
      bodyLimit: settings.listeners.limits.message.maxBodyBytes,
      verificationFailed: { [events] in events.noteFailedVerification() })
    guard let endpoint else { throw .noHMAC }
    return endpoint
  }

  private func jobsEndpoint(on loop: EventLoop) throws(StartError) -> JobsEndpoint {
    let recorder = Recorder(loop: loop, queue: queue)
    let orders = OrdersEndpoint(
      loop: loop, recorder: recorder, metrics: metrics, isConfigured: settings.provider.token != nil,
      bodyLimit: settings.listeners.limits.message.maxBodyBytes, maxQueued: settings.provider.maxQueuedOrders,
      wakeProvider: { [events] in events.wake() })
    do throws(StoreError) {
      return JobsEndpoint(
        loop: loop, reader: try StoreReader(path: settings.database.path), recorder: recorder, orders: orders,
        pace: events.pace, access: APIAccess(tokens: settings.access.tokens), lifecycle: lifecycle,
        metrics: metrics)
    } catch {
      throw .store(error)
    }
  }
}
