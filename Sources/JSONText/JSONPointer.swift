internal import Bytes

/// A JSON Pointer (RFC 6901), parsed.
package struct JSONPointer: Hashable, Sendable {
  /// The decoded reference tokens.
  package let tokens: [[UInt8]]

  /// In bytes.
  package static let maxBytes = 1024

  /// Why a text is no pointer.
  package enum Fault: Error, Equatable {
    case tooLong
    /// A pointer that is not empty begins with a slash.
    case noSlash
    /// A tilde is followed by 0 or 1.
    case invalidEscape
    /// No index of an array has one, and a member of such a name is rarely meant.
    case leadingZero

    package var reason: String {
      switch self {
      case .tooLong: "its pointer is longer than 1 KiB"
      case .noSlash: "its pointer must begin with a slash, as in `image#/0`"
      case .invalidEscape: "a tilde in its pointer must be followed by 0 or 1 (~0 is a tilde, ~1 a slash)"
      case .leadingZero: "an index in its pointer has a leading zero"
      }
    }
  }

  /// The pointer to the whole text.
  package static let whole = JSONPointer(tokens: [])

  private init(tokens: [[UInt8]]) { self.tokens = tokens }

  package init(_ text: some Collection<UInt8>) throws(Fault) {
    guard text.count <= Self.maxBytes else { throw .tooLong }
    guard !text.isEmpty else {
      tokens = []
      return
    }
    guard text.first == UInt8(ascii: "/") else { throw .noSlash }
    var tokens: [[UInt8]] = []
    for part in text.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      let token = try Self.decode(part)
      let isIndex = token.count > 1 && token.allSatisfy { $0.decimalDigit != nil }
      guard !isIndex || token.first != UInt8(ascii: "0") else { throw .leadingZero }
      tokens.append(token)
    }
    self.tokens = tokens
  }

  private static func decode(_ part: some Collection<UInt8>) throws(Fault) -> [UInt8] {
    var token: [UInt8] = []
    var isEscaped = false
    for byte in part {
      if isEscaped {
        switch byte {
        case UInt8(ascii: "0"): token.append(UInt8(ascii: "~"))
        case UInt8(ascii: "1"): token.append(UInt8(ascii: "/"))
        default: throw .invalidEscape
        }
        isEscaped = false
      } else if byte == UInt8(ascii: "~") {
        isEscaped = true
      } else {
        token.append(byte)
      }
    }
    guard !isEscaped else { throw .invalidEscape }
    return token
  }
}

/// The result of a lookup by a pointer.
package enum JSONPlace: Equatable {
  case value(JSONValue)
  /// What stands where the pointer leads no further.
  ///
  /// - Parameter depth: the number of tokens that lead to it.
  case missing(depth: Int, found: String)
}

extension JSONPointer {
  /// Finds the value that the pointer names, in a validated text.
  package func place(
    in value: JSONValue, of text: Span<UInt8>, _ budget: inout ReadBudget
  ) throws(ReadBudget.Exhausted) -> JSONPlace {
    var current = value
    for (depth, token) in tokens.enumerated() {
      let found: JSONValue?
      switch current.kind {
      case .object: found = try Self.member(token, of: current, in: text, &budget)
      case .array: found = try Self.element(token, of: current, in: text, &budget)
      default: found = nil
      }
      guard let found else {
        return .missing(depth: depth, found: try Self.describe(current, without: token, in: text, &budget))
      }
      current = found
    }
    return .value(current)
  }

  /// The last member of that name, as everywhere.
  private static func member(
    _ name: [UInt8], of object: JSONValue, in text: Span<UInt8>, _ budget: inout ReadBudget
  ) throws(ReadBudget.Exhausted) -> JSONValue? {
    try budget.charge(object.range.count)
    let wanted = String(decoding: name, as: UTF8.self)
    var found: JSONValue?
    var children = JSONChildren(of: object)
    while let child = children.next(in: text) {
      if let range = child.name, JSONString.means(range, wanted, in: text) { found = child.value }
    }
    return found
  }

  private static func element(
    _ token: [UInt8], of array: JSONValue, in text: Span<UInt8>, _ budget: inout ReadBudget
  ) throws(ReadBudget.Exhausted) -> JSONValue? {
    // No array has more elements than nine digits count.
    guard (1...9).contains(token.count), token.allSatisfy({ $0.decimalDigit != nil }) else { return nil }
    let index = token.reduce(0) { $0 * 10 + Int($1.decimalDigit ?? 0) }
    var children = JSONChildren(of: array)
    var position = 0
    while let child = children.next(in: text) {
      if position == index {
        try budget.charge(child.value.range.upperBound - array.range.lowerBound)
        return child.value
      }
      position += 1
    }
    try budget.charge(array.range.count)
    return nil
  }

  /// What a value is, for a message: "an array of 1".
  private static func describe(
    _ value: JSONValue, without token: [UInt8], in text: Span<UInt8>, _ budget: inout ReadBudget
  ) throws(ReadBudget.Exhausted) -> String {
    switch value.kind {
    case .array:
      try budget.charge(value.range.count)
      var children = JSONChildren(of: value)
      var count = 0
      while children.next(in: text) != nil { count += 1 }
      return "an array of \(count)"
    case .object: return "an object without `\(String(decoding: token, as: UTF8.self).cutToLine(of: 64))`"
    case let kind: return kind.noun
    }
  }
}

extension JSONKind {
  /// For a message: "a string".
  package var noun: String {
    switch self {
    case .object: "an object"
    case .array: "an array"
    case .string: "a string"
    case .number: "a number"
    case .true: "true"
    case .false: "false"
    case .null: "null"
    }
  }
}
