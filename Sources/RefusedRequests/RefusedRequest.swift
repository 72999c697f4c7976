package import ClientAddress
package import HTTPServer
package import HTTPWire
package import Routing
internal import StandardWebhooks

/// A refused request or connection, without its body and query.
///
/// Its texts are bounded, because unauthenticated clients cause most refusals.
package struct RefusedRequest: Equatable, Sendable {
  /// Names the reason for programs: a problem's code, or the reason of a failed connection.
  package let code: String
  /// Explains the reason to the operator.
  package let reason: String
  /// The status of the response. Nil for a connection that failed before a request.
  package let status: Int?
  /// The client, as far as trusted proxies report it.
  package let client: PeerAddress
  /// What is known of the request. Nil where no header section was read.
  package let request: Request?
  /// The name of the API's token that was sent. Nil for none, and for one without a name.
  package let token: String?
  /// Whether this may have been a delivery.
  package let mayBeDelivery: Bool

  /// The part of a request's header section that a refusal shows.
  package struct Request: Equatable, Sendable {
    package let method: String
    /// Without the query, which may hold a token.
    package let path: String
    /// The name of the path's route. Nil for an unknown path.
    package let route: String?
    package let webhookID: String?
    /// The time that the sender has signed, in seconds since 1970.
    package let webhookSeconds: Int64?
    /// The declared length of the body. Nil for a body in chunks.
    package let bytes: Int?
  }

  /// The maximum length of a request's part, in characters.
  static let maxShownCharacters = 100
  /// The maximum length of a `webhook-id`, as its verification allows it.
  static let maxIDCharacters = 255
}

extension RefusedRequest {
  /// - Parameters:
  ///   - head: nil where no header section was read.
  ///   - match: nil for an unknown path.
  ///   - token: the name of the API's token that was sent.
  package init(
    _ problem: Problem, of head: RequestHead?, at match: RouteTable.Match?, from peer: Peer,
    trusting trustedProxies: TrustedProxies, token: String? = nil
  ) {
    let request = head.map { Request($0, route: match?.name) }
    self.init(
      code: problem.code.rawValue, reason: problem.reason ?? problem.detail, status: problem.status.code,
      client: Self.client(of: head, from: peer, trusting: trustedProxies), request: request, token: token,
      mayBeDelivery: Self.mayBeDelivery(request, head, at: match))
  }

  /// Nil for a failure that happens every day and means nothing.
  package init?(_ failure: ConnectionFailure, from peer: Peer) {
    guard let explanation = failure.explanation else { return nil }
    self.init(
      code: failure.reason.rawValue, reason: explanation, status: nil, client: peer.address, request: nil,
      token: nil, mayBeDelivery: true)
  }

  /// Whether a sender of deliveries may have sent the request.
  ///
  /// An unknown path may be a webhook URL with a mistake in it. A GET of the webhook's own path may follow a
  /// redirect: most clients change the method then (RFC 9110 section 15.4.2).
  private static func mayBeDelivery(
    _ request: Request?, _ head: RequestHead?, at match: RouteTable.Match?
  ) -> Bool {
    guard let request, let head else { return true }
    if let match { return match.receivesDeliveries }
    return head.method == .post || request.webhookID != nil
  }

  private static func client(
    of head: RequestHead?, from peer: Peer, trusting trustedProxies: TrustedProxies
  ) -> PeerAddress {
    guard let head else { return peer.address }
    return ForwardedFor(
      peer: peer.address, forwardedFor: head.fields.all("x-forwarded-for"),
      forwarded: head.fields.all("forwarded"), trusting: trustedProxies
    ).client
  }
}

extension RefusedRequest.Request {
  init(_ head: RequestHead, route: String?) {
    method = String(head.method.name.prefix(RefusedRequest.maxShownCharacters))
    let path = "/" + head.target.segments.joined(separator: "/")
    self.path = String(path.prefix(RefusedRequest.maxShownCharacters))
    self.route = route
    webhookID = head.single(SignatureHeaders.idName)
      .map { String($0.prefix(RefusedRequest.maxIDCharacters)) }
    webhookSeconds = head.single(SignatureHeaders.timestampName).flatMap(SignatureHeaders.seconds)
    bytes =
      switch head.bodyFraming {
      case .none: 0
      case .length(let length): length
      case .chunked: nil
      }
  }
}

extension RequestHead {
  /// Nil for an absent or repeated field, and for an empty one.
  fileprivate func single(_ name: String) -> String? {
    guard case .one(let value) = fields.single(name), !value.isEmpty else { return nil }
    return value
  }
}
