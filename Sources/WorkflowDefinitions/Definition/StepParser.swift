internal import JSONText
internal import JobRequests

/// Parses one step of a definition.
struct StepParser {
  private typealias Member = WorkflowDefinition.JobTemplate.Member

  private let name: String
  private let positions: [String: Int]
  private let members: StrictMembers
  /// The members that make the job request, in their order.
  private let jobMembers: [Member]

  private static let targets = ["model", "version", "deployment"]
  /// What a step passes on to its jobs.
  private static let requestMembers =
    targets + [
      "input", "expect", "timeout", "cancel_after", "retries", "webhook_events", "metadata", "archive",
    ]
  private static let ownMembers = [
    "name", "after", "when", "require", "for_each", "max_items", "parallel", "on_item_failure", "fallback",
    "fallback_on", "optional",
  ]
  private static let maxFallbacks = 3
  private static let maxCodes = 32

  init(
    _ name: String, _ value: JSONValue, _ positions: [String: Int], in text: Span<UInt8>
  ) throws(WorkflowFault) {
    self.name = name
    self.positions = positions
    guard let object = try? JSONScanner.object(value, in: text) else {
      throw WorkflowFault(member: nil, reason: "must be a JSON object")
    }
    members = try StrictMembers(
      object, of: text, known: Self.ownMembers + Self.requestMembers, owner: "a step")
    jobMembers = Self.requestMembers(of: object, in: text)
  }

  /// The members of an object that are passed on, without `input`.
  private static func requestMembers(of object: JSONObject, in text: Span<UInt8>) -> [Member] {
    object.members.compactMap { member in
      let name = String.name(member.name, in: text)
      guard name != "input", requestMembers.contains(name), member.value.kind != .null else { return nil }
      return Member(name: name, value: member.value.range)
    }
  }

  func step(in text: Span<UInt8>) throws(WorkflowFault) -> WorkflowDefinition.Step {
    let list = try list(in: text)
    guard let input = members["input"], input.kind == .object else {
      throw WorkflowFault(member: "input", reason: "must be a JSON object; give what the model takes")
    }
    var inputs = TemplateParser("input", steps: positions, hasItem: list != nil)
    let target = try job(
      jobMembers, input: try inputs.template(input, in: text), path: "", in: text)
    let when = try condition("when", in: text)
    let require = try condition("require", in: text)
    let fallbacks = try fallbacks(of: target, hasItem: list != nil, in: text)
    let sources = Sources(
      after: try after(in: text), conditions: [("when", when), ("require", require)],
      templates: [("input", target.input)] + (list.map { [("for_each", $0.items)] } ?? [])
        + fallbacks.map { ("fallback", $0.input) })
    return WorkflowDefinition.Step(
      name: name, target: target, fallbacks: fallbacks,
      fallbackCodes: try fallbackCodes(hasFallback: !fallbacks.isEmpty, in: text), when: when,
      require: require, list: list, isOptional: try members.flag("optional"), sources: sources.all)
  }

  private func condition(_ member: String, in text: Span<UInt8>) throws(WorkflowFault) -> Condition? {
    guard let value = members[member] else { return nil }
    return try ConditionParser(member, steps: positions).condition(value, in: text)
  }

  private func after(in text: Span<UInt8>) throws(WorkflowFault) -> [Int] {
    guard let value = members["after"] else { return [] }
    guard value.kind == .array else {
      throw WorkflowFault(member: "after", reason: "must be an array of names of steps")
    }
    var steps: [Int] = []
    var children = JSONChildren(of: value)
    while let child = children.next(in: text) {
      let written = child.value.prefix(64, in: text) ?? ""
      guard child.value.range.count <= 64, let step = positions[written] else {
        let known = TemplateParser("after", steps: positions, hasItem: false).knownSteps
        throw WorkflowFault(
          member: "after", reason: "\"\(written.cutToLine(of: 64))\" names no step; \(known)")
      }
      steps.append(step)
    }
    return steps
  }

  private func list(in text: Span<UInt8>) throws(WorkflowFault) -> WorkflowDefinition.List? {
    guard let value = members["for_each"] else {
      for member in ["max_items", "parallel", "on_item_failure"] where members[member] != nil {
        throw WorkflowFault(member: member, reason: "is only for a step with `for_each`")
      }
      return nil
    }
    guard value.kind == .array || value.kind == .object && TemplateParser.isExpression(value, in: text)
    else {
      throw WorkflowFault(
        member: "for_each", reason: "must be an array, or a reference such as {\"$from\": \"input#/prompts\"}"
      )
    }
    var items = TemplateParser("for_each", steps: positions, hasItem: false)
    return WorkflowDefinition.List(
      items: try items.template(value, in: text),
      maxItems: try members.number("max_items", 1...100, in: text) ?? 16,
      parallel: try members.number("parallel", 1...20, in: text) ?? 4,
      skipsFailures: try members.choice("on_item_failure", of: ["fail", "skip"], in: text) == "skip")
  }

  // MARK: - Jobs

