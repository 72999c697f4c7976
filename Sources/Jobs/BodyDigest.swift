internal import Bytes

/// The SHA-256 of a body, by which two bodies are told apart without keeping both.
package struct BodyDigest: Hashable, Sendable {
  package static let byteCount = 32

  /// Exactly `byteCount` bytes.
  package let bytes: [UInt8]

  /// Nil unless `bytes` is exactly 32 bytes long.
  package init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = bytes
  }

  /// 64 lower-case digits.
  package var hexadecimal: String {
    Hexadecimal.encode(bytes)
  }
}
