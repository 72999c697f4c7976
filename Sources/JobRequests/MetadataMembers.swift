internal import JSONText

/// The members of a job's `metadata` that lists are filtered by.
///
/// These are its strings, numbers and booleans. Objects, arrays and null are stored only.
package enum MetadataMembers {
  package static let maxCount = 16
  /// In bytes, without escapes.
  package static let maxKeyBytes = 64
  /// In bytes, without escapes.
  package static let maxValueBytes = 256

  package typealias Member = (key: String, value: String)

  /// Why an object is not accepted as metadata.
  package enum Fault: Error, Equatable, CustomStringConvertible {
    case tooMany
    /// The key is cut.
    case longKey(String)
    case longValue(key: String)

    package var description: String {
      switch self {
      case .tooMany:
        "`metadata` has more than \(maxCount) strings, numbers and booleans; put others into an object."
      case .longKey(let key):
        "`metadata` has a name of more than \(maxKeyBytes) bytes, \(key)…; shorten it."
      case .longValue(let key):
        "`metadata` has a value of more than \(maxValueBytes) bytes, `\(key)`; put it into an object."
      }
    }
  }

  /// The members of an object, whose text was validated.
  package static func members(of object: Span<UInt8>) throws(Fault) -> [Member] {
    try scan(object) { fault throws(Fault) in throw fault }
  }

  /// Those members that are within the limits, for metadata that was accepted before there were any.
  package static func membersWithinLimits(of object: Span<UInt8>) -> [Member] {
    scan(object) { _ in }
  }

  /// The text of the `metadata` of a stored request. Nil where it has none.
  package static func text(inRequest body: Span<UInt8>) -> [UInt8]? {
    guard let object = try? JSONScanner.object(body), let value = object.value(named: "metadata", in: body),
      value.kind == .object
    else { return nil }
    return value.bytes(in: body)
  }

  /// Of members with the same name the last one counts, as in the rest of a request.
  private static func scan<Failure>(
    _ text: Span<UInt8>, _ note: (Fault) throws(Failure) -> Void
  ) throws(Failure) -> [Member] {
    guard let object = try? JSONScanner.object(text) else { return [] }
    var members: [Member] = []
    for member in object.members {
      // An escape takes at most six bytes for one.
      let key = JSONString.decode(member.name.prefix(6 * maxKeyBytes), of: text)
      let isLong = key.utf8.count > maxKeyBytes || member.name.count > 6 * maxKeyBytes
      if !isLong { members.removeAll { $0.key.utf8.elementsEqual(key.utf8) } }
      guard let raw = member.value.indexedRange else { continue }
      guard !isLong else {
        try note(.longKey(key.cutToLine(of: maxKeyBytes)))
        continue
      }
      let value = JSONString.decode(raw.prefix(6 * maxValueBytes), of: text)
      guard value.utf8.count <= maxValueBytes, raw.count <= 6 * maxValueBytes else {
        try note(.longValue(key: key.cutToLine(of: maxKeyBytes)))
        continue
      }
      guard members.count < maxCount else {
        try note(.tooMany)
        continue
      }
      members.append((key, value))
    }
    return members
  }
}

extension JSONValue {
  /// The range of the text that a list is filtered by. Nil for a value that is not indexed.
  fileprivate var indexedRange: Range<Int>? {
    switch kind {
    case .string: contents
    case .number, .true, .false: range
    case .object, .array, .null: nil
    }
  }
}
