internal import JSONText

/// Overrides of the model's behaviour, from the input's `simulate` object.
///
///     {"prompt": "…", "simulate": {"end": "failed", "error": "…", "duration_ms": 500}}
///
/// The output is an ``OutputTemplate``.
struct BehaviourOverrides: Equatable, Sendable {
  private var end: String?
  private var error: String?
  private var queue: Duration?
  private var duration: Duration?
  private var output: Behaviour.Output?

  private static let member = "simulate"
  private static let ends = ["succeeded", "failed", "canceled", "aborted"]
  private static let maxMilliseconds = 3_600_000

  /// Overrides nothing if the input has no such member.
  ///
  /// - Parameter input: a validated object.
  init(input: Span<UInt8>) throws(InvalidInput) {
    guard let object = try? JSONScanner.object(input), let value = object.value(named: Self.member, in: input)
    else { return }
    // The input was validated, so the only remaining error is a value that is no object.
    guard let members = try? JSONScanner.object(value, in: input).members else {
      throw InvalidInput(field: "input.\(Self.member)", description: "must be an object")
    }
    for member in members {
      let name = JSONString.decode(member.name, of: input)
      if name == "output" {
        output = .template(try Self.template(member.value, in: input))
        continue
      }
      guard take(name, member.value, in: input) else {
        throw InvalidInput(
          field: "input.\(Self.member).\(name)",
          description: "the simulator accepts end (\(Self.ends.joined(separator: ", "))), error (a string), "
            + "queue_ms and duration_ms (0 to \(Self.maxMilliseconds)) and output")
      }
    }
  }

  func apply(to behaviour: inout Behaviour) {
    switch (end, error) {
    case ("failed", _), (nil, .some): behaviour.ending = .failed(error ?? "Failed, as the input requested")
    case ("succeeded", _): behaviour.ending = .succeeded
    case ("canceled", _): behaviour.ending = .canceled
    case ("aborted", _): behaviour.ending = .aborted
    default: break
    }
    if let queue { behaviour.queue = queue }
    if let duration { behaviour.duration = duration }
    if let output {
      behaviour.output = output
      behaviour.isOutputOfTraining = true
    }
  }

  /// Reads one member. False if it is unknown or has the wrong type.
  private mutating func take(_ name: String, _ value: JSONValue, in input: Span<UInt8>) -> Bool {
    switch name {
    case "end":
      end = value.text(in: input)
      return end.map(Self.ends.contains) ?? false
    case "error":
      error = value.text(in: input)
      return error != nil
    case "queue_ms":
      queue = Self.milliseconds(value, in: input)
      return queue != nil
    case "duration_ms":
      duration = Self.milliseconds(value, in: input)
      return duration != nil
    default:
      return false
    }
  }

  private static func template(
    _ value: JSONValue, in input: Span<UInt8>
  ) throws(InvalidInput) -> OutputTemplate {
    do throws(OutputTemplate.Fault) {
      return try OutputTemplate(value, in: input)
    } catch {
      throw InvalidInput(field: "input.\(member).output", description: error.description)
    }
  }

  private static func milliseconds(_ value: JSONValue, in input: Span<UInt8>) -> Duration? {
    guard value.kind == .number,
      let number = Int(String(decoding: value.bytes(in: input), as: UTF8.self)),
      (0...maxMilliseconds).contains(number)
    else { return nil }
    return .milliseconds(number)
  }
}

/// A rejected field of a request, with the reason.
struct InvalidInput: Error, Equatable, Sendable {
  let field: String
  let description: String
}
