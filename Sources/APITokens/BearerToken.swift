internal import Bytes
internal import Crypto

/// A token that grants access to the jobs API (RFC 6750).
///
/// Only its digest is kept, so that neither a dump nor the time of a comparison reveals it.
package struct BearerToken: Redacted, Sendable {
  private let digest: [UInt8]
  /// Names its holder in logs and metrics. Nil for a token without a name.
  package let name: String?
  package let scope: TokenScope
  /// Counts the requests with a token of this name: see ``TokenList``.
  var requests = TokenCounter()

  /// Nil unless `text` is 16 to 256 visible ASCII characters.
  package init?(_ text: String, name: String? = nil, scope: TokenScope = .write) {
    guard (16...256).contains(text.utf8.count), text.utf8.allSatisfy(\.isVisible) else {
      return nil
    }
    digest = Self.digest(of: text)
    self.name = name
    self.scope = scope
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
    var match: Int?
    for index in tokens.indices where ConstantTime.areEqual(presented, tokens[index].digest) { match = index }
    return match.map { tokens[$0] }
  }

  /// Whether both are the same token, whatever they are named.
  func hasSameText(as other: BearerToken) -> Bool { ConstantTime.areEqual(digest, other.digest) }

  /// A code that binds `text` to this token: it differs with another text, token or key.
  ///
  /// Nil if OpenSSL has no HMAC.
  package func code(of text: String, key: [UInt8]) -> [UInt8]? {
    // The digest is the end, of one length, so that no other pair has the same message.
    let message = Array(text.utf8) + digest
    return HMACSHA256.authenticate(message.span, key: key)
  }

  /// What follows the scheme in `authorization`, the value of that field; nil for another scheme.
  package static func text(in authorization: String) -> String? {
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
