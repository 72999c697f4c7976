internal import Bytes
internal import JSONText

/// The problem document of an error response (RFC 9457).
///
/// Any member may be missing or of another type.
struct ProblemDetails {
  /// The reason on one line, if any.
  let message: String?
  /// Whether the body is an object with a `detail` or a `title`.
  ///
  /// Replicate's own application writes those, in any type. A gateway's JSON has other members.
  let isProblem: Bool
  /// The member `retry_after` in seconds, or the number in the detail.
  private let statedRetryAfter: Int?

  /// A sentence or two: it is shown in problem documents and logs.
  private static let maxMessageBytes = 300
  /// In seconds. Zero would be no wait, and after an hour a retry is better.
  private static let retryAfterBounds = 1...3600

  init(body: Span<UInt8>) {
    guard let object = try? JSONScanner.object(body) else {
      (message, isProblem, statedRetryAfter) = (nil, false, nil)
      return
    }
    let text = { (name: String, body: Span<UInt8>) -> String? in
      guard let value = object.value(named: name, in: body) else { return nil }
      return ReasonText.read(value, in: body, limit: Self.maxMessageBytes)
    }
    let (detail, title) = (text("detail", body), text("title", body))
    let fields = text("invalid_fields", body).map { fields in
      (title.map { "\($0): \(fields)" } ?? fields).cutToLine(of: Self.maxMessageBytes)
    }
    message = detail ?? fields ?? title
    isProblem = ["detail", "title"].contains { name in
      switch object.value(named: name, in: body)?.kind {
      case .string, .object, .array: true
      case .number, .true, .false, .null, nil: false
      }
    }
    let number = object.value(named: "retry_after", in: body)
      .flatMap { Self.seconds(body.extracting($0.range)) }
    statedRetryAfter = number ?? detail.flatMap(Self.seconds(inDetail:))
  }

  /// The seconds to wait, by the header (RFC 9110) or the body.
  ///
  /// The header comes first. Its other form, a date, is ignored.
  func retryAfter(header: String?) -> Int? {
    let headerSeconds = header.flatMap { header in
      let bytes = Array(header.utf8)
      return Self.seconds(bytes.span)
    }
    return (headerSeconds ?? statedRetryAfter).map {
      min(max($0, Self.retryAfterBounds.lowerBound), Self.retryAfterBounds.upperBound)
    }
  }

  /// Reads digits and an optional fraction, which is rounded up.
  ///
  /// A wait that is too short must not happen.
  private static func seconds(_ text: Span<UInt8>) -> Int? {
    var seconds = 0
    var position = 0
    while position < text.count, let digit = text[position].decimalDigit {
      // Values beyond the bounds are clamped later.
      seconds = min(seconds * 10 + digit, 1_000_000)
      position += 1
    }
    guard position > 0 else { return nil }
    guard position < text.count else { return seconds }
    guard text[position] == UInt8(ascii: "."), position + 1 < text.count else { return nil }
    var isWhole = true
    for index in position + 1..<text.count {
      guard let digit = text[index].decimalDigit else { return nil }
      if digit != 0 { isWhole = false }
    }
    return isWhole ? seconds : seconds + 1
  }

  /// The seconds in a detail.
  ///
  /// It is "Your rate limit resets in ~30s." or, in older responses, "Expected available in 1 second."
  private static func seconds(inDetail detail: String) -> Int? {
    let words = detail.split(separator: " ")
    for (index, word) in words.enumerated().reversed() {
      let isApproximate = word.utf8.first == UInt8(ascii: "~")
      let digits = Array(word.utf8.dropFirst(isApproximate ? 1 : 0).prefix { $0.decimalDigit != nil })
      let unit = word.utf8.dropFirst(digits.count + (isApproximate ? 1 : 0))
      let isShort = isApproximate && unit.first == UInt8(ascii: "s")
      let isLong = unit.isEmpty && index + 1 < words.count && words[index + 1].hasPrefix("second")
      if !digits.isEmpty, isShort || isLong { return seconds(digits.span) }
    }
    return nil
  }
}
