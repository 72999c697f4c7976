internal import JSONText

/// The text of a reason of any type in an error's body.
///
/// RFC 9457 has a string. FastAPI has a list of `{"loc": ["body", "input"], "msg": "Field required"}`. Django
/// REST framework has an object of lists by field, and others nest `{"message": "…"}`.
enum ReasonText {
  /// A request has one or two errors.
  private static let maxTexts = 8
  private static let maxDepth = 4
  /// In bytes of JSON text. A sentence fits; the rest is cut.
  private static let maxTextBytes = 8192
  /// In bytes of JSON text. A list of errors may repeat the input.
  private static let maxContainerBytes = 262_144

  private static let textNames = ["msg", "message", "detail", "description", "title", "error"]

  /// The text of `value` on one line; nil where it has none.
  ///
  /// - Parameter limit: in bytes.
  static func read(_ value: JSONValue, in body: Span<UInt8>, limit: Int) -> String? {
    var texts: [String] = []
    collect(value, at: "", depth: 0, in: body, into: &texts)
    let line = texts.joined(separator: "; ").cutToLine(of: limit)
    return line.isEmpty ? nil : line
  }

  private static func collect(
    _ value: JSONValue, at location: String, depth: Int, in body: Span<UInt8>, into texts: inout [String]
  ) {
    guard texts.count < maxTexts, depth < maxDepth else { return }
    guard value.kind == .string || value.range.count <= maxContainerBytes else { return }
    switch value.kind {
    case .string:
      guard let text = value.prefix(maxTextBytes, in: body), !text.isEmpty else { return }
      texts.append(location.isEmpty ? text : "\(location): \(text)")
    case .array:
      for element in (try? JSONScanner.elements(value, in: body)) ?? [] {
        collect(element, at: location, depth: depth + 1, in: body, into: &texts)
      }
    case .object:
      guard let object = try? JSONScanner.object(value, in: body) else { return }
      collect(object, at: location, depth: depth + 1, in: body, into: &texts)
    case .number, .true, .false, .null: return
    }
  }

  private static func collect(
    _ object: JSONObject, at location: String, depth: Int, in body: Span<UInt8>, into texts: inout [String]
  ) {
    for name in textNames {
      guard let text = object.value(named: name, in: body), text.kind != .null else { continue }
      let ownLocation = object.value(named: "loc", in: body) ?? object.value(named: "field", in: body)
      return collect(
        text, at: ownLocation.map { path($0, in: body) } ?? location, depth: depth, in: body, into: &texts)
    }
    // Members by field: `{"version": ["This field is required."]}`.
    for member in object.members {
      let name = JSONString.decode(member.name.prefix(maxTextBytes), of: body)
      collect(
        member.value, at: location.isEmpty ? name : "\(location).\(name)", depth: depth, in: body,
        into: &texts)
    }
  }

  /// Joins `["body", "input", 0]` to `body.input.0`.
  private static func path(_ location: JSONValue, in body: Span<UInt8>) -> String {
    guard location.kind == .array, location.range.count <= maxTextBytes,
      let parts = try? JSONScanner.elements(location, in: body)
    else { return location.prefix(maxTextBytes, in: body) ?? "" }
    var names: [String] = []
    for part in parts {
      if let name = part.text(in: body) ?? part.wholeNumber(in: body).map(String.init) { names.append(name) }
    }
    return names.joined(separator: ".")
  }
}
