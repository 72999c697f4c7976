/// The Castagnoli checksum (RFC 9260 appendix A), bit by bit: once in a connection, over some hundred bytes.
enum CRC32C {
  /// The polynomial 0x1EDC6F41, lowest bit first.
  private static let polynomial: UInt32 = 0x82F6_3B78

  /// The checksum of `bytes`, as if those of `range` were zeros.
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
