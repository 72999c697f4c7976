internal import APITokens
internal import Crypto
internal import EventLoop
internal import HTTPServer
internal import HTTPWire
internal import JSONText
internal import JobsAPI
internal import Routing
internal import Time

/// Signing in and out: `/session`.
final class SessionRoutes {
  private let api: APIContext
  private let sessions: Sessions
  private let budget = SignInBudget()

  init(_ api: APIContext, _ sessions: Sessions) {
    self.api = api
    self.sessions = sessions
  }

  var routes: [Route] {
    [
      Route(
        .get, "/session", name: "session", summary: "Returns whether to sign in, and until when one is.",
        access: Access(.session) { _ in }, respond: state),
      Route(
        .post, "/session", name: "sign-in", summary: "Signs in with a token, for twelve hours.",
        access: Access(.session, check: Self.requireOwnPage), maxBodyBytes: SignInRequest.maxBytes,
        admit: admitSignIn, respond: signIn),
      Route(
        .delete, "/session", name: "sign-out", summary: "Signs out.",
        access: Access(.session, check: Self.requireOwnPage), respond: signOut),
    ]
  }

  /// Requires that no other site's page has caused the request, where its sender shows that.
  private static func requireOwnPage(_ head: RequestHead) throws(Problem) {
    guard head.isOfOwnPage != false else { throw .otherSite }
  }

  private func admitSignIn(_ head: RequestHead) throws(Problem) {
    guard sessions.areRequired else {
      throw Problem(.conflict, .conflict, "there is nothing to sign in to: no API_TOKENS are set")
    }
    try head.requireJSON()
    try head.requireIdentityCoding()
  }

  private func state(_ request: RoutedRequest<Void>) throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    return document(sessions.session(of: request.head, at: api.views.now))
  }

  private func signIn(_ request: RoutedRequest<Void>) async throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    let client = api.client(of: request)
    let delay = budget.delay(of: client, at: api.views.loop.now)
    guard delay == .zero else { throw .tooManyAttempts(delay) }
    let token = try SignInRequest(body: request.body).token
    let nonce = RandomBytes.make(SessionKey.nonceLength)
    guard let (value, session) = sessions.begin(with: token, at: api.views.now, nonce: nonce) else {
      budget.noteFailure(of: client, at: api.views.loop.now)
      throw .wrongToken
    }
    // A page that may read nothing shows nothing.
    try session.token.require(.read)
    var response = document(session)
    response.fields.append(
      SessionCookie.field(value, maxAge: SessionKey.lifetime, isSecure: request.isOverTLS))
    return response
  }

  private func signOut(_ request: RoutedRequest<Void>) throws(Problem) -> Response {
    _ = try QueryParameters(request.head.target, allowing: [])
    sessions.end(of: request.head, at: api.views.now)
    return Response(
      status: .noContent,
      fields: [("Cache-Control", "no-store"), SessionCookie.removal(isSecure: request.isOverTLS)])
  }

  /// - Parameter session: nil unless the sender is signed in.
  private func document(_ session: BrowserSession?) -> Response {
    var writer = JSONWriter(capacity: 128)
    writer.object { object in
      object.member("required", bool: sessions.areRequired)
      object.member("signed_in", bool: session != nil)
      object.member("expires_at") { writer in
        if let session { writer.string(session.expiry.rfc3339) } else { writer.raw(Array("null".utf8)[...]) }
      }
      if let session { object.member("scope", string: session.token.scope.rawValue) }
    }
    writer.raw([UInt8(ascii: "\n")])
    var response = Response.json(writer.bytes)
    response.fields.append(("Cache-Control", "no-store"))
    return response
  }
}

extension RoutedRequest {
  /// Whether the browser reaches this server over TLS: here, or at a proxy that ends it.
  ///
  /// Every browser names its page's origin in such a request. A false one only harms its sender.
  fileprivate var isOverTLS: Bool {
    if case .one(let origin) = head.fields.single("origin") { return origin.hasPrefix("https://") }
    return peer.usesTLS
  }
}

extension Problem {
  fileprivate static let wrongToken = Problem(
    .unauthorized, .unauthorized, "this token is none of API_TOKENS: copy one of them",
    fields: [("WWW-Authenticate", #"Bearer realm="jobs""#), ("Cache-Control", "no-store")])

  fileprivate static func tooManyAttempts(_ delay: Duration) -> Problem {
    let seconds = max(1, delay.components.seconds + (delay.components.attoseconds > 0 ? 1 : 0))
    return Problem(
      .tooManyRequests, .tooManyAttempts,
      "too many wrong tokens have come from your address: try again in \(seconds) s",
      fields: [("Retry-After", String(seconds))])
  }
}
