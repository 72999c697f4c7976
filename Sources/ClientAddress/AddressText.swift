internal import Bytes

extension Span<UInt8> {
  /// The bytes as one big-endian number; of more than 16 bytes, the last 16.
  var bigEndianNumber: UInt128 {
    var number: UInt128 = 0
    for index in indices { number = number << 8 | UInt128(self[index]) }
    return number
  }

  /// A port: 0 to 65535 in decimal, without leading zeros.
  var decimalPort: UInt16? {
    guard (1...5).contains(count), count == 1 || self[0] != UInt8(ascii: "0") else { return nil }
    var number = 0
    for index in indices {
      guard let digit = self[index].decimalDigit else { return nil }
      number = number * 10 + Int(digit)
    }
    return UInt16(exactly: number)
  }
}
