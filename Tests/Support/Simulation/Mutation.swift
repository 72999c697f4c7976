/// Mutated inputs, the same for the same seed.
package struct Mutation {
  private var generator: SeededGenerator
  private let fragments: [String]

  /// Fragments of JSON, and of texts that Replicate writes into it.
  package static let jsonFragments = [
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0064", "\\ud83d", "null", "true", "1e9", "-0", "https://",
    "data:", "@", "%|", "99/9 [", "\u{0}", "é", "999999999999999999999", "{\"min\":", "\\/",
  ]

  /// - Parameter fragments: texts that overwrite a range.
  package init(seed: UInt64, fragments: [String] = jsonFragments) {
    generator = SeededGenerator(seed: seed)
    self.fragments = fragments
  }

  /// At most `limit` random bytes.
  package mutating func bytes(upTo limit: Int) -> [UInt8] {
    (0..<Int.random(in: 0...limit, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator)
    }
  }

  /// `text` with a few ranges removed, duplicated, or overwritten.
  package mutating func mutate(_ text: String) -> [UInt8] { mutate(Array(text.utf8)) }

  package mutating func mutate(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let start = Int.random(in: 0...bytes.count, using: &generator)
      let end = min(bytes.count, start + Int.random(in: 0...8, using: &generator))
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: bytes.removeSubrange(start..<end)
      case 1: bytes.insert(contentsOf: bytes[start..<end], at: start)
      case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: start)
      default:
        bytes.replaceSubrange(
          start..<end, with: fragments.randomElement(using: &generator).map { Array($0.utf8) } ?? [])
      }
    }
    return bytes
  }
}
