package import JSONText

/// A JSON object of a response, with members read by name.
package struct JSONDocument {
  package let bytes: [UInt8]
  private let object: JSONObject

  package init?(_ bytes: [UInt8]) {
    guard let object = try? JSONScanner.object(bytes.span) else { return nil }
    self.bytes = bytes
    self.object = object
  }

  /// The member's value, as a range of ``bytes``; nil if absent.
  package func value(_ name: String) -> JSONValue? {
    object.value(named: name, in: bytes.span)
  }

  /// The member as text; nil if absent.
  ///
  /// A string is decoded; any other value is its JSON.
  package func text(_ name: String) -> String? {
    value(name).map(text)
  }

  /// A nested value as text.
  package func text(_ value: JSONValue) -> String {
    guard value.kind == .string else { return String(decoding: bytes[value.range], as: UTF8.self) }
    return JSONString.decode(value.range.lowerBound + 1..<value.range.upperBound - 1, of: bytes.span)
  }

  /// The elements of an array; empty if `value` is none.
  package func elements(_ value: JSONValue?) -> [JSONValue] {
    guard let value, value.kind == .array else { return [] }
    return (try? JSONScanner.elements(value, in: bytes.span)) ?? []
  }

  /// The object of that name; nil if there is none.
  package func object(_ name: String) -> JSONDocument? {
    value(name).flatMap { JSONDocument(Array(bytes[$0.range])) }
  }

  /// The objects of an array member; empty if there are none.
  package func objects(_ name: String) -> [JSONDocument] {
    elements(value(name)).compactMap { JSONDocument(Array(bytes[$0.range])) }
  }
}
