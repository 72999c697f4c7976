internal import Bytes
package import JSONText

/// Why a text is not a rule for outputs.
package enum OutputRuleError: Error, Equatable, Sendable, CustomStringConvertible {
  case malformedJSON(JSONError)
  case unknownMember(String)
  case repeatedMember(String)
  /// A member with an invalid value.
  case invalid(member: String, requirement: String)
  /// A member that only another kind of output has.
  case misplaced(member: String, kinds: String)

  package var description: String {
    switch self {
    case .malformedJSON(let error): "is not a JSON object: \(error)"
    case .unknownMember(let name):
      "has the unknown member `\(name)`; known are \(OutputRule.members.joined(separator: ", "))"
    case .repeatedMember(let name): "has the member `\(name)` twice; leave one"
    case .invalid(let member, let requirement): "`\(member)` must be \(requirement)"
    case .misplaced(let member, let kinds): "`\(member)` is only for the kind \(kinds)"
    }
  }
}

extension OutputRule {
  static let members = ["kind", "count", "length", "hosts", "allow_data", "extensions", "allow_empty"]
  private static let maxURLs = 10_000
  private static let maxCharacters = 10_000_000
  private static let maxNames = 16
  private static let maxExtensionLength = 16

  /// Reads a rule from a job's `expect` or a file of rules.
  package init(expect text: Span<UInt8>) throws(OutputRuleError) {
    let object: JSONObject
    do throws(JSONError) {
      object = try JSONScanner.object(text)
    } catch {
      throw .malformedJSON(error)
    }
    let members: StrictMembers
    do throws(StrictMembers.Fault) {
      members = try StrictMembers(object, of: text, known: Self.members)
    } catch {
      switch error {
      case .unknown(let name): throw .unknownMember(name)
      case .repeated(let name): throw .repeatedMember(name)
      }
    }
    try self.init(members, of: text)
  }

  private init(_ members: StrictMembers, of text: Span<UInt8>) throws(OutputRuleError) {
    self.init()
    if let value = members["kind"] {
      guard let kind = value.text(in: text).flatMap(Kind.init(rawValue:)) else {
        throw .invalid(member: "kind", requirement: "one of url, urls, text, json, any")
      }
      self.kind = kind
    }
    count = try Self.range(members["count"], named: "count", upTo: Self.maxURLs, in: text)
    length = try Self.range(members["length"], named: "length", upTo: Self.maxCharacters, in: text)
    if let value = members["hosts"] {
      let requirement = "1 to \(Self.maxNames) host names such as \"replicate.delivery\""
      hosts = try Self.names(value, named: "hosts", requirement, in: text, where: FileURL.isHostName)
    }
    if let value = members["extensions"] {
      let requirement = "1 to \(Self.maxNames) endings of file names such as \"png\", without a dot"
      extensions = try Self.names(value, named: "extensions", requirement, in: text) { name in
        (1...Self.maxExtensionLength).contains(name.utf8.count)
          && name.utf8.allSatisfy { $0.isAlphanumeric }
      }
    }
    allowsData = try Self.bool(members["allow_data"], named: "allow_data")
    allowsEmpty = try Self.bool(members["allow_empty"], named: "allow_empty")
    for (member, kinds) in [
      ("count", [Kind.urls]), ("length", [.text]), ("hosts", [.url, .urls]), ("extensions", [.url, .urls]),
      ("allow_data", [.url, .urls]),
    ] where members[member] != nil && !kinds.contains(kind) {
      throw .misplaced(member: member, kinds: kinds.map(\.rawValue).joined(separator: " or "))
    }
  }

  private static func bool(_ value: JSONValue?, named name: String) throws(OutputRuleError) -> Bool {
    guard let value else { return false }
    guard value.kind == .true || value.kind == .false else {
      throw .invalid(member: name, requirement: "true or false")
    }
    return value.kind == .true
  }

  /// Reads `4`, or an object of `min`, `max` or both.
  private static func range(
    _ value: JSONValue?, named name: String, upTo maximum: Int, in text: Span<UInt8>
  ) throws(OutputRuleError) -> ClosedRange<Int>? {
    guard let value else { return nil }
    let fault = OutputRuleError.invalid(
      member: name,
      requirement:
        "a whole number from 1 to \(maximum), or {\"min\": …, \"max\": …} of such numbers, min first")
    if value.kind == .object {
      // The whole text was validated, so the scanner does not fail.
      guard let object = try? JSONScanner.object(value, in: text),
        let members = try? StrictMembers(object, of: text, known: ["min", "max"])
      else { throw fault }
      let bounds = (members["min"], members["max"])
      guard bounds.0 != nil || bounds.1 != nil else { throw fault }
      guard let lower = bounds.0.map({ $0.wholeNumber(in: text) }) ?? 1,
        let upper = bounds.1.map({ $0.wholeNumber(in: text) }) ?? .max,
        lower >= 1, lower <= maximum, upper >= lower, bounds.1 == nil || upper <= maximum
      else { throw fault }
      return lower...upper
    }
    guard let number = value.wholeNumber(in: text), (1...maximum).contains(number) else { throw fault }
    return number...number
  }

  /// Reads an array of names, in lower case.
  private static func names(
    _ value: JSONValue, named name: String, _ requirement: String, in text: Span<UInt8>,
    where isValid: (String) -> Bool
  ) throws(OutputRuleError) -> [String] {
    let fault = OutputRuleError.invalid(member: name, requirement: requirement)
    // The whole text was validated, so the scanner does not fail.
    guard value.kind == .array, let elements = try? JSONScanner.elements(value, in: text),
      (1...maxNames).contains(elements.count)
    else { throw fault }
    var names: [String] = []
    for element in elements {
      guard let name = element.text(in: text)?.lowercased(), isValid(name) else { throw fault }
      names.append(name)
    }
    return names
  }
}
