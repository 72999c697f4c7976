internal import APITokens
internal import Bytes
internal import Crypto
internal import JobsAPI
internal import Time

/// The maker and verifier of the values of session cookies.
///
///     rws1.1796047200.q83vEjRWeJCrze8SNFZ4kA.6_hC6…
///     version, seconds since 1970, random bytes, HMAC-SHA256; the last two in base64url
///
/// Nothing of a session is stored, so it opens every daemon on the store. The HMAC binds it to the token that
/// was signed in with, and ends with that.
struct SessionKey {
  static let name = "session"
  static let lifetime: Int64 = 12 * 3600
  /// Two sign-ins of one second differ by them, so that one can be ended alone.
  static let nonceLength = 16
  /// In bytes. A longer text is no session.
  static let maxBytes = 128
  /// The version, so that a later form can be distinguished.
  private static let prefix = "rws1."

  private let key: [UInt8]

  init(_ key: [UInt8]) {
    self.key = key
  }

  /// The value of a new session until `expiry`, whose milliseconds are cut.
  ///
  /// Nil if OpenSSL has no HMAC.
  func value(for token: BearerToken, until expiry: Timestamp, nonce: [UInt8]) -> String? {
    sign("\(Self.prefix)\(expiry.milliseconds / 1000).\(Base64.encodeForURL(nonce))", with: token)
  }

  /// The session of `value`; nil if it is of none of `tokens`, or has expired.
  ///
  /// The time taken does not depend on the token.
  func session(of value: String, among tokens: [BearerToken], at now: Timestamp) -> BrowserSession? {
    guard value.utf8.count <= Self.maxBytes, let (signed, second) = Self.parts(of: value) else { return nil }
    var signer: BearerToken?
    for token in tokens {
      // The whole text is compared, so that each session has one spelling.
      guard let expected = sign(signed, with: token) else { return nil }
      if ConstantTime.areEqual(Array(expected.utf8), Array(value.utf8)) { signer = token }
    }
    let expiry = Timestamp(unixSeconds: second)
    return now < expiry ? signer.map { BrowserSession(expiry: expiry, token: $0) } : nil
  }

  private func sign(_ text: String, with token: BearerToken) -> String? {
    token.code(of: text, key: key).map { "\(text).\(Base64.encodeForURL($0))" }
  }

  /// What is signed, and the time in it; nil for a text of another form.
  private static func parts(of value: String) -> (signed: String, second: Int64)? {
    guard value.hasPrefix(prefix), let last = value.lastIndex(of: ".") else { return nil }
    let digits = value.utf8.dropFirst(prefix.utf8.count).prefix(while: \.isDigit)
    // The years until 9999, whose milliseconds do not overflow.
    guard digits.count <= 12, let second = Int64(Substring(digits)) else { return nil }
    return (String(value[..<last]), second)
  }
}
