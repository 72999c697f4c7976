import ArgumentParser

/// Ids of jobs and deliveries, computed from seed and number.
///
/// None has to be stored.
struct Identifiers {
  enum Order: String, CaseIterable, ExpressibleByArgument {
    /// As at Replicate.
    ///
    /// Each new id is at a random position in the store's indexes.
    case random
    /// Ascending.
    ///
    /// Each new id is at the end of the indexes, which is cheaper.
    case sequential
  }

  let seed: UInt64
  let order: Order

  /// 26 characters.
  func job(_ number: Int) -> String { id(number, kind: 0x4A, prefix: "") }

  /// `msg_` and 24 characters.
  func delivery(_ number: Int) -> String { id(number, kind: 0x44, prefix: "msg_") }

  private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

  private func id(_ number: Int, kind: UInt64, prefix: String) -> String {
    let start = SeededGenerator.mix(seed &+ kind &* 0x9E37_79B9_7F4A_7C15)
    let length = prefix.isEmpty ? 26 : 24
    var text = Array(prefix.utf8)
    switch order {
    case .random:
      var generator = SeededGenerator(
        seed: start ^ UInt64(truncatingIfNeeded: number) &* 0xD6E8_FEB8_6659_FD93)
      Self.append(generator.next(), digits: 12, to: &text)
      Self.append(generator.next(), digits: length - 12, to: &text)
    case .sequential:
      // The seed's part is first, and the same in all ids.
      Self.append(start, digits: 12, to: &text)
      Self.append(UInt64(truncatingIfNeeded: number), digits: length - 12, to: &text)
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends the lowest `digits` digits of `value` in base 32, highest first.
  private static func append(_ value: UInt64, digits: Int, to text: inout [UInt8]) {
    for index in (0..<digits).reversed() {
      let digit = index < 13 ? Int(value >> UInt64(5 * index) & 31) : 0
      text.append(alphabet[digit])
    }
  }
}
