internal import Crypto
internal import JSONText

/// Random numbers for one file, derived from prompt, seed and the file's number.
///
/// The same three give the same file, in every run.
struct OutputSeed {
  private let dice: Dice
  /// The prompt, or the text of the input that has none.
  let prompt: String
  /// The seed as the logs name it.
  let seed: String

  /// - Parameters:
  ///   - input: a validated object.
  ///   - fallback: the seed where the input names none.
  ///   - index: the file's number in its output.
  init(input: Span<UInt8>, fallback: Int, index: Int) {
    let object = try? JSONScanner.object(input)
    prompt =
      object?.value(named: "prompt", in: input)?.text(in: input)
      ?? input.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    seed = Self.seed(of: input, fallback: fallback)
    let text = Array("\(seed) \(index) \(prompt)".utf8)
    dice = Dice(seed: SHA256().digest(of: text.span).prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
  }

  /// The input's `seed`, or the fallback.
  static func seed(of input: Span<UInt8>, fallback: Int) -> String {
    let value = (try? JSONScanner.object(input))?.value(named: "seed", in: input)
    guard let value, value.kind == .number, value.range.count <= 20 else { return "\(fallback)" }
    return String(decoding: value.bytes(in: input), as: UTF8.self)
  }

  /// The number `index` of this file.
  func number(_ index: Int, in range: ClosedRange<Double>) -> Double {
    range.lowerBound + dice.roll(.output, for: index) * (range.upperBound - range.lowerBound)
  }
}
