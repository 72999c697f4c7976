internal import COpenSSL

/// Comparison whose duration tells nothing of the contents.
package enum ConstantTime {
  /// The lengths may show; the bytes do not (CRYPTO_memcmp(3)).
  package static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
  }
}
