internal import Bytes

/// The SHA-256 digest of a body.
///
/// Two bodies are compared by their digests, so that only one has to be kept.
package struct BodyDigest: Hashable, Sendable {
  package static let byteCount = 32

  /// Exactly `byteCount` bytes.
  package let bytes: [UInt8]

  /// Nil unless `bytes` is exactly 32 bytes long.
  package init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = bytes
  }

  /// The digest as 64 lowercase hexadecimal digits.
  package var hexadecimal: String {
    Hexadecimal.encode(bytes)
  }
}
