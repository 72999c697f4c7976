internal import COpenSSL

/// Constant-time comparison.
package enum ConstantTime {
  /// Whether the bytes are equal; only the lengths affect the time taken (CRYPTO_memcmp(3)).
  package static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
  }
}
