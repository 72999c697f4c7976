internal import Bytes
package import JSONText

/// How far a prediction has come, by the last progress bar in its logs.
///
/// Bars are those of tqdm, which Replicate's own clients read too:
///
///     42%|████▏     | 21/50 [00:03<00:04,  6.52it/s]
///
/// A bar tells of one loop, not of the whole: a model may print several, one after another.
package enum LogProgress {
  /// In bytes of JSON text, from the end: dozens of bars. Logs may have megabytes, and the bar that counts is the last.
  private static let lookBack = 4096

  /// From 0 to 1; nil where no bar is near the end. `logs` has a place in a body that was validated.
  package static func fraction(in logs: JSONValue, of body: Span<UInt8>) -> Double? {
    guard logs.kind == .string else { return nil }
    var window = logs.contents
    if window.count > lookBack {
      // What is cut may be an escape or a character; a space is neither.
      let cut = window.upperBound - lookBack
      guard let space = (cut..<window.upperBound).first(where: { body[$0] == 0x20 }) else { return nil }
      window = space..<window.upperBound
    }
    let text = Array(JSONString.decode(window, of: body).utf8)
    // Bars are drawn one over the other with a carriage return.
    for line in text.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }).reversed() {
      if let fraction = bar(in: line) { return fraction }
    }
    return nil
  }

  /// The last bar of a line: its count if it has one, which is finer, else its percentage.
  private static func bar(in line: ArraySlice<UInt8>) -> Double? {
    let percentSign = line.indices.last { index in
      line[index] == UInt8(ascii: "%") && index + 1 < line.endIndex && line[index + 1] == UInt8(ascii: "|")
    }
    if let fraction = count(in: line[(percentSign ?? line.startIndex)...]) { return fraction }
    guard let percentSign, let percent = number(before: percentSign, in: line) else { return nil }
    return min(Double(percent.value) / 100, 1)
  }

  /// The last `n/m [`, with n at most m.
  private static func count(in line: ArraySlice<UInt8>) -> Double? {
    let bracket = line.indices.last { index in
      line[index] == UInt8(ascii: "[") && index > line.startIndex && line[index - 1] == 0x20
        && number(before: index - 1, in: line) != nil
    }
    guard let bracket, let total = number(before: bracket - 1, in: line), total.start > line.startIndex,
      line[total.start - 1] == UInt8(ascii: "/"), let done = number(before: total.start - 1, in: line),
      total.value > 0, done.value <= total.value
    else { return nil }
    return Double(done.value) / Double(total.value)
  }

  /// The digits that end at `end`: one to nine of them, and no part of a longer number.
  private static func number(before end: Int, in line: ArraySlice<UInt8>) -> (value: Int, start: Int)? {
    var start = end
    while start > line.startIndex, end - start < 10, line[start - 1].decimalDigit != nil { start -= 1 }
    guard (1...9).contains(end - start) else { return nil }
    if start > line.startIndex, line[start - 1] == UInt8(ascii: ".") { return nil }
    return (line[start..<end].reduce(0) { $0 * 10 + ($1.decimalDigit ?? 0) }, start)
  }
}
