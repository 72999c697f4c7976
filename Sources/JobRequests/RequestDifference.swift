internal import Bytes
internal import JSONText

/// What distinguishes a request from an earlier one under the same id or key.
package enum RequestDifference {
  /// The names that lead to a member.
  private static let maxDepth = 4
  private static let maxNameLength = 64
  /// An object of more members is named as a whole.
  private static let maxMembers = 1000

  /// The path of the first member that differs, such as `input.prompt`. It contains names, and no value.
  ///
  /// Nil where both are the same request, or one of them is no JSON object.
  package static func firstMember(of request: Span<UInt8>, comparedWith earlier: Span<UInt8>) -> String? {
    guard let new = try? JSONScanner.validate(request), let old = try? JSONScanner.validate(earlier) else {
      return nil
    }
    let digest = RequestDigest()
    var pair = (new: new, old: old)
    var path: [String] = []
    while path.count < maxDepth,
      let members = Members(pair.new, in: request, isRequest: path.isEmpty),
      let others = Members(pair.old, in: earlier, isRequest: path.isEmpty)
    {
      guard members.count <= maxMembers, others.count <= maxMembers else { break }
      var found: (name: [UInt8], pair: (new: JSONValue, old: JSONValue)?)?
      for name in members.names + others.names where found == nil {
        let (values, otherValues) = (members[name], others[name])
        guard values.count == 1, otherValues.count == 1 else {
          let isSame =
            values.count == otherValues.count
            && zip(values, otherValues).allSatisfy {
              digest.digest(of: $0, in: request) == digest.digest(of: $1, in: earlier)
            }
          if !isSame { found = (name, nil) }
          continue
        }
        if digest.digest(of: values[0], in: request) != digest.digest(of: otherValues[0], in: earlier) {
          found = (name, (values[0], otherValues[0]))
        }
      }
      guard let found else { break }
      path.append(String(decoding: found.name, as: UTF8.self).cutToLine(of: maxNameLength))
      guard let next = found.pair else { break }
      pair = next
    }
    return path.isEmpty ? nil : path.joined(separator: ".")
  }

  /// The members of an object by their canonical names.
  private struct Members {
    private(set) var names: [[UInt8]] = []
    private var values: [[UInt8]: [JSONValue]] = [:]

    var count: Int { names.count }

    /// - Parameter isRequest: whether null members count as absent.
    init?(_ value: JSONValue, in text: Span<UInt8>, isRequest: Bool) {
      guard value.kind == .object, let object = try? JSONScanner.object(value, in: text) else { return nil }
      for member in object.members.prefix(RequestDifference.maxMembers + 1)
      where !isRequest || member.value.kind != .null {
        var quoted: [UInt8] = []
        JSONString.appendCanonical(member.name, of: text, to: &quoted)
        let name = Array(quoted.dropFirst().dropLast())
        if values[name] == nil { names.append(name) }
        values[name, default: []].append(member.value)
      }
    }

    subscript(_ name: [UInt8]) -> [JSONValue] { values[name] ?? [] }
  }
}
