internal import JSONText
internal import Time

/// Models of the user's own, from the file of `--models`.
///
///     {"acme/upscale": {"output": [{"$file": "image"}], "duration": "500ms"},
///      "acme/broken": {"end": "failed", "error": "out of luck"}}
struct ModelsFile {
  /// Why a text is no such file, and where.
  struct Fault: Error, Equatable {
    let description: String
    /// In bytes from the start of the text.
    let offset: Int
  }

  private static let maxBytes = 1 << 20
  private static let maxModels = 1000
  private static let members = ["output", "end", "error", "duration", "queue", "logs"]

  let models: [Preset]

  /// Reads the file at `path`, beside the built-in models.
  static func read(_ path: String) throws(StartFailure) -> Models {
    guard let bytes = Console.contents(of: path, maxBytes: maxBytes + 1) else {
      throw .configuration("--models: \(path) cannot be read: check the path and its permissions")
    }
    guard bytes.count <= maxBytes else {
      throw .configuration("--models: \(path) is larger than \(maxBytes) bytes")
    }
    do throws(Fault) {
      return Models(adding: try ModelsFile(bytes.span).models)
    } catch {
      let line = bytes.prefix(error.offset).count { $0 == 0x0A } + 1
      throw .configuration("--models: \(path):\(line): \(error.description)")
    }
  }

  init(_ text: Span<UInt8>) throws(Fault) {
    let object: JSONObject
    do throws(JSONError) {
      object = try JSONScanner.object(text)
    } catch {
      throw Fault(
        description: "it is not a JSON object of models by name: \(error.reason.rawValue)",
        offset: error.offset)
    }
    guard object.members.count <= Self.maxModels else {
      throw Fault(description: "it has more than \(Self.maxModels) models", offset: 0)
    }
    var models: [Preset] = []
    for member in object.members {
      let name = JSONString.decode(member.name, of: text)
      guard let model = ModelName(name), !model.isMissing else {
        throw Fault(
          description:
            "`\(name)` is no model: write owner/name, with an owner other than \(Preset.missingOwner)",
          offset: member.name.lowerBound)
      }
      guard !models.contains(where: { $0.model == name }) else {
        throw Fault(description: "`\(name)` is there twice: leave one", offset: member.name.lowerBound)
      }
      do throws(Fault) {
        models.append(Preset(name, "of --models", try Self.behaviour(member.value, in: text)))
      } catch {
        throw Fault(description: "`\(name)`: \(error.description)", offset: error.offset)
      }
    }
    self.models = models
  }

  private static func behaviour(
    _ value: JSONValue, in text: Span<UInt8>
  ) throws(Fault) -> @Sendable (inout Behaviour) -> Void {
    guard value.kind == .object, let members = try? JSONScanner.object(value, in: text).members else {
      throw Fault(description: "must be an object", offset: value.range.lowerBound)
    }
    var behaviour = PartialBehaviour()
    var seen: Set<String> = []
    for member in members {
      let name = JSONString.decode(member.name, of: text)
      guard Self.members.contains(name), seen.insert(name).inserted else {
        throw Fault(
          description: "the member `\(name)` is unknown or there twice; known are "
            + Self.members.joined(separator: ", "), offset: member.name.lowerBound)
      }
      if let requirement = try behaviour.take(name, member.value, in: text) {
        throw Fault(description: "`\(name)` must be \(requirement)", offset: member.value.range.lowerBound)
      }
    }
    if behaviour.error != nil, behaviour.ending != nil, behaviour.ending != .failed("") {
      throw Fault(description: "only a model that ends failed has an `error`", offset: value.range.lowerBound)
    }
    return { [behaviour] in behaviour.apply(to: &$0) }
  }
}

/// The members of one model of the file.
private struct PartialBehaviour: Sendable {
  private(set) var ending: Behaviour.Ending?
  private(set) var error: String?
  private var output: OutputTemplate?
  private var duration: Duration?
  private var queue: Duration?
  private var logs: String?

  /// Reads one member. Returns what its value must be if it is something else.
  mutating func take(
    _ name: String, _ value: JSONValue, in text: Span<UInt8>
  ) throws(ModelsFile.Fault) -> String? {
    switch name {
    case "output":
      do throws(OutputTemplate.Fault) {
        output = try OutputTemplate(value, in: text)
      } catch {
        throw ModelsFile.Fault(description: "`output` \(error.description)", offset: error.offset)
      }
      return nil
    case "end":
      ending = value.text(in: text).flatMap(Self.ending)
      return ending == nil ? "one of succeeded, failed, canceled, aborted" : nil
    case "error":
      error = value.text(in: text)
      return error == nil ? "a string" : nil
    case "logs":
      logs = value.text(in: text)
      return logs == nil ? "a string" : nil
    default:
      let duration = value.text(in: text).flatMap(DurationArgument.init)?.duration
      if name == "queue" { queue = duration } else { self.duration = duration }
      return duration == nil ? "a duration such as \"500ms\", \"2s\" or \"1m30s\"" : nil
    }
  }

  private static func ending(_ text: String) -> Behaviour.Ending? {
    switch text {
    case "succeeded": .succeeded
    case "failed": .failed("")
    case "canceled": .canceled
    case "aborted": .aborted
    default: nil
    }
  }

  func apply(to behaviour: inout Behaviour) {
    if let duration {
      behaviour.duration = duration
      behaviour.queue = duration.part(1, of: 10)
    }
    if let queue { behaviour.queue = queue }
    if let output {
      behaviour.output = .template(output)
      behaviour.isOutputOfTraining = true
    }
    if let logs { behaviour.logs = .text(logs) }
    switch ending {
    case .failed?: behaviour.ending = .failed(error ?? "Failed, as --models says")
    case let ending?: behaviour.ending = ending
    case nil: if let error { behaviour.ending = .failed(error) }
    }
  }
}
