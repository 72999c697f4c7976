internal import Bytes

/// The syntax of Host and authority: `uri-host [ ":" port ]` (RFC 9110 section 7.2).
///
/// User information is not allowed.
enum HostField {
  static func isValid(_ text: String) -> Bool {
    let bytes = text.utf8Span.span
    guard !bytes.isEmpty else { return true }
    var index = 0
    if bytes[0] == UInt8(ascii: "[") {
      index = 1
      while index < bytes.count, bytes[index].isIPv6Character { index += 1 }
      guard index > 1, index < bytes.count, bytes[index] == UInt8(ascii: "]") else { return false }
      index += 1
    } else {
      while index < bytes.count, bytes[index].isRegisteredNameCharacter { index += 1 }
    }
    guard index < bytes.count else { return true }
    let port = index + 1..<bytes.count
    return bytes[index] == UInt8(ascii: ":") && port.count <= 5 && port.allSatisfy { bytes[$0].isDigit }
  }
}

extension UInt8 {
  fileprivate var isIPv6Character: Bool {
    hexadecimalDigit != nil || self == UInt8(ascii: ":") || self == UInt8(ascii: ".")
  }

  /// RFC 3986 section 3.2.2 `reg-name`, without percent-encoding, which no host served here uses.
  fileprivate var isRegisteredNameCharacter: Bool {
    if isAlpha || isDigit { return true }
    switch self {
    case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "!"),
      UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"),
      UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="):
      return true
    default: return false
    }
  }
}
