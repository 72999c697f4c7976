/// The syntax of a Host field or an authority: `uri-host [ ":" port ]` (RFC 9110 section 7.2), without user information.
enum HostField {
  static func isValid(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard !bytes.isEmpty else { return true }
    let hostEnd: Int
    if bytes[0] == UInt8(ascii: "[") {
      guard let close = bytes.firstIndex(of: UInt8(ascii: "]")), close > 1,
        bytes[1..<close].allSatisfy({
          $0.hexValue != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
        })
      else { return false }
      hostEnd = close + 1
    } else {
      hostEnd = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
      guard bytes[..<hostEnd].allSatisfy(isRegisteredNameCharacter) else { return false }
    }
    guard hostEnd < bytes.count else { return true }
    let port = bytes[(hostEnd + 1)...]
    return bytes[hostEnd] == UInt8(ascii: ":") && port.count <= 5 && port.allSatisfy(\.isDigit)
  }

  /// RFC 3986 section 3.2.2 `reg-name`, without percent-encoding, which no host of ours has.
  private static func isRegisteredNameCharacter(_ byte: UInt8) -> Bool {
    byte.isAlpha || byte.isDigit || "-._~!$&'()*+,;=".utf8.contains(byte)
  }
}
