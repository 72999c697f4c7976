import Bytes
import Crypto
import Foundation

/// The check of a request's signature, from what arrived alone.
///
/// It is written from the documents of AWS, not from the room that signs:
/// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
struct SignatureCheck {
  let keys: [String: StubKey]
  let region: String
  let now: Date

  private static let algorithm = "AWS4-HMAC-SHA256"
  private static let maxSkewSeconds: TimeInterval = 15 * 60
  private static let maxExpirySeconds = 604_800

  func check(_ request: StubRequest) throws(StubRefusal) {
    let parameters = CanonicalQuery.pairs(of: request.query)
    if let authorization = request.fields["authorization"] {
      try checkFields(request, authorization)
    } else if parameters.contains(where: { $0.name == "X-Amz-Signature" }) {
      try checkQuery(request, parameters)
    } else {
      throw StubRefusal(403, "AccessDenied", "<Message>Anonymous access is forbidden.</Message>")
    }
  }

  // MARK: the two forms

  private func checkFields(_ request: StubRequest, _ authorization: String) throws(StubRefusal) {
    guard authorization.hasPrefix("\(Self.algorithm) ") else { throw malformed("Unsupported algorithm") }
    var parts: [String: String] = [:]
    for part in authorization.dropFirst(Self.algorithm.count + 1).components(separatedBy: ",") {
      let pair = part.trimmingCharacters(in: .whitespaces).split(separator: "=", maxSplits: 1)
      guard pair.count == 2 else { throw malformed("A component lacks its value") }
      parts[String(pair[0])] = String(pair[1])
    }
    guard let scope = parts["Credential"], let names = parts["SignedHeaders"],
      let signature = parts["Signature"], let stamp = request.fields["x-amz-date"],
      let time = Self.date(stamp)
    else { throw malformed("A component is missing") }
    let key = try key(for: scope, stamp: stamp)
    guard abs(time.timeIntervalSince(now)) <= Self.maxSkewSeconds else {
      throw StubRefusal(403, "RequestTimeTooSkewed")
    }
    try checkToken(request.fields["x-amz-security-token"], key)
    try checkSignedNames(names.components(separatedBy: ";"), request)
    try checkUnknownFields(request)
    guard let digest = request.fields["x-amz-content-sha256"] else {
      throw StubRefusal(400, "InvalidRequest", "<Message>x-amz-content-sha256 is missing</Message>")
    }
    try check(
      signature, of: request, query: request.query, names: names, payload: digest, stamp: stamp, scope: scope,
      key: key)
    guard digest == Hexadecimal.encode(SHA256().digest(of: request.body.span)) else {
      throw StubRefusal(400, "XAmzContentSHA256Mismatch")
    }
  }

  private func checkQuery(
    _ request: StubRequest, _ parameters: [(name: String, value: String)]
  ) throws(StubRefusal) {
    func value(_ name: String) -> String? { parameters.first { $0.name == name }?.value }
    guard ["GET", "HEAD"].contains(request.method), value("X-Amz-Algorithm") == Self.algorithm,
      let scope = value("X-Amz-Credential"), let stamp = value("X-Amz-Date"), let time = Self.date(stamp),
      let names = value("X-Amz-SignedHeaders"), let signature = value("X-Amz-Signature"),
      let seconds = value("X-Amz-Expires").flatMap(Int.init), (1...Self.maxExpirySeconds).contains(seconds)
    else { throw StubRefusal(400, "AuthorizationQueryParametersError") }
    let key = try key(for: scope, stamp: stamp)
    guard now.timeIntervalSince(time) <= TimeInterval(seconds),
      time.timeIntervalSince(now) <= Self.maxSkewSeconds
    else {
      throw StubRefusal(403, "AccessDenied", "<Message>Request has expired</Message>")
    }
    try checkToken(value("X-Amz-Security-Token"), key)
    try checkSignedNames(names.components(separatedBy: ";"), request)
    let signed = request.query.components(separatedBy: "&").filter { !$0.hasPrefix("X-Amz-Signature=") }
    try check(
      signature, of: request, query: signed.joined(separator: "&"), names: names, payload: "UNSIGNED-PAYLOAD",
      stamp: stamp, scope: scope, key: key)
  }

  // MARK: what both check

