internal import Bytes

extension Span<UInt8> {
  /// The bytes as one big-endian number; of more than 16 bytes, the last 16.
  var bigEndianNumber: UInt128 {
    var number: UInt128 = 0
    for index in indices { number = number << 8 | UInt128(self[index]) }
    return number
  }

  func starts(with text: StaticString) -> Bool {
    guard count >= text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { expected in
      expected.indices.allSatisfy { self[$0] == expected[$0] }
    }
  }

  func equals(_ text: StaticString) -> Bool {
    count == text.utf8CodeUnitCount && starts(with: text)
  }

  /// Whether the bytes equal `lowercaseText`, ASCII case-insensitively.
  func equalsIgnoringCase(_ lowercaseText: StaticString) -> Bool {
    guard count == lowercaseText.utf8CodeUnitCount else { return false }
    return lowercaseText.withUTF8Buffer { expected in
      expected.indices.allSatisfy { index in
        let byte = self[index]
        let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
        return (isUpper ? byte | 0x20 : byte) == expected[index]
      }
    }
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
