internal import JSONText

/// The definition of a workflow in a file, with what arguments change of it.
package enum WorkflowFile {
  /// The largest definition that a daemon accepts.
  package static let maxBytes = 256 * 1024

  /// The definition with members of another value, and with fields in its `input`.
  ///
  /// - Parameters:
  ///   - fields: a JSON object, whose members replace those of the same name.
  ///   - replaced: members that are strings; nil to leave the definition's own.
  /// - Returns: nil where the text is no JSON object, or its `input` is none.
  package static func definition(
    _ text: [UInt8], input fields: [UInt8], replacing replaced: KeyValuePairs<String, String?>
  ) -> [UInt8]? {
    guard let members = members(of: text), let new = self.members(of: fields) else { return nil }
    let input = members.last { $0.name == "input" }.map(\.value)
    guard let old = input == nil ? [] : input.flatMap({ self.members(of: $0) }) else { return nil }
    let strings = replaced.compactMap { name, value in value.map { (name: name, value: $0) } }
    guard !strings.isEmpty || !new.isEmpty else { return text }
    var writer = JSONWriter(capacity: text.count + fields.count + 64)
    writer.object { object in
      for (name, value) in strings { object.member(named: name) { $0.string(value) } }
      // Without fields the input stays as it is: one that is made up would be another workflow.
      for member in members where !(member.name == "input" && !new.isEmpty) {
        guard !strings.contains(where: { $0.name == member.name }) else { continue }
        object.member(named: member.name) { $0.raw(member.value[...]) }
      }
      guard !new.isEmpty else { return }
      object.member("input") { member in
        member.object { object in
          let kept = old.filter { member in !new.contains { $0.name == member.name } }
          for member in kept + new { object.member(named: member.name) { $0.raw(member.value[...]) } }
        }
      }
    }
    return writer.bytes
  }

  private static func members(of text: [UInt8]) -> [(name: String, value: [UInt8])]? {
    let span = text.span
    guard let object = try? JSONScanner.object(span) else { return nil }
    return object.members.map { (JSONString.decode($0.name, of: span), Array(text[$0.value.range])) }
  }
}
