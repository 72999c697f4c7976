internal import Bytes
package import JSONText
internal import Jobs

/// A prediction's progress, from the last progress bar in its logs.
///
/// Bars are those of tqdm, which Replicate's own clients read too:
///
///     42%|████▏     | 21/50 [00:03<00:04,  6.52it/s]
///
/// A bar shows one loop, not the whole: a model may print several, one after another.
package enum LogProgress {
  /// Bytes of JSON text searched, from the end: dozens of bars.
  ///
  /// Logs may have megabytes, and the last bar counts.
  private static let maxSearchedBytes = 4096

  /// From 0 to 1; nil where no bar is near the end.
  ///
  /// - Parameter logs: a value of a validated body.
  package static func fraction(in logs: JSONValue, of body: Span<UInt8>) -> Double? {
    guard let window = window(of: logs, in: body) else { return nil }
    switch scan(body.extracting(window)) {
    case .found(let fraction): return fraction
    case .none: return nil
    case .unclear: return fraction(decoding: window, of: body)
    }
  }

  /// The end of the logs that is searched. Nil where it has no bar.
  static func window(of logs: JSONValue, in body: Span<UInt8>) -> Range<Int>? {
    guard logs.kind == .string else { return nil }
    let window = logs.contents
    guard window.count > maxSearchedBytes else { return window }
    // The cut may be inside an escape or a character; a space is neither.
    let cut = window.upperBound - maxSearchedBytes
    return (cut..<window.upperBound).first { body[$0] == 0x20 }.map { $0..<window.upperBound }
  }

  /// In ten-thousandths, as a job shows it: below 1, because a bar ends before its job does.
  package static func progress(in logs: JSONValue, of body: Span<UInt8>) -> Int64? {
    fraction(in: logs, of: body).map { min(Int64($0 * 10_000), Snapshot.maxProgress) }
  }

  /// The result for logs of any kind, from their decoded text.
  static func fraction(decoding window: Range<Int>, of body: Span<UInt8>) -> Double? {
    let text = Array(JSONString.decode(window, of: body).utf8)
    // A carriage return draws one bar over another.
    for line in text.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }).reversed() {
      if let fraction = bar(in: line) { return fraction }
    }
    return nil
  }

  /// The last bar of a line.
  ///
  /// Its count is finer, and its percentage is read where there is none.
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

  /// The whole number of one to nine digits that ends at `end`.
  private static func number(before end: Int, in line: ArraySlice<UInt8>) -> (value: Int, start: Int)? {
    var start = end
    while start > line.startIndex, end - start < 10, line[start - 1].decimalDigit != nil { start -= 1 }
    guard (1...9).contains(end - start) else { return nil }
    if start > line.startIndex, line[start - 1] == UInt8(ascii: ".") { return nil }
    return (line[start..<end].reduce(0) { $0 * 10 + ($1.decimalDigit ?? 0) }, start)
  }
}
