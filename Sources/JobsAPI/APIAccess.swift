package import APITokens
internal import ClientAddress
package import HTTPWire
package import Routing
package import Time

/// The access rule of the jobs API.
package struct APIAccess {
  package let tokens: TokenList
  private let sessions: (any SessionVerifier)?
  private let readTokens: (any ReadTokenVerifier)?
  private let hasReadTokens: Bool
  private let isPublic: Bool
  private let noteChange: (_ token: String, RequestHead) -> Void
  private let now: () -> Timestamp

  /// - Parameters:
  ///   - sessions: open everything that the tokens open.
  ///   - readTokens: open reads of single jobs as well.
  ///   - isPublic: whether these are the only ones that do.
  ///   - noteChange: receives each change that may be made with a named token.
  ///   - now: the wall clock.
  package init(
    tokens: TokenList, sessions: (any SessionVerifier)? = nil,
    readTokens: (any ReadTokenVerifier)? = nil, isPublic: Bool = false,
    noteChange: @escaping (_ token: String, RequestHead) -> Void = { _, _ in },
    now: @escaping () -> Timestamp = { .distantFuture }
  ) {
    self.tokens = tokens
    self.sessions = sessions
    self.readTokens = readTokens
    hasReadTokens = readTokens != nil
    self.isPublic = isPublic
    self.noteChange = noteChange
    self.now = now
  }

  /// The access of the metrics.
  package var scraping: Access<Void> {
    Access(.apiToken) { head throws(Problem) in _ = try authorize(head, for: .metrics) }
  }

  /// The access of routes that only read.
  package var reading: Access<Void> {
    Access(.apiToken) { head throws(Problem) in _ = try authorize(head) }
  }

  /// The access of streams that only read, with the moment at which it ends; nil where nothing bounds it.
  package var streaming: Access<Timestamp?> {
    Access(.apiToken) { head throws(Problem) in try authorize(head) }
  }

  /// The access of routes that read the job of the path's `id`, and change nothing.
  ///
  /// The job's token opens them as well. So they are all that the listener of deliveries serves of the API,
  /// where it serves any.
  package var readingJob: Access<JobReader> { Access(.readToken, check: authorizeJob) }

  /// The access of routes that change something.
  package var changing: Access<Void> { Access(.apiToken, check: authorizeChange) }

  /// Requires the job's token if one is presented, so that it never opens more than it says.
  func authorizeJob(_ head: RequestHead, _ path: PathParameters) throws(Problem) -> JobReader {
    if let token = presentedToken(by: head) {
      guard let expiry = readTokens?.expiry(of: token, for: path["id"], at: now()) else {
        throw .jobNotOpened
      }
      return .tokenHolder(until: expiry)
    }
    guard !isPublic else { throw .jobNotOpened }
    return try authorize(head).map { .session(until: $0) } ?? .api
  }

  /// Whether the cross-origin policy may apply to a request for a job.
  ///
  /// Where no token is required, a page of any tab of this machine could read every job. There a page must
  /// present the token of one.
  package func admitsPages(_ head: RequestHead) -> Bool {
    isPublic || !tokens.isEmpty || presentedToken(by: head) != nil
  }

  /// The query's token, else a bearer token of the form of read tokens.
  private func presentedToken(by head: RequestHead) -> String? {
    guard hasReadTokens else { return nil }
    if head.target.hasQuery,
      let parameter = head.target.queryParameters?.first(where: { $0.name == JobReader.tokenParameter })
    {
      return parameter.value
    }
    // Most requests have no such field, and are only scanned for the initial.
    guard head.fields.contains("authorization"),
      case .one(let value) = head.fields.single("authorization"), let text = BearerToken.text(in: value),
      readTokens?.hasForm(text) == true
    else { return nil }
    return text
  }

  /// Requires a token or a session; without configured tokens, a direct request that names this machine.
  ///
  /// A web page that an operator visits can send requests to 127.0.0.1 (DNS rebinding), but their Host is
  /// never a loopback name. The clients of a proxy may be anybody.
  ///
  /// - Returns: when the session expires; nil for any other access.
  @discardableResult
  func authorize(_ head: RequestHead, for scope: TokenScope = .read) throws(Problem) -> Timestamp? {
    try grant(head, scope).expiry
  }

  private func grant(
    _ head: RequestHead, _ scope: TokenScope
  ) throws(Problem) -> (token: BearerToken?, expiry: Timestamp?) {
    guard tokens.isEmpty else {
      let authorization = head.fields.single("authorization")
      if case .one(let value) = authorization, let token = tokens.admit(value) {
        try token.require(scope)
        return (token, nil)
      }
      // A client that presents something else is not judged by its cookies.
      if authorization == .none, let session = sessions?.session(of: head, at: now()) {
        guard head.isOfOwnPage != false else { throw .otherSite }
        session.token.noteSession()
        try session.token.require(scope)
        return (session.token, session.expiry)
      }
      throw Problem(
        .unauthorized, .unauthorized, "send Authorization: Bearer and one of API_TOKENS",
        fields: [("WWW-Authenticate", #"Bearer realm="jobs""#)])
    }
    guard LoopbackName.isNamed(by: head.host) else {
      throw Problem(
        .forbidden, .hostNotAllowed,
        "without API_TOKENS this API answers only requests to localhost, 127.0.0.1 or [::1]")
    }
    guard !Self.isForwarded(head.fields) else {
      throw Problem(
        .forbidden, .proxyNotAllowed,
        "without API_TOKENS this API answers nothing that comes through a proxy: set a token")
    }
    return (nil, nil)
  }

  /// Fields that proxies add to a request (RFC 9110 section 7.6.3, RFC 7239, and by custom).
  private static let proxyFields = [
    "via", "forwarded", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-forwarded-for",
    "true-client-ip", "cf-connecting-ip", "cdn-loop",
  ]

  private static let proxyInitials = Array("vfxtc".utf8)

  private static func isForwarded(_ fields: Fields) -> Bool {
    guard fields.containsName(withInitialAmong: proxyInitials) else { return false }
    return fields.containsName(withPrefix: "x-forwarded") || proxyFields.contains { fields.contains($0) }
  }

  /// Requires, for a change without a token, that it does not come from another origin's web page.
  ///
  /// A web page may send some changes to another origin without a preflight request, and with a good Host.
  /// Browsers then add Origin (the Fetch standard, "append a request Origin header").
  func authorizeChange(_ head: RequestHead) throws(Problem) {
    let (token, expiry) = try grant(head, .write)
    if expiry != nil, head.isOfOwnPage != true { throw .otherSite }
    if let name = token?.name { noteChange(name, head) }
    // A token is not added by the browser, so it proves the sender by itself.
    guard tokens.isEmpty else { return }
    for origin in head.fields.all("origin") {
      guard origin == "http://\(head.host)" || origin == "https://\(head.host)" else {
        throw Problem(
          .forbidden, .originNotAllowed, "without API_TOKENS this API takes no changes from web pages")
      }
    }
  }
}

extension BearerToken {
  /// Refuses a request that needs more than this token's scope (RFC 6750 section 3.1).
  package func require(_ scope: TokenScope) throws(Problem) {
    guard self.scope < scope else { return }
    throw Problem(
      .forbidden, .insufficientScope,
      "this token's scope is \(self.scope.rawValue), and the request needs \(scope.rawValue)",
      fields: [
        ("WWW-Authenticate", #"Bearer realm="jobs", error="insufficient_scope", scope="\#(scope.rawValue)""#)
      ])
  }
}
