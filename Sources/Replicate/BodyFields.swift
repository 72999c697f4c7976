internal import JSONText
internal import Jobs
internal import Time

/// Reads members of a body by the type they should have.
struct BodyFields {
  let object: JSONObject

  /// Longer error texts are cut: the whole text stays in the body.
  private static let longestErrorText = 4096
  /// Longer times have no meaning (RFC 3339 with nine fraction digits takes 35 bytes).
  private static let longestTime = 40
  /// In bytes of JSON text: an id of 255 bytes, every one of them written as an escape, takes 1,532.
  private static let longestString = 2048

  /// Nil where absent or null.
  func value(_ name: String, in body: Span<UInt8>) -> JSONValue? {
    guard let value = object.value(named: name, in: body), value.kind != .null else { return nil }
    return value
  }

  func string(_ name: String, in body: Span<UInt8>) -> String? {
    guard let value = value(name, in: body), value.range.count <= Self.longestString else { return nil }
    return value.text(in: body)
  }

  func time(_ name: String, in body: Span<UInt8>) -> Timestamp? {
    guard let value = value(name, in: body), value.kind == .string, value.range.count <= Self.longestTime
    else {
      return nil
    }
    return Timestamp(rfc3339: body.extracting(value.contents))
  }

  /// A number of seconds among the members of `value`; nil where it is none, negative, or longer than any time that is meant.
  static func milliseconds(_ name: String, of value: JSONValue, in body: Span<UInt8>) -> Int64? {
    guard value.kind == .object, let members = try? JSONScanner.object(value, in: body),
      let number = members.value(named: name, in: body), number.kind == .number,
      number.range.count <= longestTime
    else { return nil }
    let text = body.extracting(number.range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    guard let seconds = Double(text), (0...longestSpan).contains(seconds) else { return nil }
    return Int64(seconds * 1000)
  }

  /// A year, in seconds.
  private static let longestSpan = 31_557_600.0

  /// `error` is a string, or an object with a `detail`; a succeeded prediction may have an empty one.
  func errorText(in body: Span<UInt8>) -> String? {
    guard let value = value("error", in: body) else { return nil }
    let text: String
    if let string = value.text(in: body) {
      text = string
      // The body was validated as a whole, so no part of it can fail.
    } else if value.kind == .object, let members = try? JSONScanner.object(value, in: body),
      let detail = members.value(named: "detail", in: body), let string = detail.text(in: body)
    {
      text = string
    } else {
      // As it was written: without its escapes it would be no JSON any more.
      text = body.extracting(value.range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
    guard !text.isEmpty else { return nil }
    return text.utf8.count <= Self.longestErrorText ? text : text.cut(to: Self.longestErrorText)
  }
}
