/// Builds version 2 headers, like a proxy.
enum ProxyBlocks {
  static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
  static let ipv4: [UInt8] = [203, 0, 113, 9, 10, 0, 0, 1, 0xDC, 0x04, 0x01, 0xBB]
  static let ipv6: [UInt8] =
    [0x20, 0x01, 0x0D, 0xB8] + zeros(11) + [9] + zeros(15) + [1] + [0xDC, 0x04, 0x01, 0xBB]
  static let mapped: [UInt8] =
    zeros(10) + [0xFF, 0xFF, 203, 0, 113, 9] + zeros(10) + [0xFF, 0xFF, 10, 0, 0, 1] + [
      0xDC, 0x04, 0x01, 0xBB,
    ]
  static let unix = Array("/run/client".utf8) + zeros(97) + Array("/run/server".utf8) + zeros(97)

  static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

  static func block(_ command: UInt8, _ family: UInt8, _ content: [UInt8] = []) -> [UInt8] {
    signature + [command, family, UInt8(content.count >> 8), UInt8(content.count & 0xFF)] + content
  }

  static func vector(_ type: UInt8, _ value: [UInt8]) -> [UInt8] {
    [type, UInt8(value.count >> 8), UInt8(value.count & 0xFF)] + value
  }

  /// CRC-32C by polynomial division, bit by bit.
  ///
  /// The most significant bit comes first, unlike in the implementation.
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var remainder = UInt32.max
    for byte in bytes {
      for bit in 0..<8 {
        let isOdd = (remainder >> 31 == 1) != (byte >> bit & 1 == 1)
        remainder = remainder << 1 ^ (isOdd ? 0x1EDC_6F41 : 0)
      }
    }
    return (0..<32).reduce(0) { $0 | (remainder >> $1 & 1) << (31 - $1) } ^ UInt32.max
  }

  /// A header with the TLVs `before`, the checksum, and `after`.
  static func summed(_ family: UInt8, _ addresses: [UInt8], before: [UInt8] = [], after: [UInt8] = [])
    -> [UInt8]
  {
    var bytes = block(0x21, family, addresses + before + vector(3, zeros(4)) + after)
    let place = 16 + addresses.count + before.count + 3
    let sum = checksum(bytes)
    for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: sum >> (24 - 8 * index)) }
    return bytes
  }
}
