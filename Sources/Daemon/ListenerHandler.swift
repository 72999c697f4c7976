internal import APITokens
internal import ClientAddress
internal import HTTPServer
internal import HTTPWire
internal import Logging
internal import Observability
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
      guard let explanation = failure.explanation else { return }
      refusalLog.write(
        .connectionFailed(failure.reason),
        ["client": .text("\(peer.address)"), "reason": .text(explanation)])
    case .acceptError(let error):
      metrics.acceptErrors.add()
      logger.log(.acceptFailed(cause: error))
    }
  }

  /// Counts and logs a refusal.
  ///
  /// The log adds the exact cause and the client, but quotes nothing of the request except an unknown path.
  private func refuse(
    _ problem: Problem, head: RequestHead?, at match: RouteTable.Match?, from peer: Peer
  ) -> Response {
    metrics.refusals.add(for: problem.code)
    refusalLog.write(
      .refused(problem.code, isServerError: problem.status.code >= 500),
      details(of: problem, head, match, from: peer))
    return problem.response
  }

  private func details(
    of problem: Problem, _ head: RequestHead?, _ match: RouteTable.Match?, from peer: Peer
  ) -> LogFields {
    var details: LogFields = [
      "client": .text("\(client(of: head, from: peer))"), "reason": .text(problem.reason ?? problem.detail),
      "status": .number(problem.status.code),
    ]
    guard let head else { return details }
    if case .one(let value) = head.fields.single("authorization"), let name = tokens.name(in: value) {
      details["token"] = .text(name)
    }
    if problem.code == .notFound {
      // An unknown path is most often a webhook's URL with a mistake in it. Its query may hold a token.
      details["method"] = .text(String(head.method.name.prefix(LogEntry.maxShownCharacters)))
      details["path"] = .text(LogEntry.path(of: head.target))
    } else if let match {
      details["route"] = .text(match.name)
    }
    return details
  }

  private func client(of head: RequestHead?, from peer: Peer) -> PeerAddress {
    guard let head else { return peer.address }
    return ForwardedFor(
      peer: peer.address, forwardedFor: head.fields.all("x-forwarded-for"),
      forwarded: head.fields.all("forwarded"), trusting: trustedProxies
    ).client
  }
}
