/// The checksums of PNG and zlib.
enum Checksums {
  /// CRC-32 (RFC 1952 section 8).
  static func crc32(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { crc, byte in crcTable[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ crc >> 8 }
  }

  /// Adler-32 (RFC 1950 section 8).
  static func adler32(_ bytes: [UInt8]) -> UInt32 {
    let modulus: UInt32 = 65_521
    var (low, high): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      low = (low + UInt32(byte)) % modulus
      high = (high + low) % modulus
    }
    return high << 16 | low
  }

  private static let crcTable: [UInt32] = (0..<256).map { (byte: UInt32) in
    (0..<8).reduce(byte) { crc, _ in crc & 1 == 1 ? 0xEDB8_8320 ^ crc >> 1 : crc >> 1 }
  }
}

extension [UInt8] {
  mutating func append(bigEndian number: UInt32) {
    append(contentsOf: (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32($0))) })
  }

  mutating func append(littleEndian number: UInt32) {
    append(contentsOf: (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * UInt32($0))) })
  }

  mutating func append(littleEndian number: UInt16) {
    append(contentsOf: [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)])
  }
}
