internal import Bytes
internal import Crypto

/// A token that grants access to the jobs API (RFC 6750).
///
/// Only its digest is kept, so that neither a dump nor the time of a comparison reveals it.
package struct BearerToken: Redacted, Sendable {
  private let digest: [UInt8]

  /// Nil unless `text` is 16 to 256 visible ASCII characters.
  package init?(_ text: String) {
    guard (16...256).contains(text.utf8.count), text.utf8.allSatisfy(\.isVisible) else {
      return nil
    }
    digest = Self.digest(of: text)
  }

  /// Whether `authorization`, the value of that field, presents one of `tokens`.
  ///
  /// It takes the same time whichever token is presented.
  package static func isPresented(in authorization: String?, among tokens: [BearerToken]) -> Bool {
    guard let authorization, let text = text(in: authorization) else { return false }
    return match(text, among: tokens) != nil
  }

  /// The one of `tokens` that is `text`.
  ///
  /// It takes the same time whichever that is.
  package static func match(_ text: String, among tokens: [BearerToken]) -> BearerToken? {
    let presented = digest(of: text)
    var match: BearerToken?
    for token in tokens where ConstantTime.areEqual(presented, token.digest) { match = token }
    return match
  }

  /// A code that binds `text` to this token: it differs with another text, token or key.
  ///
  /// Nil if OpenSSL has no HMAC.
  package func code(of text: String, key: [UInt8]) -> [UInt8]? {
    // The digest is the end, of one length, so that no other pair has the same message.
    let message = Array(text.utf8) + digest
    return HMACSHA256.authenticate(message.span, key: key)
  }

  /// What follows the scheme in `authorization`, the value of that field; nil for another scheme.
  static func text(in authorization: String) -> String? {
    let scheme = "bearer "
    guard authorization.utf8.count > scheme.utf8.count,
      authorization.prefix(scheme.count).lowercased() == scheme
    else { return nil }
    return String(authorization.dropFirst(scheme.count).drop { $0 == " " })
  }

  private static func digest(of text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    return SHA256().digest(of: bytes.span)
  }
}
