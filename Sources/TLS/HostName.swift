internal import Bytes

/// Host names that are safe in a log line.
///
/// Letters, digits, hyphens, underscores, dots and asterisks, at most 253 bytes.
enum HostName {
  /// Validates a certificate's name, which may have `*`, and converts it to lower case.
  static func read(_ text: String) -> String? {
    guard (1...253).contains(text.utf8.count) else { return nil }
    var name: [UInt8] = []
    for byte in text.utf8 {
      guard byte.isAlphanumeric || "-_.*".utf8.contains(byte) else { return nil }
      name.append(byte.lowercased)
    }
    return String(decoding: name, as: UTF8.self)
  }
}
