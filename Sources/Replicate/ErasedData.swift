internal import Crypto
internal import JSONText
package import Jobs

/// Restores a prediction's erased data from an earlier body.
///
/// Replicate erases data an hour after a prediction has ended: its input becomes `{}`, its output and its
/// logs null, and `data_removed` true.
package enum ErasedData {
  private static let members = ["input", "output", "logs"]

  /// - Parameters:
  ///   - erased: a body whose `data_removed` is true.
  ///   - known: an earlier body.
  /// - Returns: the restored body and its evidence; nil where `known` adds nothing.
  @Sendable package static func restore(
    erased: [UInt8], known: [UInt8]
  ) -> (body: [UInt8], evidence: Evidence)? {
    guard let body = restoredBody(erased.span, from: known.span),
      let prediction = try? Prediction(body: body.span),
      let digest = BodyDigest(bytes: SHA256().digest(of: body.span))
    else { return nil }
    return (body, prediction.evidence(digest: digest))
  }

  /// `body` with the values that only `known` has; nil if none.
  static func restoredBody(_ body: Span<UInt8>, from known: Span<UInt8>) -> [UInt8]? {
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
      // An object with an id has members, so a comma is right.
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
  /// Whether the value is null, `{}`, `[]` or an empty string.
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
  /// Whether there is only white space (RFC 8259 section 2).
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
