internal import ClientAddress
internal import EventLoop
internal import HTTPServer
internal import HTTPWire
internal import JobsAPI
internal import Logging
internal import Observability
internal import Routing
internal import WebhookIntake

/// What one listener serves: webhooks, the jobs API, or both. The one place where a refusal is counted and logged.
final class ListenerHandler: RequestHandler {
  private let webhooks: WebhookEndpoint?
  private let api: JobsEndpoint?
  private let trustedProxies: TrustedProxies
  private let metrics: Metrics
  private let logger: Logger
  private let refusalLog: RefusalLog

  /// - Parameters:
  ///   - webhooks: nil where this listener takes no deliveries.
  ///   - api: nil where this listener shows no jobs.
  ///   - trustedProxies: whose word on their clients' addresses counts.
  ///   - refusalLog: where what strangers cause is logged, within bounds.
  init(
    webhooks: WebhookEndpoint?, api: JobsEndpoint?, trustedProxies: TrustedProxies, metrics: Metrics,
    logger: Logger, refusalLog: RefusalLog
  ) {
    self.trustedProxies = trustedProxies
    self.webhooks = webhooks
    self.api = api
    self.metrics = metrics
    self.logger = logger
    self.refusalLog = refusalLog
  }

  func admit(_ head: RequestHead, from peer: Peer) -> Admission {
    do throws(Problem) {
      return .receive(bodyLimit: try bodyLimit(for: head))
    } catch {
      return .refuse(refuse(error, of: head, from: peer))
    }
  }

  func respond(to request: Request) async -> Response {
    do throws(Problem) {
      switch Route(request.head.target.segments) {
      case .webhook?:
        guard let webhooks else { throw .notFound }
        return try await webhooks.respond(to: request)
      case .server?:
        return Response(status: .noContent, fields: [("Allow", "GET, HEAD, POST, OPTIONS")])
      case .liveness?:
        return Response(
          status: .ok, fields: [("Content-Type", "application/json")], body: Array(#"{"status":"ok"}"#.utf8))
      case let route?:
        guard let api else { throw .notFound }
        return try await api.respond(to: request, route)
      case nil:
        throw .notFound
      }
    } catch {
      return refuse(error, of: request.head, from: request.peer)
    }
  }

  func refuse(_ refusal: Refusal, from peer: Peer) -> Response {
    refuse(Problem(refusal), of: nil, from: peer)
  }

  func observe(_ event: ConnectionEvent) {
    switch event {
    case .opened: metrics.openConnections.add()
    case .closed: metrics.openConnections.add(-1)
    case .evicted: metrics.displacedConnections.add()
    case .failed(let failure, let peer):
      metrics.connectionFailures[failure.reason.rawValue]?.add()
      guard let explanation = failure.explanation else { return }
      refusalLog.write(
        RefusalLog.Kind(message: "a connection failed", code: failure.reason.rawValue, level: .notice),
        ["reason": "\(explanation)", "client": "\(peer.address)"])
    case .acceptError(let error):
      metrics.acceptErrors.add()
      logger.error(
        "a connection could not be accepted: raise LimitNOFILE=, or lower MAX_CONNECTIONS",
        metadata: ["cause": "\(error)"])
    }
  }

  private func bodyLimit(for head: RequestHead) throws(Problem) -> Int {
    guard head.method.isStandard else { throw .methodNotImplemented }
    switch Route(head.target.segments) {
    case .server?:
      // The parser lets no other method through with this target.
      return 0
    case .webhook?:
      guard let webhooks else { throw .notFound }
      return try webhooks.admit(head)
    case .liveness?:
      try head.requireMethod(among: [.get, .head])
      return 0
    case let route?:
      guard let api else { throw .notFound }
      return try api.admit(head, for: route)
    case nil:
      throw .notFound
    }
  }

  /// The log has what the answer keeps back, and nothing that was sent; but it says who the client was.
  private func refuse(_ problem: Problem, of head: RequestHead?, from peer: Peer) -> Response {
    metrics.refusals[problem.code.rawValue]?.add()
    let level: Logger.Level = problem.status.code >= 500 ? .error : .notice
    refusalLog.write(
      RefusalLog.Kind(message: "refused", code: problem.code.rawValue, level: level),
      metadata(of: problem, head, from: peer))
    return problem.response
  }

  private func metadata(of problem: Problem, _ head: RequestHead?, from peer: Peer) -> Logger.Metadata {
    var metadata: Logger.Metadata = [
      "status": .number(problem.status.code), "reason": "\(problem.reason ?? problem.detail)",
      "client": "\(client(of: head, from: peer))",
    ]
    guard let head else { return metadata }
    if problem.code == .notFound {
      // What leads nowhere is most often a webhook's URL with a mistake in it. Its query may hold a token.
      metadata["method"] = "\(head.method.name.prefix(Self.longestShown))"
      metadata["path"] = "\(("/" + head.target.segments.joined(separator: "/")).prefix(Self.longestShown))"
    } else if let route = Route(head.target.segments) {
      metadata["route"] = "\(route.name)"
    }
    return metadata
  }

  /// Of what was sent, in characters.
  private static let longestShown = 100

  private func client(of head: RequestHead?, from peer: Peer) -> PeerAddress {
    guard let head else { return peer.address }
    return ForwardedFor(
      peer: peer.address, forwardedFor: head.fields.all("x-forwarded-for"),
      forwarded: head.fields.all("forwarded"), trusting: trustedProxies
    ).client
  }
}

extension Route {
  /// For logs: which route, without the id in it.
  fileprivate var name: String {
    switch self {
    case .server: "*"
    case .webhook: "webhook"
    case .jobs: "jobs"
    case .job: "job"
    case .history: "history"
    case .logs: "logs"
    case .cancel: "cancel"
    case .usage: "usage"
    case .liveness: "healthz"
    case .readiness: "readyz"
    case .metrics: "metrics"
    }
  }
}

extension Problem {
  init(_ refusal: Refusal) {
    switch refusal {
    case .malformed(let error):
      self.init(error.status, error == .bodyTooLarge ? .bodyTooLarge : .malformedRequest, error.explanation)
    case .bodyTooLarge(let limit):
      self.init(.contentTooLarge, .bodyTooLarge, "the body is larger than \(limit) bytes, the limit here")
    case .timedOut:
      self.init(.requestTimeout, .requestTimeout, "the request did not come in time")
    case .notTLS:
      self.init(.badRequest, .malformedRequest, "this port speaks TLS: use https")
    case .tooManyConnections:
      self = .unavailable(.overloaded, "this server holds as many connections as it may: try again")
    case .tooManyConnectionsOfAddress:
      self = .unavailable(
        .overloaded, "your address holds as many connections as one may: close some, or try again")
    case .evicted:
      self = .unavailable(.overloaded, "the request took long and its place was needed: send it again")
    }
  }
}
