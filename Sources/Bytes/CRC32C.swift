/// The CRC-32C checksum (RFC 9260 appendix A), computed piece by piece.
package struct CRC32C: Sendable {
  /// The polynomial 0x1EDC6F41, lowest bit first.
  private static let polynomial: UInt32 = 0x82F6_3B78

  private var remainder = UInt32.max

  package init() {}

  /// The checksum of all bytes so far.
  package var value: UInt32 { ~remainder }

  package mutating func update(_ bytes: Span<UInt8>) {
    let tables = Self.tables
    tables.withUnsafeBufferPointer { tables in
      var (remainder, index) = (self.remainder, 0)
      // Eight bytes a step: downloads of gigabytes pass through here.
      while index + 8 <= bytes.count {
        let low =
          remainder
          ^ (UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]) << 16
            | UInt32(bytes[index + 3]) << 24)
        remainder =
          tables[7 << 8 | Int(low & 0xFF)] ^ tables[6 << 8 | Int(low >> 8 & 0xFF)]
          ^ tables[5 << 8 | Int(low >> 16 & 0xFF)] ^ tables[4 << 8 | Int(low >> 24)]
          ^ tables[3 << 8 | Int(bytes[index + 4])] ^ tables[2 << 8 | Int(bytes[index + 5])]
          ^ tables[1 << 8 | Int(bytes[index + 6])] ^ tables[Int(bytes[index + 7])]
        index += 8
      }
      while index < bytes.count {
        remainder = remainder >> 8 ^ tables[Int((remainder ^ UInt32(bytes[index])) & 0xFF)]
        index += 1
      }
      self.remainder = remainder
    }
  }

  /// Eight tables of 256: the remainder of a byte that is followed by 0 to 7 zeros.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 << 8)
    for byte in 0..<256 {
      var remainder = UInt32(byte)
      for _ in 0..<8 {
        remainder = remainder & 1 == 0 ? remainder >> 1 : remainder >> 1 ^ polynomial
      }
      tables[byte] = remainder
    }
    for index in 256..<tables.count {
      let previous = tables[index - 256]
      tables[index] = previous >> 8 ^ tables[Int(previous & 0xFF)]
    }
    return tables
  }()
}
