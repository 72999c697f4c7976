internal import Bytes
internal import JSONText

/// Parses the member `steps`: first all names, then what refers to them.
struct StepsParser {
  /// The positions of the steps by name.
  let positions: [String: Int]
  private let names: [String]
  private let values: [JSONValue]

  private static let maxNameLength = 20
  private static let reserved: Set<String> = ["input", "item", "index"]

  init(_ value: JSONValue?, in text: Span<UInt8>) throws(WorkflowFault) {
    guard let value, value.kind == .array else {
      throw WorkflowFault(member: "steps", reason: "must be an array of steps")
    }
    var (names, values, positions) = ([String](), [JSONValue](), [String: Int]())
    var children = JSONChildren(of: value)
    while let child = children.next(in: text) {
      guard values.count < WorkflowDefinition.maxSteps else {
        throw WorkflowFault(member: "steps", reason: "has more than \(WorkflowDefinition.maxSteps) steps")
      }
      let place = "steps[\(values.count)]"
      let name = try Self.name(of: child.value, place, in: text)
      guard positions.updateValue(values.count, forKey: name) == nil else {
        throw WorkflowFault(step: name, member: "name", reason: "another step has this name; choose another")
      }
      names.append(name)
      values.append(child.value)
    }
    guard !values.isEmpty else {
      throw WorkflowFault(member: "steps", reason: "must have at least one step")
    }
    (self.names, self.values, self.positions) = (names, values, positions)
  }

  private static func name(
    of step: JSONValue, _ place: String, in text: Span<UInt8>
  ) throws(WorkflowFault) -> String {
    guard step.kind == .object, let object = try? JSONScanner.object(step, in: text) else {
      throw WorkflowFault(step: place, member: nil, reason: "must be a JSON object with a name and a model")
    }
    let value = object.value(named: "name", in: text)
    let name = value.flatMap { $0.range.count <= 6 * maxNameLength + 2 ? $0.text(in: text) : nil } ?? ""
    guard (1...maxNameLength).contains(name.utf8.count),
      name.utf8.allSatisfy({ byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte.decimalDigit != nil
          || byte == UInt8(ascii: "_")
      })
    else {
      throw WorkflowFault(
        step: place, member: "name",
        reason: "must be 1 to \(maxNameLength) lower-case letters, digits and underscores")
    }
    guard !reserved.contains(name) else {
      throw WorkflowFault(step: place, member: "name", reason: "\(name) is reserved; choose another")
    }
    return name
  }

  func steps(in text: Span<UInt8>) throws(WorkflowFault) -> [WorkflowDefinition.Step] {
    var steps: [WorkflowDefinition.Step] = []
    for (name, value) in zip(names, values) {
      do throws(WorkflowFault) {
        steps.append(try StepParser(name, value, positions, in: text).step(in: text))
      } catch {
        var fault = error
        fault.step = fault.step ?? name
        throw fault
      }
    }
    return steps
  }
}
