internal import Bytes
internal import JSONText
internal import JobRequests

extension WorkflowDefinition {
  static let members = [
    "id", "input", "steps", "output", "on_failure", "deadline", "limits", "callback", "metadata",
  ]
  private static let defaultDeadline: Int64 = 86_400_000
  private static let maxDeadlineSeconds = 30 * 86_400
  private static let defaultPredictions = 100
  private static let maxPredictions = 1000
  private static let maxIDLength = 24

  /// Parses and checks the body of `POST /workflows`.
  package init(body: [UInt8]) throws(WorkflowFault) {
    guard body.count <= Self.maxBytes else {
      throw WorkflowFault(member: nil, reason: "The definition is larger than 256 KiB; give files as URLs.")
    }
    let text = body.span
    let object: JSONObject
    do throws(JSONError) {
      object = try JSONScanner.object(text)
    } catch {
      throw WorkflowFault(member: nil, reason: "The body is not a JSON object: \(error).")
    }
    let members = try StrictMembers(object, of: text, known: Self.members, owner: "a workflow")
    self.text = body
    id = try Self.id(members["id"], in: text)
    input = try Self.input(members["input"], in: text)
    let parser = try StepsParser(members["steps"], in: text)
    steps = try parser.steps(in: text)
    var outputs = TemplateParser("output", steps: parser.positions, hasItem: false)
    var output: Template?
    if let value = members["output"] { output = try outputs.template(value, in: text) }
    self.output = output
    cancelsOnFailure =
      try members.choice("on_failure", of: ["finish", "cancel"], in: text) == "cancel"
    deadline = try Self.deadline(members["deadline"], in: text)
    limits = try Self.limits(members["limits"], in: text)
    callbackText = try members.object("callback", upTo: CallbackRequest.maxTextBytes, in: text)
    callback = try Self.callback(callbackText)
    metadata = try members.object("metadata", upTo: PredictionRequest.maxMetadataBytes, in: text)
    try Self.checkMetadata(metadata)
    try DependencyGraph(steps).check()
    try checkMetadata()
  }

  private static func id(_ value: JSONValue?, in text: Span<UInt8>) throws(WorkflowFault) -> String? {
    guard let value else { return nil }
    let id = value.range.count <= 6 * maxIDLength + 2 ? value.text(in: text) ?? "" : ""
    guard (1...maxIDLength).contains(id.utf8.count),
      id.utf8.allSatisfy({ $0.isAlphanumeric || "-_".utf8.contains($0) })
    else {
      throw WorkflowFault(
        member: "id",
        reason: "must be 1 to \(maxIDLength) ASCII letters, digits, hyphens and underscores")
    }
    return id
  }

  private static func input(
    _ value: JSONValue?, in text: Span<UInt8>
  ) throws(WorkflowFault) -> Range<Int>? {
    guard let value else { return nil }
    guard value.kind == .object else {
      throw WorkflowFault(
        member: "input", reason: "must be a JSON object, for references such as input#/prompt")
    }
    try TemplateParser.checkDepth(value, max: TemplateParser.maxDepth, MemberPath("input"), in: text)
    return value.range
  }

  private static func deadline(_ value: JSONValue?, in text: Span<UInt8>) throws(WorkflowFault) -> Int64 {
    guard let value else { return defaultDeadline }
    let seconds = WholeDuration.seconds(value, in: text, allowsBareSeconds: false)
    guard let seconds, (1...maxDeadlineSeconds).contains(seconds) else {
      throw WorkflowFault(
        member: "deadline",
        reason: "must be a duration with its unit, such as \"30m\" or \"24h\", from 1s to 30d")
    }
    return Int64(seconds) * 1000
  }

