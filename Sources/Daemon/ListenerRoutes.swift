internal import ChangeFeed
internal import EventLoop
internal import GroupCommit
internal import HTTPServer
internal import HTTPWire
internal import JobsAPI
internal import Observability
internal import Replicate
internal import Routing
internal import Scheduler
internal import StandardWebhooks
internal import Ledger
internal import System
internal import WebhookIntake

/// The part of the daemon that one listener serves.
enum ListenerPurpose: String, CaseIterable {
  case webhooks
  case api
  /// One address for both.
  case shared

  var servesWebhooks: Bool { self != .api }
  var servesAPI: Bool { self != .webhooks }
}

/// Joins the routes of the rooms for one listener.
extension Composition {
  /// - Parameters:
  ///   - loop: the listener's, on which the endpoints run.
  ///   - added: further routes.
  func routes(
    for purpose: ListenerPurpose, on loop: EventLoop, also added: sending [Route] = []
  ) throws(StartError) -> RouteTable {
    let recorder = Recorder(loop: loop, queue: queue)
    var routes: [Route] = []
    if purpose.servesWebhooks { routes += try webhookRoutes(on: loop, recorder) }
    if purpose.servesAPI { routes += try apiRoutes(on: loop, recorder) }
    routes.append(Self.liveness)
    routes += added
    do throws(DuplicateRoute) {
      return try RouteTable(routes)
    } catch {
      throw .route(error)
    }
  }

  private static var liveness: Route {
    Route(
      .get, "/healthz", name: "healthz", summary: "Responds while the listener's loop runs.", access: .open
    ) { _ in
      Response(
        status: .ok, fields: [("Content-Type", "application/json")], body: Array(#"{"status":"ok"}"#.utf8))
    }
  }

  private var maxBodyBytes: Int { settings.listeners.limits.message.maxBodyBytes }

  private func webhookRoutes(on loop: EventLoop, _ recorder: Recorder) throws(StartError) -> [Route] {
    let verifier = DeliveryVerifier(
      secrets: secrets, toleranceSeconds: settings.intake.signatureTolerance.components.seconds,
      metrics: metrics.intake,
      mismatched: { [mailbox = mailbox] in mailbox.noteFailedVerification() })
    guard let verifier else { throw .noHMAC }
    let decoder = DeliveryDecoder(
      rules: settings.provider.outputRules, token: token, metrics: metrics.intake)
    return WebhookEndpoint(
      loop: loop, verifier: verifier, decoder: decoder, recorder: recorder, metrics: metrics.intake,
      deliveryLog: deliveryLog, maxBodyBytes: maxBodyBytes
    ).routes
  }

  private func apiRoutes(on loop: EventLoop, _ recorder: Recorder) throws(StartError) -> [Route] {
    let views = JobViews(loop: loop, reader: try openReader(), pace: mailbox.pace)
    let access = APIAccess(tokens: settings.access.tokens)
    let limits = OrdersEndpoint.Limits(
      isConfigured: settings.provider.token != nil, maxBodyBytes: maxBodyBytes,
      maxQueued: settings.provider.maxQueuedOrders)
    let changes = feed.makeReceiver(on: loop)
    let reads = JobReads(views: views, changes: changes, metrics: metrics.jobsAPI)
    let jobs = JobsEndpoint(views: views, access: access, reads: reads)
    let orders = OrdersEndpoint(
      views: views, access: access, reads: reads, recorder: recorder, metrics: metrics.jobsAPI,
      limits: limits, callbackCheck: settings.capabilities.lazy.compactMap(\.callbackCheck).first,
      wakeScheduler: { [mailbox = mailbox] in mailbox.wake() })
    let probes = ProbesEndpoint(
      views: views, recorder: recorder, lifecycle: lifecycle, metrics: metrics.page,
      access: access)
    let context = APIContext(
      views: views, access: access, reads: reads, metrics: metrics.jobsAPI, recorder: recorder,
      changes: changes, trustedProxies: settings.listeners.trustedProxies, limits: limits,
      wakeScheduler: { [mailbox = mailbox] in mailbox.wake() })
    let added = settings.capabilities.flatMap { $0.routes(context) }
    return jobs.routes + orders.routes + probes.routes + added
  }
}
