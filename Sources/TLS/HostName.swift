/// Host names that are safe in a log line.
///
/// Letters, digits, hyphens, underscores, dots and asterisks, at most 253 bytes.
enum HostName {
  /// Validates a certificate's name, which may have `*`, and converts it to lower case.
  static func read(_ text: String) -> String? {
    guard (1...253).contains(text.utf8.count) else { return nil }
    var name: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): name.append(byte | 0x20)
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
        UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "*"):
        name.append(byte)
      default: return nil
      }
    }
    return String(decoding: name, as: UTF8.self)
  }
}
