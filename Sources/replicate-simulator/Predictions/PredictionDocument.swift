internal import Bytes
internal import Crypto
internal import JSONText

/// Prediction or training; they differ in routes and outputs.
enum RunKind: String, Sendable {
  case prediction = "predictions"
  case training = "trainings"
}

/// The immutable properties of a prediction or training.
struct PredictionFacts: Sendable {
  /// The number in order of creation, from 1.
  let ordinal: Int
  let id: String
  let model: String
  let version: String
  let deployment: String?
  /// Byte for byte as received.
  let input: [UInt8]
  let webhook: String?
  /// The requested events; nil without a filter.
  let webhookEvents: [WebhookEvent]?
  /// The model whose version a training creates.
  var destination: ModelName?
  /// The key in the stream's URL. Knowing it suffices to read the output.
  var streamKey = ""
  /// The key in the URLs of the output's files. Knowing it suffices to read them.
  var outputKey = ""

  var kind: RunKind { destination == nil ? .prediction : .training }

  /// The seed that the logs name, which also decides the files.
  ///
  /// Where the input has none, each prediction gets another, as at Replicate.
  var seed: String { OutputSeed.seed(of: input.span, fallback: ordinal) }
}

/// A prediction's JSON, in the API and in webhooks.
struct PredictionDocument {
  let facts: PredictionFacts
  let lifecycle: PredictionLifecycle
  /// The API's base URL, without a trailing slash.
  let publicURL: String
  /// The base of the files' URLs, without a trailing slash.
  let outputBase: String
  /// Whether input, output and logs were removed since the end.
  var isDataRemoved = false

  /// Replicate mixes fractions of several lengths in one body.
  private static let fractionDigits = [3, 6, 9, 5, 4, 8]

  /// - Parameter showsWebhook: whether to include the requested webhook; true for a single prediction.
  func write(to writer: inout JSONWriter, showsWebhook: Bool = true) {
    writer.object { object in
      object.member("id", string: facts.id)
      object.member("model", string: facts.model)
      object.member("version", string: facts.version)
      object.member("deployment", string: facts.deployment)
      object.member("input", raw: isDataRemoved ? Self.emptyObject : facts.input[...])
      object.member("logs", string: logs)
      object.member("output") { output(&$0) }
      object.member("data_removed", bool: isDataRemoved)
      object.member("error", orNull: error)
      object.member("source", string: "api")
      object.member("status", string: lifecycle.status)
      object.member("created_at", string: text(of: lifecycle.createdAt, 0))
      object.member("started_at", string: lifecycle.startedAt.map { text(of: $0, 1) })
      object.member("completed_at", string: lifecycle.completedAt.map { text(of: $0, 2) })
      object.member("deadline", string: lifecycle.deadline.map { text(of: $0, 3) })
      if let metrics { object.member("metrics") { $0.numbers(metrics) } }
      object.member("urls") { writeURLs(to: &$0) }
      guard showsWebhook else { return }
      object.member("webhook", string: facts.webhook)
      if let events = facts.webhookEvents {
        object.member("webhook_events_filter") { $0.array(events) { $0.string($1.rawValue) } }
      }
    }
  }

  /// The JSON without the newline that API responses end with.
  var bytes: [UInt8] {
    var writer = JSONWriter(capacity: 2048)
    write(to: &writer)
    return writer.bytes
  }

  private var url: String { "\(publicURL)/v1/\(facts.kind.rawValue)/\(facts.id)" }

  private func writeURLs(to writer: inout JSONWriter) {
    writer.object { object in
      object.member("cancel", string: url + "/cancel")
      object.member("get", string: url)
      object.member("stream", string: "\(publicURL)/v1/streams/\(facts.streamKey)")
      if facts.kind == .prediction { object.member("web", string: "\(publicURL)/p/\(facts.id)") }
    }
  }

  private func text(of instant: Instant, _ member: Int) -> String {
    instant.rfc3339(
      fractionDigits: Self.fractionDigits[(facts.ordinal + member) % Self.fractionDigits.count])
  }

  private var logs: String {
    lifecycle.startedAt == nil || isDataRemoved
      ? ""
      : ProgressLog.text(
        lifecycle.behaviour.logs, steps: lifecycle.stepsDone, duration: lifecycle.behaviour.duration,
        seed: facts.seed)
  }

  private var error: String? {
    guard case .failed(let error) = lifecycle.behaviour.ending, lifecycle.phase == .ended(.failed) else {
      return nil
    }
    return error
  }

