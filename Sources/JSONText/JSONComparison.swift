/// Compares JSON values by their meaning.
///
/// Numbers are equal by value, strings by their characters, objects whatever the order of their members. Of
/// members with the same name the last one counts.
package enum JSONComparison {
  /// A part of a validated text.
  package struct Operand {
    package let value: JSONValue
    package let text: [UInt8]

    package init(value: JSONValue, text: [UInt8]) {
      self.value = value
      self.text = text
    }
  }

  /// Whether both represent the same JSON value.
  ///
  /// It recurses as deep as `constant` nests, which the definition's parser has bounded.
  package static func equal(
    _ value: Operand, _ constant: Operand, _ budget: inout ReadBudget
  ) throws(ReadBudget.Exhausted) -> Bool {
    try equal(value.value, value.text, constant.value, constant.text, &budget)
  }

  private static func equal(
    _ value: JSONValue, _ text: [UInt8], _ constant: JSONValue, _ other: [UInt8],
    _ budget: inout ReadBudget
  ) throws(ReadBudget.Exhausted) -> Bool {
    guard value.kind == constant.kind else { return false }
    switch value.kind {
    case .true, .false, .null: return true
    case .number:
      try budget.charge(value.range.count + constant.range.count)
      return JSONDecimal(value, in: text.span) == JSONDecimal(constant, in: other.span)
    case .string:
      // An escape takes at most six bytes for one, so far longer texts differ.
      guard value.contents.count <= 6 * constant.contents.count,
        constant.contents.count <= 6 * value.contents.count
      else { return false }
      try budget.charge(value.range.count + constant.range.count)
      return canonical(value.contents, text) == canonical(constant.contents, other)
    case .array: return try equalArrays(value, text, constant, other, &budget)
    case .object: return try equalObjects(value, text, constant, other, &budget)
    }
  }

  private static func equalArrays(
    _ value: JSONValue, _ text: [UInt8], _ constant: JSONValue, _ other: [UInt8],
    _ budget: inout ReadBudget
  ) throws(ReadBudget.Exhausted) -> Bool {
    var (elements, constants) = (JSONChildren(of: value), JSONChildren(of: constant))
    while true {
      let (element, constant) = (elements.next(in: text.span), constants.next(in: other.span))
      guard let element, let constant else { return element == nil && constant == nil }
      try budget.charge(element.value.range.count + constant.value.range.count)
      guard try equal(element.value, text, constant.value, other, &budget) else { return false }
    }
  }

  private static func equalObjects(
    _ value: JSONValue, _ text: [UInt8], _ constant: JSONValue, _ other: [UInt8],
    _ budget: inout ReadBudget
  ) throws(ReadBudget.Exhausted) -> Bool {
    try budget.charge(value.range.count + constant.range.count)
    let (members, constants) = (members(of: value, text), members(of: constant, other))
    guard members.count == constants.count else { return false }
    for (name, constant) in constants {
      guard let member = members[name], try equal(member, text, constant, other, &budget) else {
        return false
      }
    }
    return true
  }

  private static func members(of object: JSONValue, _ text: [UInt8]) -> [[UInt8]: JSONValue] {
    var members: [[UInt8]: JSONValue] = [:]
    var children = JSONChildren(of: object)
    while let child = children.next(in: text.span) {
      guard let name = child.name else { continue }
      members[canonical(name, text)] = child.value
    }
    return members
  }

  private static func canonical(_ range: Range<Int>, _ text: [UInt8]) -> [UInt8] {
    var name: [UInt8] = []
    JSONString.appendCanonical(range, of: text.span, to: &name)
    return name
  }
}

extension JSONComparison {
  /// Whether a string has `constant` in it, whatever the case, or an array an element that equals it.
  package static func contains(
    _ value: Operand, _ constant: Operand, _ budget: inout ReadBudget
  ) throws(ReadBudget.Exhausted) -> Bool {
    switch value.value.kind {
    case .string:
      guard let part = constant.value.text(in: constant.text.span) else { return false }
      try budget.charge(2 * (value.value.range.count + constant.value.range.count))
      let whole = value.value.text(in: value.text.span) ?? ""
      return Array(whole.lowercased().utf8).contains(Array(part.lowercased().utf8))
    case .array:
      var elements = JSONChildren(of: value.value)
      while let element = elements.next(in: value.text.span) {
        try budget.charge(element.value.range.count)
        let operand = Operand(value: element.value, text: value.text)
        if try equal(operand, constant, &budget) { return true }
      }
      return false
    default: return false
    }
  }
}

extension [UInt8] {
  /// Whether `part` occurs, by Knuth, Morris and Pratt: in linear time on any text.
  fileprivate func contains(_ part: [UInt8]) -> Bool {
    guard !part.isEmpty else { return true }
    // The length of the longest proper prefix of `part` that ends at each of its bytes.
    var borders = [Int](repeating: 0, count: part.count)
    var length = 0
    for index in part.indices.dropFirst() {
      while length > 0, part[index] != part[length] { length = borders[length - 1] }
      if part[index] == part[length] { length += 1 }
      borders[index] = length
    }
    var matched = 0
    for byte in self {
      while matched > 0, byte != part[matched] { matched = borders[matched - 1] }
      if byte == part[matched] { matched += 1 }
      if matched == part.count { return true }
    }
    return false
  }
}
