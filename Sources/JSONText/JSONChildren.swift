/// Iterates over the members or elements of one value, without a copy of them.
///
/// It walks the tokens, so it needs no memory for an array of a million elements.
package struct JSONChildren {
  package struct Child {
    /// The raw text of a member's name. Nil for an element.
    package let name: Range<Int>?
    package let value: JSONValue
  }

  private var tokens: JSONTokens

  /// - Parameter value: an object or an array of a validated text.
  package init(of value: JSONValue) {
    let inner = value.range.lowerBound + 1..<max(value.range.lowerBound + 1, value.range.upperBound - 1)
    tokens = JSONTokens(of: JSONValue(kind: value.kind, range: inner))
  }

  /// Returns the next child; nil after the last one.
  package mutating func next(in text: Span<UInt8>) -> Child? {
    var name: Range<Int>?
    while let token = tokens.next(in: text) {
      switch token {
      case .name(let range): name = range
      case .scalar(let value): return Child(name: name, value: value)
      case .beginObject: return Child(name: name, value: container(.object, in: text))
      case .beginArray: return Child(name: name, value: container(.array, in: text))
      case .endObject, .endArray: return nil
      }
    }
    return nil
  }

  /// Passes over a container whose bracket was read.
  private mutating func container(_ kind: JSONKind, in text: Span<UInt8>) -> JSONValue {
    let start = tokens.offset - 1
    var depth = 1
    while depth > 0, let token = tokens.next(in: text) {
      switch token {
      case .beginObject, .beginArray: depth += 1
      case .endObject, .endArray: depth -= 1
      case .name, .scalar: break
      }
    }
    return JSONValue(kind: kind, range: start..<tokens.offset)
  }
}

/// How many more bytes one resolution may read and copy.
///
/// A definition of 256 KiB has room for ten thousand references into an output of 4 MiB. A transaction must
/// not read that output ten thousand times.
package struct ReadBudget {
  package struct Exhausted: Error, Equatable {
    package init() {}
  }

  /// In bytes: the largest input sixteen times.
  package static let maxBytes = 64 * 1024 * 1024

  private var left: Int

  package init(_ bytes: Int = maxBytes) { left = bytes }

  package mutating func charge(_ bytes: Int) throws(Exhausted) {
    guard bytes <= left else { throw Exhausted() }
    left -= bytes
  }
}
