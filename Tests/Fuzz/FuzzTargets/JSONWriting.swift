internal import JSONText

/// Written values read back unchanged.
enum JSONWriting {
  static func checkText(_ text: String) throws(Violation) {
    var writer = JSONWriter(capacity: 0)
    writer.string(text)
    let written = writer.bytes
    try require(written.allSatisfy { $0 >= 0x20 }, "a control character is written as it is")
    guard case .success(let value) = JSONFuzzTarget.validate(written), value.kind == .string,
      value.range == 0..<written.count
    else { throw Violation(rule: "what was written is no string") }
    let decoded = JSONString.decode(1..<written.count - 1, of: written.span)
    try require(decoded.utf8.elementsEqual(text.utf8), "a string does not read back")
  }

  /// Members copied by their bytes keep names, order and bytes.
  static func checkObject(_ members: [JSONMember], in text: [UInt8]) throws(Violation) {
    var writer = JSONWriter(capacity: 0)
    writer.object { object in
      for member in members {
        let name = JSONString.decode(member.name, of: text.span)
        object.member(named: name) { $0.raw(text[member.value.range]) }
      }
    }
    let written = writer.bytes
    guard case .success(let copies) = JSONFuzzTarget.object(written), copies.count == members.count else {
      throw Violation(rule: "an object that was written has other members")
    }
    for (copy, member) in zip(copies, members) {
      try require(
        written[copy.value.range].elementsEqual(text[member.value.range]),
        "a value was not passed on as it is")
      let (left, right) = (
        JSONString.decode(copy.name, of: written.span), JSONString.decode(member.name, of: text.span)
      )
      try require(left.utf8.elementsEqual(right.utf8), "a name does not read back")
    }
  }
}