  private static func limits(_ value: JSONValue?, in text: Span<UInt8>) throws(WorkflowFault) -> Limits {
    guard let value else { return Limits(predictions: defaultPredictions, predictTime: nil) }
    guard value.kind == .object, let object = try? JSONScanner.object(value, in: text) else {
      throw WorkflowFault(
        member: "limits", reason: "must be an object of `predictions` and `predict_seconds`")
    }
    let members = try StrictMembers(
      object, of: text, known: ["predictions", "predict_seconds"], owner: "`limits`", path: "limits.")
    let predictions = try members.number("predictions", 1...maxPredictions, in: text, path: "limits.")
    let seconds = try members.number("predict_seconds", 1...100_000_000, in: text, path: "limits.")
    return Limits(
      predictions: predictions ?? defaultPredictions, predictTime: seconds.map { Int64($0) * 1000 })
  }

  private static func callback(_ text: [UInt8]?) throws(WorkflowFault) -> CallbackRequest? {
    guard let text else { return nil }
    do throws(PredictionRequestError) {
      return try CallbackRequest(text.span)
    } catch {
      throw WorkflowFault(error, member: "callback")
    }
  }

  private static func checkMetadata(_ text: [UInt8]?) throws(WorkflowFault) {
    guard let text else { return }
    do throws(MetadataMembers.Fault) {
      _ = try MetadataMembers.members(of: text.span)
    } catch {
      throw WorkflowFault(member: "metadata", reason: error.description.reason(about: "metadata"))
    }
  }
}

extension WorkflowFault {
  /// - Parameter member: the member at fault where the error names none.
  init(_ error: PredictionRequestError, member: String) {
    let field = error.field ?? member
    self.init(member: field, reason: error.description.reason(about: field))
  }
}

extension String {
  /// The sentence "`member` must be X." as "must be X".
  func reason(about member: String) -> String {
    var text = self[...]
    for start in ["`\(member)`: ", "`\(member)` "] where text.hasPrefix(start) {
      text = text.dropFirst(start.count)
    }
    return String(text.hasSuffix(".") ? text.dropLast() : text)
  }
}

/// Members that both the workflow and its steps have forms of.
extension StrictMembers {
  init(
    _ object: JSONObject, of text: Span<UInt8>, known: [String], owner: String, path: String = ""
  ) throws(WorkflowFault) {
    do throws(StrictMembers.Fault) {
      try self.init(object, of: text, known: known)
    } catch {
      switch error {
      case .unknown(let name):
        throw WorkflowFault(
          member: path + name,
          reason: "is not a member of \(owner); these are: \(known.joined(separator: ", "))")
      case .repeated(let name): throw WorkflowFault(member: path + name, reason: "occurs twice; leave one")
      }
    }
  }

  func number(
    _ name: String, _ allowed: ClosedRange<Int>, in text: Span<UInt8>, path: String = ""
  ) throws(WorkflowFault) -> Int? {
    guard let value = self[name] else { return nil }
    guard let number = value.wholeNumber(in: text), allowed.contains(number) else {
      throw WorkflowFault(
        member: path + name,
        reason: "must be a whole number from \(allowed.lowerBound) to \(allowed.upperBound)")
    }
    return number
  }

  func choice(
    _ name: String, of choices: [String], in text: Span<UInt8>
  ) throws(WorkflowFault) -> String? {
    guard let value = self[name] else { return nil }
    guard let choice = choices.first(where: { value.equals($0, in: text) }) else {
      let list = choices.map { "\"\($0)\"" }.joined(separator: " or ")
      throw WorkflowFault(member: name, reason: "must be \(list)")
    }
    return choice
  }

  func flag(_ name: String) throws(WorkflowFault) -> Bool {
    guard let value = self[name] else { return false }
    guard value.kind == .true || value.kind == .false else {
      throw WorkflowFault(member: name, reason: "must be true or false")
    }
    return value.kind == .true
  }

  /// The text of an object of at most `limit` bytes.
  func object(
    _ name: String, upTo limit: Int, in text: Span<UInt8>
  ) throws(WorkflowFault) -> [UInt8]? {
    guard let value = self[name] else { return nil }
    guard value.kind == .object, value.range.count <= limit else {
      throw WorkflowFault(member: name, reason: "must be a JSON object of at most \(limit / 1024) KiB")
    }
    return value.bytes(in: text)
  }
}
