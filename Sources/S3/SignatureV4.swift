internal import Bytes
internal import Crypto
package import Time

/// Signatures of requests to S3: AWS Signature Version 4.
///
/// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and
/// sigv4-query-string-auth.html. libcurl has an own form of it, which signs no presigned URLs, and of an
/// upload the digest of nothing.
package struct SignatureV4: Sendable {
  package typealias Field = (name: String, value: String)

  private static let algorithm = "AWS4-HMAC-SHA256"
  private static let service = "s3"
  /// The digest of no content.
  package static let emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  /// The longest that a presigned URL is valid, in seconds.
  package static let maxExpirySeconds = 604_800

  private let credentials: S3Credentials
  private let region: String

  package init(_ credentials: S3Credentials, region: String) {
    self.credentials = credentials
    self.region = region
  }

  // MARK: the two forms

  /// The header fields that sign a request: those of `fields`, and the ones that the signature needs.
  ///
  /// `Host` is signed, and left to the client to send. `Accept-Encoding` is not to be among `fields`: proxies
  /// change it.
  ///
  /// - Parameters:
  ///   - path: percent-encoded.
  ///   - digest: SHA-256 of the content in hexadecimal.
  /// - Returns: Nil if OpenSSL has no HMAC.
  package func fields(
    signing method: String, host: String, path: String, fields: [Field] = [], digest: String,
    at time: Timestamp
  ) -> [Field]? {
    let date = Self.date(time)
    var sent = fields + [("x-amz-content-sha256", digest), ("x-amz-date", date)]
    if let token = credentials.sessionToken { sent.append(("x-amz-security-token", token)) }
    let request = CanonicalRequest(
      method: method, path: path, fields: sent + [("host", host)], payload: digest)
    guard let signature = signature(of: request, date: date) else { return nil }
    let authorization =
      "\(Self.algorithm) Credential=\(credentials.keyID)/\(scope(date)), "
      + "SignedHeaders=\(request.signedNames), Signature=\(signature)"
    return sent + [("Authorization", authorization)]
  }

  /// The query of a presigned GET or HEAD, with the signature at its end.
  ///
  /// - Parameters:
  ///   - method: the only one for which the query is valid.
  ///   - path: percent-encoded.
  ///   - query: further parameters, such as `response-content-type`.
  ///   - seconds: how long it is valid, from 1 to ``maxExpirySeconds``. It ends earlier with a session's
  ///     token.
  /// - Returns: Nil if OpenSSL has no HMAC.
  package func query(
    presigning method: String, host: String, path: String, query: [Field] = [], for seconds: Int,
    at time: Timestamp
  ) -> String? {
    let date = Self.date(time)
    var parameters =
      query + [
        ("X-Amz-Algorithm", Self.algorithm), ("X-Amz-Credential", "\(credentials.keyID)/\(scope(date))"),
        ("X-Amz-Date", date), ("X-Amz-Expires", "\(min(max(1, seconds), Self.maxExpirySeconds))"),
        ("X-Amz-SignedHeaders", "host"),
      ]
    if let token = credentials.sessionToken { parameters.append(("X-Amz-Security-Token", token)) }
    let request = CanonicalRequest(
      method: method, path: path, query: parameters, fields: [("host", host)], payload: "UNSIGNED-PAYLOAD")
    guard let signature = signature(of: request, date: date) else { return nil }
    return "\(request.query)&X-Amz-Signature=\(signature)"
  }

  // MARK: the signature

  private func scope(_ date: String) -> String { "\(date.prefix(8))/\(region)/\(Self.service)/aws4_request" }

  private func signature(of request: CanonicalRequest, date: String) -> String? {
    let text = [Self.algorithm, date, scope(date), request.digest].joined(separator: "\n")
    guard let key = signingKey(onDay: date.prefix(8)) else { return nil }
    return Self.authenticate(text, key).map(Hexadecimal.encode)
  }

  /// The key of one day, region and service.
  func signingKey(onDay day: Substring) -> [UInt8]? {
    var key: [UInt8]? = Array("AWS4".utf8) + credentials.secret.bytes
    for part in [String(day), region, Self.service, "aws4_request"] {
      key = key.flatMap { Self.authenticate(part, $0) }
    }
    return key
  }

  private static func authenticate(_ text: String, _ key: [UInt8]) -> [UInt8]? {
    let message = Array(text.utf8)
    return HMACSHA256.authenticate(message.span, key: key)
  }

  /// The time in the basic format of ISO 8601: `20260901T123045Z`.
  static func date(_ time: Timestamp) -> String {
    time.rfc3339Seconds.filter { $0 != "-" && $0 != ":" }
  }
}
