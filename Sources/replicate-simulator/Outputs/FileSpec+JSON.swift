internal import JSONText

extension FileSpec {
  /// Reads `{"$file": KIND, …}` or `{"$data": KIND, …}`. Nil for another object.
  ///
  /// - Parameter members: of a validated object.
  init?(_ members: [JSONMember], in text: Span<UInt8>) throws(OutputTemplate.Fault) {
    var names = members.map { JSONString.decode($0.name, of: text) }
    guard let first = names.firstIndex(where: { ["$file", "$data"].contains($0) }) else { return nil }
    let (reference, value) = (names.remove(at: first), members[first].value)
    guard let kind = FileKind.inTemplates.first(where: { $0.rawValue == value.text(in: text) }) else {
      throw OutputTemplate.Fault(
        description: "has an unknown kind of file: `\(reference)` is one of " + FileKind.namesInTemplates,
        offset: value.range.lowerBound)
    }
    self.init(kind)
    isInline = reference == "$data"
    let known = isInline ? Self.inlineMembers : Self.members
    var others = members
    others.remove(at: first)
    for (name, member) in zip(names, others) {
      let requirement =
        known.contains(name)
        ? take(name, member.value, in: text)
        : "left out: beside `\(reference)`, \(known.joined(separator: ", ")) are known"
      guard let requirement else { continue }
      throw OutputTemplate.Fault(
        description: "has a file whose member `\(name)` must be \(requirement)",
        offset: member.value.range.lowerBound)
    }
  }

  /// Reads one member. Returns what its value must be if it is something else.
  private mutating func take(_ name: String, _ value: JSONValue, in text: Span<UInt8>) -> String? {
    switch name {
    case "bytes":
      let limit = isInline ? Self.maxInlineByteCount : Self.maxByteCount
      guard kind == .data, let count = Self.number(value, in: text), (0...limit).contains(count) else {
        return "from 0 to \(limit), of the kind data"
      }
      byteCount = count
    case "times":
      guard let times = Self.number(value, in: text), (1...FileFaults.maxTimes).contains(times) else {
        return "from 1 to \(FileFaults.maxTimes)"
      }
      faults.times = times
    case "fault":
      let words = value.kind == .array ? (try? JSONScanner.elements(value, in: text)) ?? [] : [value]
      for word in words {
        guard let fault = word.text(in: text).flatMap(FileFault.init) else {
          return "one or an array of " + FileFault.allCases.map(\.rawValue).joined(separator: ", ")
        }
        faults.all.insert(fault)
      }
    default: return takeText(name, value.text(in: text))
    }
    return nil
  }

  private static func number(_ value: JSONValue, in text: Span<UInt8>) -> Int? {
    value.kind == .number ? Int(String(decoding: value.bytes(in: text), as: UTF8.self)) : nil
  }

  private mutating func takeText(_ name: String, _ text: String?) -> String? {
    guard let text else { return "a string" }
    switch name {
    case "name":
      guard (1...200).contains(text.utf8.count), ![".", ".."].contains(text),
        text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") })
      else { return "a name of at most 200 bytes, without slashes and control characters" }
      self.name = text
    case "type": contentType = text
    default: self.text = text
    }
    return nil
  }
}
