/// The CRC-32C checksum (RFC 9260 appendix A).
///
/// It is computed bit by bit: once per connection, over some hundred bytes.
enum CRC32C {
  /// The polynomial 0x1EDC6F41, lowest bit first.
  private static let polynomial: UInt32 = 0x82F6_3B78

  /// Computes the checksum of `bytes`, with zeros in place of `range`.
  static func checksum(of bytes: Span<UInt8>, zeroing range: Range<Int>) -> UInt32 {
    var remainder = UInt32.max
    for index in bytes.indices {
      remainder ^= range.contains(index) ? 0 : UInt32(bytes[index])
      for _ in 0..<8 {
        remainder = remainder & 1 == 0 ? remainder >> 1 : remainder >> 1 ^ polynomial
      }
    }
    return ~remainder
  }
}
