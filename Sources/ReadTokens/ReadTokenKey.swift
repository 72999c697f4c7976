internal import Bytes
internal import Crypto
internal import JobsAPI
internal import Time

/// The maker and verifier of tokens that each open the reads of one job.
///
///     rwj1_1796047200_6hC6…   version, seconds since 1970, HMAC-SHA256 in base64url
///
/// Nothing of a token is stored: the HMAC binds the job's id and the time, with a key that is used for
/// nothing else. No character of it needs escaping in a URL.
struct ReadTokenKey: ReadTokenVerifier {
  static let name = "read_token"
  /// The version, so that a later form can be distinguished.
  private static let prefix = "rwj1_"
  /// In bytes. A longer text is no token.
  private static let maxBytes = 128

  private let key: [UInt8]

  init(_ key: [UInt8]) {
    self.key = key
  }

  /// The token for the job `jobID` until `expiry`, whose milliseconds are cut.
  ///
  /// Nil if OpenSSL has no HMAC.
  func token(for jobID: String, until expiry: Timestamp) -> String? {
    token(for: jobID, untilSecond: expiry.milliseconds / 1000)
  }

  func hasForm(_ text: String) -> Bool { text.hasPrefix(Self.prefix) }

  func expiry(of token: String, for jobID: String, at now: Timestamp) -> Timestamp? {
    let second = Self.second(in: token) ?? 0
    // The whole text is compared, so that each token has one spelling.
    guard let expected = self.token(for: jobID, untilSecond: second),
      ConstantTime.areEqual(Array(expected.utf8), Array(token.utf8))
    else { return nil }
    let expiry = Timestamp(unixSeconds: second)
    return now < expiry ? expiry : nil
  }

  /// The time in a text of the form of a token; nil for any other text.
  private static func second(in text: String) -> Int64? {
    guard text.utf8.count <= maxBytes, text.hasPrefix(prefix) else { return nil }
    let digits = text.utf8.dropFirst(prefix.utf8.count).prefix(while: \.isDigit)
    // The years until 9999, whose milliseconds do not overflow.
    guard digits.count <= 12 else { return nil }
    return Int64(Substring(digits))
  }

  private func token(for jobID: String, untilSecond second: Int64) -> String? {
    // The number ends at the colon, so that no other pair has the same text.
    let message = Array("\(Self.prefix)\(second):\(jobID)".utf8)
    guard let code = HMACSHA256.authenticate(message.span, key: key) else { return nil }
    return "\(Self.prefix)\(second)_\(Base64.encodeForURL(code))"
  }
}
