/// Iterates over the scalars inside a validated value, at any depth, in order.
///
/// The names of members are not included.
package struct JSONLeaves {
  private var tokens: JSONTokens
  /// The containers around the position, outermost first; true for an object.
  ///
  /// At most ``JSONScanner/maxDepth`` of them.
  private var containers: [Bool] = []

  package init(of value: JSONValue) { tokens = JSONTokens(of: value) }

  /// Returns the next scalar; nil after the last one.
  package mutating func next(in text: Span<UInt8>) -> JSONLeaf? {
    while let token = tokens.next(in: text) {
      switch token {
      case .beginObject: containers.append(true)
      case .beginArray: containers.append(false)
      case .endObject, .endArray: _ = containers.popLast()
      case .name: continue
      case .scalar(let value): return JSONLeaf(value: value, isMember: containers.last ?? false)
      }
    }
    return nil
  }
}

/// A string, number, `true`, `false` or `null`.
package struct JSONLeaf: Equatable, Sendable {
  package let value: JSONValue
  /// Whether it is the value of an object's member.
  ///
  /// Otherwise it is an array element, or the whole text.
  package let isMember: Bool
}
