/// Percent-encoding (RFC 3986 section 2.1).
package enum PercentEncoding {
  /// Nil where a `%` is not followed by two hexadecimal digits, or the result is not UTF-8.
  package static func decode(_ text: Span<UInt8>, plusIsSpace: Bool) -> String? {
    guard text.contains(UInt8(ascii: "%")) || plusIsSpace && text.contains(UInt8(ascii: "+")) else {
      guard let valid = try? UTF8Span(validating: text) else { return nil }
      return String(copying: valid)
    }
    return decodeBytes(text, plusIsSpace: plusIsSpace).flatMap { String(validating: $0, as: UTF8.self) }
  }

  /// Nil where a `%` is not followed by two hexadecimal digits. The result need not be UTF-8.
  package static func decodeBytes(_ text: Span<UInt8>, plusIsSpace: Bool) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      let byte = text[index]
      if byte == UInt8(ascii: "%") {
        guard index + 2 < text.count, let high = text[index + 1].hexadecimalDigit,
          let low = text[index + 2].hexadecimalDigit
        else {
          return nil
        }
        bytes.append(high << 4 | low)
        index += 3
      } else {
        bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? .space : byte)
        index += 1
      }
    }
    return bytes
  }

  /// Encodes `text` as one segment of a path or one value of a query.
  ///
  /// All but the unreserved characters are encoded (RFC 3986 section 2.3). So are the dots of `.` and `..`,
  /// which a client would resolve (section 5.2.4).
  package static func encode(_ text: String) -> String {
    let isDotSegment = text == "." || text == ".."
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      if byte.isAlphanumeric || "-._~".utf8.contains(byte) && !isDotSegment {
        bytes.append(byte)
      } else {
        bytes += escape(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static let digits = Array("0123456789ABCDEF".utf8)

  /// The three characters of an encoded byte.
  package static func escape(_ byte: UInt8) -> [UInt8] {
    [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
  }
}
