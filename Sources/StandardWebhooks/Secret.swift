internal import Crypto

/// A symmetric signing secret of the Standard Webhooks scheme.
package struct Secret: Redacted, Sendable {
  /// The key, wiped when the last copy of the secret is released.
  let key: SecretKey

  private static let prefix = "whsec_"
  /// The specification recommends 24 to 64 bytes.
  private static let recommendedLength = 24...64
  /// NIST SP 800-131A disallows HMAC keys of less than 112 bits: they can be guessed.
  private static let minKeyBytes = 14
  private static let maxTextBytes = 1024

  /// Parses `whsec_` and base64, or base64 alone. Padding may be missing.
  package init(_ text: String) throws(SecretError) {
    guard !text.hasPrefix("whpk_"), !text.hasPrefix("whsk_") else { throw .asymmetric }
    let encoded = text.hasPrefix(Self.prefix) ? text.dropFirst(Self.prefix.count) : text[...]
    guard !encoded.isEmpty else { throw .empty }
    guard encoded.utf8.count <= Self.maxTextBytes else { throw .undecodable }
    let characters = Array(encoded.utf8)
    guard let bytes = Base64.decode(characters.span, form: .relaxed) else { throw .undecodable }
    guard bytes.count >= Self.minKeyBytes else { throw .tooShort }
    key = SecretKey(bytes)
  }

  private init(key: SecretKey) {
    self.key = key
  }

  /// A secret of a stored key.
  package init(keyBytes bytes: [UInt8]) {
    self.init(key: SecretKey(bytes))
  }

  /// Generates a secret of 24 random bytes, the length that Replicate uses.
  package static func generate() -> Secret {
    Secret(key: SecretKey(RandomBytes.make(24)))
  }

  /// The plain text of the secret, `whsec_…`.
  ///
  /// Only used to hand a generated secret to its user.
  package var revealed: String {
    Self.prefix + Base64.encode(key.bytes)
  }

  /// A warning about an unusual key length, if any.
  package var lengthWarning: String? {
    let count = key.bytes.count
    guard !Self.recommendedLength.contains(count) else { return nil }
    return "it has \(count) bytes; 24 to 64 are recommended: compare it with the one that your account shows"
  }
}

/// The reason a text is not a secret. No case carries the text.
package enum SecretError: Error, Equatable, CustomStringConvertible {
  case empty
  /// `whpk_` or `whsk_`: a key of the asymmetric scheme, which Replicate does not use.
  case asymmetric
  case undecodable
  case tooShort

  package var description: String {
    switch self {
    case .empty: "it is empty: copy the whole secret, whsec_ and what follows"
    case .asymmetric: "it is a key of the asymmetric scheme; use the signing secret, which begins with whsec_"
    case .tooShort: "it has less than 14 bytes and could be guessed: copy the whole secret"
    case .undecodable: "it is not base64 after whsec_: copy it again, without quotes or spaces"
    }
  }
}
