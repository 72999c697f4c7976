import Simulation

/// Mutated inputs, the same for the same seed.
struct Mutation {
  private var generator: SeededGenerator

  private static let fragments = [
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0064", "\\ud83d", "null", "true", "1e9", "-0", "https://",
    "data:",
    "@", "%|", "99/9 [", "\u{0}", "é", "999999999999999999999", "{\"min\":", "\\/",
  ]

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  /// At most `limit` random bytes.
  mutating func bytes(upTo limit: Int) -> [UInt8] {
    (0..<Int.random(in: 0...limit, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator)
    }
  }

  /// `text` with a few ranges removed, duplicated, or overwritten.
  mutating func mutate(_ text: String) -> [UInt8] {
    var bytes = Array(text.utf8)
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let start = Int.random(in: 0...bytes.count, using: &generator)
      let end = min(bytes.count, start + Int.random(in: 0...6, using: &generator))
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: bytes.removeSubrange(start..<end)
      case 1: bytes.insert(contentsOf: bytes[start..<end], at: start)
      case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: start)
      default:
        bytes.replaceSubrange(
          start..<end, with: Self.fragments.randomElement(using: &generator).map { Array($0.utf8) } ?? [])
      }
    }
    return bytes
  }
}