  private func key(for scope: String, stamp: String) throws(StubRefusal) -> StubKey {
    let parts = scope.components(separatedBy: "/")
    guard parts.count == 5, parts[1] == String(stamp.prefix(8)), parts[3] == "s3", parts[4] == "aws4_request"
    else { throw malformed("The credential's scope is wrong") }
    guard parts[2] == region else {
      throw StubRefusal(400, "AuthorizationHeaderMalformed", "<Region>\(region)</Region>")
    }
    guard let key = keys[parts[0]] else { throw StubRefusal(403, "InvalidAccessKeyId") }
    return key
  }

  private func checkToken(_ token: String?, _ key: StubKey) throws(StubRefusal) {
    guard token == key.token else { throw StubRefusal(403, "InvalidToken") }
  }

  /// `Host`, the type and each `x-amz-` field must be signed, and a signed one must be there.
  private func checkSignedNames(_ names: [String], _ request: StubRequest) throws(StubRefusal) {
    let needed = request.fields.keys.filter { $0.hasPrefix("x-amz-") || $0 == "content-type" } + ["host"]
    guard names == names.sorted(), needed.allSatisfy(names.contains),
      names.allSatisfy({ request.fields[$0] != nil }), !names.contains("accept-encoding")
    else {
      throw StubRefusal(403, "AccessDenied", "<Message>There were headers that were not signed</Message>")
    }
  }

  /// Fields that some of the services refuse.
  private func checkUnknownFields(_ request: StubRequest) throws(StubRefusal) {
    for name in request.fields.keys where name.hasPrefix("x-amz-checksum-") && name != "x-amz-checksum-mode" {
      throw StubRefusal(400, "InvalidArgument", "<Message>Unsupported header \(name)</Message>")
    }
    guard request.method != "PUT" || request.fields["if-none-match"] == nil else {
      throw StubRefusal(501, "NotImplemented")
    }
    guard request.fields["transfer-encoding"] == nil else { throw StubRefusal(501, "NotImplemented") }
  }

  private func check(
    _ signature: String, of request: StubRequest, query: String, names: String, payload: String,
    stamp: String, scope: String, key: StubKey
  ) throws(StubRefusal) {
    var lines = [request.method, Self.reencoded(request.path, keeping: "/"), CanonicalQuery.text(of: query)]
    for name in names.components(separatedBy: ";") {
      let words = (request.fields[name] ?? "").components(separatedBy: " ").filter { !$0.isEmpty }
      lines.append("\(name):\(words.joined(separator: " "))")
    }
    lines += ["", names, payload]
    let canonical = Array(lines.joined(separator: "\n").utf8)
    let parts = scope.components(separatedBy: "/").dropFirst()
    let text = [
      Self.algorithm, stamp, parts.joined(separator: "/"),
      Hexadecimal.encode(SHA256().digest(of: canonical.span)),
    ]
    var signing = Array("AWS4\(key.secret)".utf8)
    for part in parts + [text.joined(separator: "\n")] {
      let message = Array(part.utf8)
      signing = HMACSHA256.authenticate(message.span, key: signing) ?? []
    }
    guard !signing.isEmpty, Hexadecimal.encode(signing) == signature else {
      throw StubRefusal(403, "SignatureDoesNotMatch")
    }
  }

  private func malformed(_ message: String) -> StubRefusal {
    StubRefusal(400, "AuthorizationHeaderMalformed", "<Message>\(message)</Message>")
  }

  private static func date(_ stamp: String) -> Date? {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(identifier: "UTC")
    format.dateFormat = "yyyyMMdd'T'HHmmss'Z'"
    return format.date(from: stamp)
  }

  /// Decoded, and encoded once as S3 does.
  static func reencoded(_ text: String, keeping: String = "") -> String {
    let unreserved = CharacterSet(
      charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~" + keeping)
    return text.removingPercentEncoding?.addingPercentEncoding(withAllowedCharacters: unreserved) ?? text
  }
}

/// The query of a request, as it is signed.
enum CanonicalQuery {
  static func pairs(of query: String) -> [(name: String, value: String)] {
    query.split(separator: "&").map { part in
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      return (
        pair[0].removingPercentEncoding ?? pair[0],
        pair.count > 1 ? pair[1].removingPercentEncoding ?? pair[1] : ""
      )
    }
  }

  static func text(of query: String) -> String {
    let pairs = query.split(separator: "&").map { part in
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      return (
        name: SignatureCheck.reencoded(pair[0]),
        value: pair.count > 1 ? SignatureCheck.reencoded(pair[1]) : ""
      )
    }
    // Encoded, they are ASCII, which Swift compares by its bytes.
    return pairs.sorted { ($0.name, $0.value) < ($1.name, $1.value) }.map { "\($0.name)=\($0.value)" }
      .joined(separator: "&")
  }
}
