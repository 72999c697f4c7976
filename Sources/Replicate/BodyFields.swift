internal import JSONText
internal import Jobs
internal import Time

/// Typed access to a body's members.
struct BodyFields {
  let object: JSONObject

  /// Longer error texts are cut; the body keeps the whole text.
  private static let maxErrorTextBytes = 4096
  /// RFC 3339 with nine fraction digits takes 35 bytes.
  private static let maxTimeBytes = 40
  /// In bytes of JSON text. An id of 255 bytes, all of them escaped, takes 1,532.
  private static let maxStringBytes = 2048

  /// Nil where absent or null.
  func value(_ name: StaticString, in body: Span<UInt8>) -> JSONValue? {
    guard let value = object.value(of: name, in: body), value.kind != .null else { return nil }
    return value
  }

  func string(_ name: StaticString, in body: Span<UInt8>) -> String? {
    guard let value = value(name, in: body), value.range.count <= Self.maxStringBytes else { return nil }
    return value.text(in: body)
  }

  func time(_ name: StaticString, in body: Span<UInt8>) -> Timestamp? {
    guard let value = value(name, in: body), value.kind == .string, value.range.count <= Self.maxTimeBytes
    else {
      return nil
    }
    return Timestamp(rfc3339: body.extracting(value.contents))
  }

  /// The duration of a member in seconds; nil where it is invalid.
  static func milliseconds(_ name: StaticString, of value: JSONValue, in body: Span<UInt8>) -> Int64? {
    guard value.kind == .object, let members = try? JSONScanner.object(value, in: body),
      let number = members.value(of: name, in: body), number.kind == .number,
      number.range.count <= maxTimeBytes
    else { return nil }
    let text = body.extracting(number.range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    guard let seconds = Double(text), (0...maxSpanSeconds).contains(seconds) else { return nil }
    return Int64(seconds * 1000)
  }

  /// A year, in seconds.
  private static let maxSpanSeconds = 31_557_600.0

  /// The text of `error`: a string, or an object with a `detail`.
  ///
  /// A succeeded prediction may have an empty one.
  func errorText(in body: Span<UInt8>) -> String? {
    guard let value = value("error", in: body) else { return nil }
    let text: String
    if let string = value.text(in: body) {
      text = string
      // The whole body was validated, so no part of it can fail.
    } else if value.kind == .object, let members = try? JSONScanner.object(value, in: body),
      let detail = members.value(of: "detail", in: body), let string = detail.text(in: body)
    {
      text = string
    } else {
      // Unchanged, because without its escapes it is no longer JSON.
      text = body.extracting(value.range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
    guard !text.isEmpty else { return nil }
    return text.utf8.count <= Self.maxErrorTextBytes ? text : text.cut(to: Self.maxErrorTextBytes)
  }
}