  private var metrics: [(name: String, value: String)]? {
    guard let completedAt = lifecycle.completedAt else { return nil }
    let predictTime = lifecycle.startedAt.map { ("predict_time", (completedAt - $0).secondsText) }
    return (predictTime.map { [$0] } ?? []) + [
      ("total_time", (completedAt - lifecycle.createdAt).secondsText)
    ]
  }
}

// MARK: - Output

extension PredictionDocument {
  /// Writes the output; one that does not grow appears only on success.
  private func output(_ writer: inout JSONWriter) {
    guard !isDataRemoved else { return writer.raw(Self.null) }
    if facts.kind == .prediction, case .tokens(let tokens) = lifecycle.behaviour.output,
      lifecycle.stepsDone > 0
    {
      return writer.strings(tokens.prefix(tokens.count * lifecycle.stepsDone / Behaviour.steps))
    }
    guard lifecycle.phase == .ended(.succeeded) else { return writer.raw(Self.null) }
    if let template { return template.write(to: &writer, input: facts.input, url: url(of:at:)) }
    switch lifecycle.behaviour.output {
    case .numbers(let count):
      writer.array(0..<count) { writer, index in
        writer.raw(Array("0.\(10_000_000_000_000_000 + index &* 7_919_331_337 % 89_999_999_999)".utf8)[...])
      }
    default: writer.strings([])
    }
  }

  /// The output where it is a template.
  private var template: OutputTemplate? {
    let behaviour = lifecycle.behaviour
    if let destination = facts.destination, !behaviour.isOutputOfTraining {
      return Self.trained(destination, id: facts.id)
    }
    return switch behaviour.output {
    case .template(let template): template
    case .pictures: Self.pictures(InputMembers.wholeNumber("num_outputs", of: facts.input))
    case .data: Self.data(InputMembers.wholeNumber("bytes", of: facts.input))
    case .tokens, .numbers: nil
    }
  }

  private static func data(_ byteCount: Int?) -> OutputTemplate {
    var spec = FileSpec(.data)
    if let byteCount { spec.byteCount = min(max(byteCount, 0), FileSpec.maxByteCount) }
    return .file(spec)
  }

  /// The new version of `destination`, as a training's output.
  private static func trained(_ destination: ModelName, id: String) -> OutputTemplate {
    var version = JSONWriter()
    version.string("\(destination):\(ModelName.version(of: id))")
    return .object([
      OutputTemplate.Member(name: "version", value: .json(version.bytes)),
      OutputTemplate.Member(name: "weights", value: .file(FileSpec(.weights))),
    ])
  }

  private static func pictures(_ count: Int?) -> OutputTemplate {
    .array(Array(repeating: .file(FileSpec(.image)), count: min(max(count ?? 1, 1), 4)))
  }

  /// The file's URL, or the file itself as a `data:` URI.
  private func url(of spec: FileSpec, at index: Int) -> String {
    guard !spec.isInline else {
      let file = file(spec, at: index)
      return "data:\(file.contentType.filter { $0 != " " });base64,\(Base64.encode(file.content.bytes))"
    }
    let name = PercentEncoding.encode(spec.fileName(index))
    return "\(outputBase)/\(Self.filesFolder)/\(facts.outputKey)/\(name)"
  }

  private func file(_ spec: FileSpec, at index: Int) -> OutputFile {
    OutputFile(
      spec: spec, index: index, input: facts.input, fallbackSeed: facts.ordinal, owner: facts.outputKey)
  }

  /// The first segment of the files' paths, one of those that Replicate uses.
  static let filesFolder = "xezq"

  /// The output's file of that name; nil if there is none, or none yet.
  func file(named name: String) -> OutputFile? {
    guard lifecycle.phase == .ended(.succeeded), !isDataRemoved, let specs = template?.files else {
      return nil
    }
    for (index, spec) in specs.enumerated() where !spec.isInline && spec.fileName(index) == name {
      return file(spec, at: index)
    }
    return nil
  }

  private static let emptyObject = Array("{}".utf8)[...]
  fileprivate static let null = Array("null".utf8)[...]
}

extension JSONWriter {
  fileprivate mutating func strings(_ strings: some Sequence<String>) {
    array(strings) { $0.string($1) }
  }

  fileprivate mutating func numbers(_ numbers: [(name: String, value: String)]) {
    object { object in
      for (name, value) in numbers { object.member(named: name) { $0.raw(Array(value.utf8)[...]) } }
    }
  }
}

extension JSONWriter.Object {
  mutating func member(_ name: StaticString, orNull text: String?) {
    member(name) { writer in
      if let text { writer.string(text) } else { writer.raw(PredictionDocument.null) }
    }
  }
}
