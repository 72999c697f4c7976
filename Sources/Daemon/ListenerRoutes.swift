internal import APITokens
internal import ChangeFeed
internal import EventLoop
internal import GroupCommit
internal import HTTPServer
internal import HTTPWire
internal import JobsAPI
internal import Observability
internal import Reload
internal import Routing
internal import Scheduler
internal import ServerMetrics
internal import StandardWebhooks
internal import StoreSeam
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
    if purpose == .webhooks { routes += try sharedRoutes(on: loop, recorder) }
    routes.append(Self.liveness)
    routes += added
    do throws(DuplicateRoute) {
      let table = try RouteTable(routes)
      metrics.listeners.requests.measure(table, of: purpose.rawValue)
      return table
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
      secrets: live.secrets, toleranceSeconds: settings.intake.signatureTolerance.components.seconds,
      metrics: metrics.intake,
      mismatched: { [mailbox = mailbox] in mailbox.noteFailedVerification() })
    guard let verifier else { throw .noHMAC }
    let decoder = DeliveryDecoder(
      rules: live.outputRules, token: token, metrics: metrics.intake)
    return WebhookEndpoint(
      loop: loop, verifier: verifier, decoder: decoder, recorder: recorder, metrics: metrics.intake,
      deliveryLog: deliveryLog, maxBodyBytes: maxBodyBytes
    ).routes
  }

  private func apiRoutes(on loop: EventLoop, _ recorder: Recorder) throws(StartError) -> [Route] {
    let views = makeViews(on: loop, over: try openReader())
    let sharing = sharing
    let access = APIAccess(
      tokens: live.tokens, sessions: sessions, readTokens: sharing?.tokens,
      noteChange: { [logger] in logger.log(.changed(by: $0, $1.method, $1.target)) }, now: { views.now })
    let context = context(views, access, recorder, on: loop)
    let orders = OrdersEndpoint(
      views: views, access: access, reads: context.reads, recorder: recorder, metrics: metrics.jobsAPI,
      limits: context.limits, callbackCheck: context.callbackCheck, keepsFiles: context.keepsFiles,
      wakeScheduler: context.wakeScheduler)
    let probes = ProbesEndpoint(
      views: views, recorder: recorder, lifecycle: lifecycle, metrics: metrics.page(pace: mailbox.pace),
      access: access)
    let routes =
      JobsEndpoint(views: views, access: access, reads: context.reads).routes + orders.routes
      + probes.routes + settings.capabilities.flatMap { $0.routes(context) }
    guard let sharing, !sharing.origins.isEmpty else { return routes }
    return CrossOriginPolicy(origins: sharing.origins, isApplied: access.admitsPages)
      .apply(to: routes) { $0.access == .readToken }
  }

  /// The reads of single jobs that are also open to web pages: none unless the settings name origins.
  private func sharedRoutes(on loop: EventLoop, _ recorder: Recorder) throws(StartError) -> [Route] {
    guard let sharing, !sharing.origins.isEmpty else { return [] }
    let views = makeViews(on: loop, over: try openReader())
    let access = APIAccess(
      tokens: TokenList([]), readTokens: sharing.tokens, isPublic: true, now: { views.now })
    let context = context(views, access, recorder, on: loop)
    let routes =
      JobsEndpoint(views: views, access: access, reads: context.reads).routes
      + settings.capabilities.flatMap { $0.routes(context) }
    return CrossOriginPolicy(origins: sharing.origins)
      .apply(to: routes.filter { $0.access == .readToken }) { _ in true }
  }

  private func context(
    _ views: JobViews, _ access: APIAccess, _ recorder: Recorder, on loop: EventLoop
  ) -> APIContext {
    let limits = OrdersEndpoint.Limits(
      isConfigured: settings.provider.token != nil, maxBodyBytes: maxBodyBytes,
      maxQueued: live.maxQueuedOrders)
    let changes = feed.makeReceiver(on: loop)
    return APIContext(
      views: views, access: access,
      reads: JobReads(
        views: views, changes: changes, metrics: metrics.jobsAPI,
        trustedProxies: settings.listeners.trustedProxies),
      metrics: metrics.jobsAPI, recorder: recorder, changes: changes, keys: keys, limits: limits,
      callbackCheck: settings.capabilities.lazy.compactMap(\.callbackCheck).first,
      keepsFiles: settings.capabilities.contains { $0.keepsFiles },
      announced: settings.capabilities.compactMap(\.announcedDocuments),
      fileSources: settings.capabilities.flatMap(\.fileSources),
      trustedProxies: settings.listeners.trustedProxies,
      wakeScheduler: { [mailbox = mailbox] in mailbox.wake() })
  }

  private var sessions: (any SessionVerifier)? {
    settings.capabilities.lazy.compactMap { $0.sessions(keys, of: live.tokens) }.first
  }

  private var sharing: JobSharing? { settings.capabilities.lazy.compactMap { $0.jobSharing(keys) }.first }
}
