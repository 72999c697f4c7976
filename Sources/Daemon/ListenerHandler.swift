internal import APITokens
internal import ClientAddress
internal import HTTPServer
internal import HTTPWire
internal import Logging
internal import Observability
internal import RefusedRequests
internal import Routing
internal import ServerMetrics

/// Serves the routes of one listener, and counts and logs every refusal.
final class ListenerHandler: RequestHandler, RefusalHandler {
  private let routes: RouteTable
  private let trustedProxies: TrustedProxies
  private let tokens: TokenList
  private let metrics: ListenerMetrics
  private let logger: Logger
  private let refusalLog: RefusalLog

  /// - Parameters:
  ///   - trustedProxies: the proxies whose reports of client addresses are used.
  ///   - tokens: those of the API, whose names the log shows.
  ///   - refusalLog: bounds the log lines that clients can cause.
  init(
    routes: RouteTable, trustedProxies: TrustedProxies, tokens: TokenList, metrics: ListenerMetrics,
    logger: Logger,
    refusalLog: RefusalLog
  ) {
    self.routes = routes
    self.trustedProxies = trustedProxies
    self.tokens = tokens
    self.metrics = metrics
    self.logger = logger
    self.refusalLog = refusalLog
  }

  func admit(_ head: RequestHead, from peer: Peer) -> Admission {
    routes.admit(head, from: peer, refusals: self)
  }

  func refuse(_ refusal: Refusal, from peer: Peer) -> Response {
    refuse(Problem(refusal), head: nil, at: nil, from: peer)
  }

  func refuse(_ refusal: Refusal, of head: RequestHead, from peer: Peer) -> Response {
    refuse(Problem(refusal), head: head, at: routes.match(head.target.segments), from: peer)
  }

  func refuse(
    _ problem: Problem, of head: RequestHead, at match: RouteTable.Match?, from peer: Peer
  ) -> Response {
    refuse(problem, head: head, at: match, from: peer)
  }

  func observe(_ event: ConnectionEvent) {
    switch event {
    case .opened: metrics.openConnections.add()
    case .closed: metrics.openConnections.add(-1)
    case .evicted: metrics.evictedConnections.add()
    case .streamOpened: metrics.openStreams.add()
    case .streamClosed: metrics.openStreams.add(-1)
    case .failed(let failure, let peer):
      metrics.connectionFailures.add(for: failure.reason)
      if let refused = RefusedRequest(failure, from: peer) { refusalLog.report(refused) }
    case .acceptError(let error):
      metrics.acceptErrors.add()
      logger.log(.acceptFailed(cause: error))
    }
  }

  /// Counts and logs a refusal.
  private func refuse(
    _ problem: Problem, head: RequestHead?, at match: RouteTable.Match?, from peer: Peer
  ) -> Response {
    metrics.refusals.add(for: problem.code)
    refusalLog.report(
      RefusedRequest(
        problem, of: head, at: match, from: peer, trusting: trustedProxies, token: tokenName(in: head)))
    return problem.response
  }

  private func tokenName(in head: RequestHead?) -> String? {
    guard let head, case .one(let value) = head.fields.single("authorization") else { return nil }
    return tokens.name(in: value)
  }
}
