import JSONText

/// A workflow's document, as the app is shown it.
struct ShownWorkflow: Equatable {
  struct Step: Equatable {
    let name: String
    let state: String
    let output: String?
    let jobs: [String]
  }

  let state: String
  let revision: Int
  let attempt: Int
  let steps: [Step]
  let output: String?
  let errorCode: String?
  /// How many predictions it has used.
  let predictions: Int

  /// Nil for a document without its parts.
  init?(_ document: String) {
    let text = Array(document.utf8)
    guard let object = try? JSONScanner.object(text.span),
      let state = object.value(named: "state", in: text.span)?.text(in: text.span),
      let revision = object.value(named: "revision", in: text.span)?.wholeNumber(in: text.span),
      let attempt = object.value(named: "attempt", in: text.span)?.wholeNumber(in: text.span),
      let list = object.value(named: "steps", in: text.span),
      let elements = try? JSONScanner.elements(list, in: text.span),
      let usage = Self.object("usage", of: object, text),
      let predictions = usage.value(named: "predictions", in: text.span)?.wholeNumber(in: text.span)
    else { return nil }
    (self.state, self.revision, self.attempt, self.predictions) = (state, revision, attempt, predictions)
    steps = elements.compactMap { Self.step($0, text) }
    output = Self.raw("output", of: object, text)
    errorCode = Self.object("error", of: object, text)?.value(named: "code", in: text.span)?.text(
      in: text.span)
    guard steps.count == elements.count else { return nil }
  }

  private static func object(_ name: String, of object: JSONObject, _ text: [UInt8]) -> JSONObject? {
    object.value(named: name, in: text.span).flatMap { try? JSONScanner.object($0, in: text.span) }
  }

  private static func raw(_ name: String, of object: JSONObject, _ text: [UInt8]) -> String? {
    object.value(named: name, in: text.span).map { String(decoding: text[$0.range], as: UTF8.self) }
  }

  private static func step(_ value: JSONValue, _ text: [UInt8]) -> Step? {
    guard let object = try? JSONScanner.object(value, in: text.span),
      let name = object.value(named: "name", in: text.span)?.text(in: text.span),
      let state = object.value(named: "state", in: text.span)?.text(in: text.span)
    else { return nil }
    let jobs =
      object.value(named: "jobs", in: text.span)
      .flatMap { try? JSONScanner.elements($0, in: text.span) } ?? []
    return Step(
      name: name, state: state, output: raw("output", of: object, text),
      jobs: jobs.compactMap { $0.text(in: text.span) })
  }

  var isEnd: Bool { ["succeeded", "failed", "canceled"].contains(state) }

  func step(_ name: String) -> Step? { steps.first { $0.name == name } }
}