  /// A job's members, checked as those of `POST /jobs`.
  private func job(
    _ members: [Member], input: Template, path: String, in text: Span<UInt8>
  ) throws(WorkflowFault) -> WorkflowDefinition.JobTemplate {
    let target = members.first { Self.targets.contains($0.name) }
    guard let target else {
      throw WorkflowFault(
        member: path + "model", reason: "it names no model to run; give `model`, `version` or `deployment`")
    }
    var writer = JSONWriter()
    writer.object { object in
      for member in members { object.member(named: member.name) { $0.raw(text.bytes(member.value)[...]) } }
      object.member("input", raw: [UInt8]("{}".utf8)[...])
    }
    do throws(PredictionRequestError) {
      _ = try PredictionRequest(body: writer.bytes.span)
    } catch {
      let fault = WorkflowFault(error, member: "model")
      throw WorkflowFault(member: path + (fault.member ?? ""), reason: fault.reason)
    }
    let name = text.extracting(target.value).string
    return WorkflowDefinition.JobTemplate(name: name, members: members, input: input)
  }

  /// The fallbacks. What one does not give is as in the step.
  private func fallbacks(
    of step: WorkflowDefinition.JobTemplate, hasItem: Bool, in text: Span<UInt8>
  ) throws(WorkflowFault) -> [WorkflowDefinition.JobTemplate] {
    guard let value = members["fallback"] else { return [] }
    let form = WorkflowFault(
      member: "fallback", reason: "must be an array of 1 to \(Self.maxFallbacks) objects with a model each")
    guard value.kind == .array else { throw form }
    var fallbacks: [WorkflowDefinition.JobTemplate] = []
    var children = JSONChildren(of: value)
    while let child = children.next(in: text) {
      guard fallbacks.count < Self.maxFallbacks, child.value.kind == .object,
        let object = try? JSONScanner.object(child.value, in: text)
      else { throw form }
      let path = "fallback[\(fallbacks.count)]."
      let own = try StrictMembers(
        object, of: text, known: Self.targets + ["input", "expect"], owner: "a fallback", path: path)
      let given = Self.requestMembers(of: object, in: text)
      let kept = step.members.filter { member in
        !Self.targets.contains(member.name) && !given.contains { $0.name == member.name }
      }
      var input = step.input
      if let value = own["input"] {
        guard value.kind == .object else {
          throw WorkflowFault(member: path + "input", reason: "must be a JSON object")
        }
        var inputs = TemplateParser(path + "input", steps: positions, hasItem: hasItem)
        input = try inputs.template(value, in: text)
      }
      fallbacks.append(try job(given + kept, input: input, path: path, in: text))
    }
    guard !fallbacks.isEmpty else { throw form }
    return fallbacks
  }

  private func fallbackCodes(
    hasFallback: Bool, in text: Span<UInt8>
  ) throws(WorkflowFault) -> Set<String>? {
    guard let value = members["fallback_on"] else { return nil }
    guard hasFallback else {
      throw WorkflowFault(member: "fallback_on", reason: "is only for a step with `fallback`")
    }
    let fault = WorkflowFault(
      member: "fallback_on", reason: "must be an array of 1 to \(Self.maxCodes) error codes")
    guard value.kind == .array else { throw fault }
    var codes: Set<String> = []
    var children = JSONChildren(of: value)
    while let child = children.next(in: text) {
      guard codes.count < Self.maxCodes, child.value.range.count <= 64, let code = child.value.text(in: text)
      else { throw fault }
      codes.insert(code)
    }
    guard !codes.isEmpty else { throw fault }
    return codes
  }
}

/// Collects the steps that a step waits for.
private struct Sources {
  private var found: [Int: WorkflowDefinition.Source] = [:]

  init(after: [Int], conditions: [(String, Condition?)], templates: [(String, Template)]) {
    for step in after { note(step, isWeak: false, isRead: false, "after") }
    for (member, condition) in conditions {
      condition?.forEachReference { note($0, isWeak: false, member) }
    }
    for (member, template) in templates {
      template.forEachReference { note($0, isWeak: $1, member) }
    }
  }

  private mutating func note(_ reference: Reference, isWeak: Bool, _ member: String) {
    if case .step(let step) = reference.source { note(step, isWeak: isWeak, isRead: true, member) }
  }

  private mutating func note(_ step: Int, isWeak: Bool, isRead: Bool, _ member: String) {
    let known = found[step]
    found[step] = WorkflowDefinition.Source(
      step: step, isWeak: isWeak && known?.isWeak ?? true, isRead: isRead || known?.isRead ?? false,
      member: known?.member ?? member)
  }

  var all: [WorkflowDefinition.Source] { found.values.sorted { $0.step < $1.step } }
}

extension Span<UInt8> {
  func bytes(_ range: Range<Int>) -> [UInt8] {
    extracting(range).withUnsafeBufferPointer { Array($0) }
  }

  /// The decoded text of a string token.
  fileprivate var string: String {
    count >= 2 ? JSONString.decode(1..<count - 1, of: self) : ""
  }
}
