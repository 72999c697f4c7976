internal import HTTPWire

/// Who may ask the jobs API.
struct APIAccess: Sendable {
  let tokens: [BearerToken]

  /// With tokens: one of them must be presented. Without: the request must name this machine, for a web page that an
  /// operator visits can send requests to 127.0.0.1, but cannot make their Host a loopback name (DNS rebinding).
  func authorize(_ head: RequestHead) throws(Problem) {
    guard tokens.isEmpty else {
      let authorization = head.fields.single("authorization")
      if case .one(let value) = authorization, BearerToken.isPresented(in: value, among: tokens) { return }
      throw Problem(
        .unauthorized, .unauthorized, "send Authorization: Bearer and one of API_TOKENS",
        fields: [("WWW-Authenticate", #"Bearer realm="jobs""#)])
    }
    guard Self.namesLoopback(head.host) else {
      throw Problem(
        .forbidden, .hostNotAllowed,
        "without API_TOKENS this API answers only requests to localhost, 127.0.0.1 or [::1]")
    }
  }

  /// The same, for a request that changes something. A web page may send some of those to another origin without asking,
  /// and Host does not tell; but browsers then say from where (the Fetch standard, "append a request Origin header").
  func authorizeChange(_ head: RequestHead) throws(Problem) {
    try authorize(head)
    // With a token, it is not the browser that proves who asks.
    guard tokens.isEmpty else { return }
    for origin in head.fields.all("origin") {
      guard origin == "http://\(head.host)" || origin == "https://\(head.host)" else {
        throw Problem(
          .forbidden, .originNotAllowed, "without API_TOKENS this API takes no changes from web pages")
      }
    }
  }

  static func namesLoopback(_ host: String) -> Bool {
    let bytes = host.utf8
    let name =
      bytes.first == UInt8(ascii: "[")
      ? bytes.dropFirst().prefix { $0 != UInt8(ascii: "]") } : bytes.prefix { $0 != UInt8(ascii: ":") }
    let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    // Digits alone: a number may also begin with a sign.
    let isLoopbackV4 =
      labels.count == 4 && labels[0].elementsEqual("127".utf8)
      && labels.allSatisfy { label in SettingValue.number(Substring(label)).map { $0 < 256 } ?? false }
    if isLoopbackV4 { return true }
    let text = Substring(name)
    return text == "::1" || text.lowercased() == "localhost"
  }
}
