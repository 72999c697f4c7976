internal import Bytes

/// The part of a file that a 206 response has (RFC 9110 section 14.4).
struct ContentRange: Equatable {
  let first: Int
  let last: Int
  let total: Int

  /// Parses `bytes 0-99/100`. Nil for anything else, and for a range without a total.
  init?(_ value: String) {
    let words = value.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
    let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let total = Self.number(parts[1]) else { return nil }
    let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]),
      first <= last, last < total
    else { return nil }
    self.first = first
    self.last = last
    self.total = total
  }

  /// Whether the part goes from `offset` to the end of the file.
  func continues(at offset: Int) -> Bool { first == offset && last == total - 1 }

  /// Digits alone, without a sign.
  static func number(_ text: some StringProtocol) -> Int? {
    (1...18).contains(text.utf8.count) && text.utf8.allSatisfy(\.isDigit) ? Int(text) : nil
  }
}

/// Entity tags that may be sent with a range (RFC 9110 section 13.1.5).
enum EntityTag {
  private static let maxBytes = 256

  /// Nil unless `value` is a strong entity tag.
  static func strong(_ value: String?) -> String? {
    guard let value, (2...maxBytes).contains(value.utf8.count), value.hasPrefix("\""), value.hasSuffix("\""),
      value.utf8.dropFirst().dropLast().allSatisfy({ $0.isVisible && $0 != .quote })
    else { return nil }
    return value
  }
}
