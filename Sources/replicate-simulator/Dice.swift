/// Random numbers derived from seed, prediction and purpose.
///
/// The same arguments give the same number, independent of other events and their order.
struct Dice: Equatable, Sendable {
  enum Purpose: UInt64, Sendable {
    case losing = 1, duplicating, duplicateDelay, reordering, reorderDelay, failing, failureKind, identifier
    case output, failingFile, fileFailureKind, filePart
  }

  let seed: UInt64

  /// A number in 0..<1.
  func roll(_ purpose: Purpose, for ordinal: Int, _ index: Int = 0) -> Double {
    Double(number(purpose, for: ordinal, index) >> 11) / 9_007_199_254_740_992
  }

  func number(_ purpose: Purpose, for ordinal: Int, _ index: Int = 0) -> UInt64 {
    var state = Self.mix(seed &+ purpose.rawValue &* 0x9E37_79B9_7F4A_7C15)
    state = Self.mix(state ^ UInt64(truncatingIfNeeded: ordinal) &* 0xD1B5_4A32_D192_ED03)
    return Self.mix(state ^ UInt64(truncatingIfNeeded: index) &* 0x8CB9_2BA7_2F3D_8DD7)
  }

  /// The output step of SplitMix64, which mixes all bits.
  private static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value &+ 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Unique ids of predictions, streams, files and webhooks.
///
/// They differ between runs even with the same seed. Otherwise a receiver would take a later run's webhooks
/// as late deliveries of an earlier one.
struct Identifiers: Sendable {
  private let dice: Dice
  /// The 32 letters and digits of Replicate's ids.
  private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

  /// - Parameter run: a different number for each run of the program.
  init(run: UInt64) {
    dice = Dice(seed: run)
  }

  /// 26 letters and digits.
  func prediction(_ ordinal: Int) -> String { text(ordinal, 0, length: 26) }

  /// The key in a stream's URL.
  ///
  /// It is there in place of the id, which others may know.
  func stream(_ ordinal: Int) -> String { text(-ordinal, 0, length: 48) }

  /// 48 letters and digits, as in the URLs of Replicate's files.
  func file(_ ordinal: Int) -> String { text(-ordinal, 1, length: 48) }

  /// The key in the URLs of a prediction's files.
  func output(_ ordinal: Int) -> String { text(-ordinal, 2, length: 52) }

  /// The id of the `index`-th webhook of a prediction.
  func webhook(_ ordinal: Int, _ index: Int) -> String { "msg_" + text(ordinal, index + 1, length: 27) }

  private func text(_ ordinal: Int, _ index: Int, length: Int) -> String {
    var bits: UInt64 = 0
    let bytes = (0..<length).map { position in
      // One number yields twelve letters.
      if position.isMultiple(of: 12) {
        bits = dice.number(.identifier, for: ordinal, index * 8 + position / 12)
      }
      defer { bits >>= 5 }
      return Self.alphabet[Int(bits & 31)]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
