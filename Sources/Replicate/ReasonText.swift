internal import JSONText

/// The text of a reason in an error's body, whatever its type.
///
/// RFC 9457 has a string. FastAPI has a list of `{"loc": ["body", "input"], "msg": "Field required"}`, Django REST framework
/// an object of lists by field, and others nest `{"message": "…"}`.
enum ReasonText {
  /// A request is wrong in one place or two.
  private static let maxTexts = 8
  private static let maxDepth = 4
  /// In bytes of JSON text. A sentence fits; what follows is cut.
  private static let maxTextSize = 8192
  /// In bytes of JSON text. A list of errors may repeat the input.
  private static let maxContainerSize = 262_144

  private static let textNames = ["msg", "message", "detail", "description", "title", "error"]

  /// On one line of at most `limit` bytes; nil where `value` has no text.
  static func read(_ value: JSONValue, in body: Span<UInt8>, limit: Int) -> String? {
    var texts: [String] = []
    collect(value, at: "", depth: 0, in: body, into: &texts)
    let line = texts.joined(separator: "; ").cutToLine(of: limit)
    return line.isEmpty ? nil : line
  }

  private static func collect(
    _ value: JSONValue, at place: String, depth: Int, in body: Span<UInt8>, into texts: inout [String]
  ) {
    guard texts.count < maxTexts, depth < maxDepth else { return }
    guard value.kind == .string || value.range.count <= maxContainerSize else { return }
    switch value.kind {
    case .string:
      guard let text = value.prefix(maxTextSize, in: body), !text.isEmpty else { return }
      texts.append(place.isEmpty ? text : "\(place): \(text)")
    case .array:
      for element in (try? JSONScanner.elements(value, in: body)) ?? [] {
        collect(element, at: place, depth: depth + 1, in: body, into: &texts)
      }
    case .object:
      guard let object = try? JSONScanner.object(value, in: body) else { return }
      collect(object, at: place, depth: depth + 1, in: body, into: &texts)
    case .number, .true, .false, .null: return
    }
  }

  private static func collect(
    _ object: JSONObject, at place: String, depth: Int, in body: Span<UInt8>, into texts: inout [String]
  ) {
    for name in textNames {
      guard let text = object.value(named: name, in: body), text.kind != .null else { continue }
      let ownPlace = object.value(named: "loc", in: body) ?? object.value(named: "field", in: body)
      return collect(
        text, at: ownPlace.map { path($0, in: body) } ?? place, depth: depth, in: body, into: &texts)
    }
    // Members by field: `{"version": ["This field is required."]}`.
    for member in object.members {
      let name = JSONString.decode(member.name.prefix(maxTextSize), of: body)
      collect(
        member.value, at: place.isEmpty ? name : "\(place).\(name)", depth: depth, in: body, into: &texts)
    }
  }

  /// `["body", "input", 0]` as `body.input.0`.
  private static func path(_ place: JSONValue, in body: Span<UInt8>) -> String {
    guard place.kind == .array, place.range.count <= maxTextSize,
      let parts = try? JSONScanner.elements(place, in: body)
    else { return place.prefix(maxTextSize, in: body) ?? "" }
    var names: [String] = []
    for part in parts {
      if let name = part.text(in: body) ?? part.wholeNumber(in: body).map(String.init) { names.append(name) }
    }
    return names.joined(separator: ".")
  }
}
