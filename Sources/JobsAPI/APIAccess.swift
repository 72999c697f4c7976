internal import ClientAddress
internal import HTTPWire
package import Routing

/// The access rule of the jobs API.
package struct APIAccess: Sendable {
  let tokens: [BearerToken]

  package init(tokens: [BearerToken]) {
    self.tokens = tokens
  }

  /// The access of routes that only read.
  package var reading: Access<Void> { Access(.apiToken, check: authorize) }

  /// The access of routes that change something.
  package var changing: Access<Void> { Access(.apiToken, check: authorizeChange) }

  /// Requires one of the tokens; without configured tokens, a direct request that names this machine.
  ///
  /// A web page that an operator visits can send requests to 127.0.0.1 (DNS rebinding), but their Host is
  /// never a loopback name. The clients of a proxy may be anybody.
  func authorize(_ head: RequestHead) throws(Problem) {
    guard tokens.isEmpty else {
      let authorization = head.fields.single("authorization")
      if case .one(let value) = authorization, BearerToken.isPresented(in: value, among: tokens) { return }
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

  /// Requires, for a change without tokens, that it does not come from another origin's web page.
  ///
  /// A web page may send some changes to another origin without a preflight request, and with a good Host.
  /// Browsers then add Origin (the Fetch standard, "append a request Origin header").
  func authorizeChange(_ head: RequestHead) throws(Problem) {
    try authorize(head)
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
