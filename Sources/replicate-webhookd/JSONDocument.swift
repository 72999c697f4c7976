import JSONText

/// An object of an answer, read by name.
struct JSONDocument {
  let bytes: [UInt8]
  private let object: JSONObject

  init?(_ bytes: [UInt8]) {
    guard let object = try? JSONScanner.object(bytes.span) else { return nil }
    self.bytes = bytes
    self.object = object
  }

  /// Nil where absent. Its place is one in ``bytes``.
  func value(_ name: String) -> JSONValue? {
    object.value(named: name, in: bytes.span)
  }

  /// A string decoded, anything else as it is written; nil where absent.
  func text(_ name: String) -> String? {
    value(name).map(text)
  }

  /// The same of a value inside.
  func text(_ value: JSONValue) -> String {
    guard value.kind == .string else { return String(decoding: bytes[value.range], as: UTF8.self) }
    return JSONString.decode(value.range.lowerBound + 1..<value.range.upperBound - 1, of: bytes.span)
  }

  /// The elements of an array; empty where `value` is none.
  func elements(_ value: JSONValue?) -> [JSONValue] {
    guard let value, value.kind == .array else { return [] }
    return (try? JSONScanner.elements(value, in: bytes.span)) ?? []
  }

  /// Nil where there is no object of that name.
  func object(_ name: String) -> JSONDocument? {
    value(name).flatMap { JSONDocument(Array(bytes[$0.range])) }
  }

  /// The objects of an array; empty where there is none.
  func objects(_ name: String) -> [JSONDocument] {
    elements(value(name)).compactMap { JSONDocument(Array(bytes[$0.range])) }
  }
}
