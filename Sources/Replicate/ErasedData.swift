internal import JSONText

/// Puts back what Replicate has erased from the body of a prediction, from an earlier body of it.
///
/// An hour after a prediction has ended, its input becomes `{}`, its output and its logs null, and
/// `data_removed` true.
package enum ErasedData {
  private static let members = ["input", "output", "logs"]

  /// - Parameters:
  ///   - body: one that says `data_removed`.
  ///   - known: the earlier one.
  /// - Returns: `body`, byte for byte but for the values that only `known` has; nil where there is none.
  package static func restored(_ body: Span<UInt8>, from known: Span<UInt8>) -> [UInt8]? {
    guard let object = try? JSONScanner.object(body), let earlier = try? JSONScanner.object(known),
      let end = body.lastIndex(of: UInt8(ascii: "}"))
    else { return nil }
    var edits: [(range: Range<Int>, text: [UInt8])] = []
    for name in members {
      let value = object.value(named: name, in: body)
      guard value?.isEmpty(in: body) ?? true, let old = earlier.value(named: name, in: known),
        !old.isEmpty(in: known)
      else { continue }
      let text = old.bytes(in: known)
      // An object with an id has members, so that a comma is right.
      edits.append(value.map { ($0.range, text) } ?? (end..<end, Array(",\"\(name)\":".utf8) + text))
    }
    guard !edits.isEmpty else { return nil }
    var restored: [UInt8] = []
    var position = 0
    for (range, text) in edits.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
      restored += body.bytes(position..<range.lowerBound) + text
      position = range.upperBound
    }
    return restored + body.bytes(position..<body.count)
  }
}

extension JSONValue {
  /// Null, or an object, an array or a string with nothing in it.
  fileprivate func isEmpty(in body: Span<UInt8>) -> Bool {
    switch kind {
    case .null: true
    case .string: contents.isEmpty
    case .object, .array: body.extracting(contents).isBlank
    case .number, .true, .false: false
    }
  }
}

extension Span<UInt8> {
  /// RFC 8259 section 2: nothing but white space.
  fileprivate var isBlank: Bool {
    for index in indices where ![0x20, 0x09, 0x0A, 0x0D].contains(self[index]) { return false }
    return true
  }

  fileprivate func lastIndex(of byte: UInt8) -> Int? {
    for index in indices.reversed() where self[index] == byte { return index }
    return nil
  }

  fileprivate func bytes(_ range: Range<Int>) -> [UInt8] {
    extracting(range).withUnsafeBufferPointer { Array($0) }
  }
}
