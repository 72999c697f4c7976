internal import Bytes
internal import HTTPWire

/// A strong validator of a document (RFC 9110 section 8.8.3).
package struct EntityTag {
  package let text: String

  /// - Parameters:
  ///   - change: the number of the job's last change. Every difference that its document can show takes one.
  ///   - epoch: that of the store, whose restored copy may repeat numbers.
  init(change: Int64, epoch: String) {
    self.init(change: change, suffix: Self.suffix(of: epoch))
  }

  /// - Parameter suffix: see ``suffix(of:)``.
  init(change: Int64, suffix: String) {
    // An interpolation would take three times as long, for every read of a job.
    var text = "\""
    text += String(change)
    text += suffix
    self.text = text
  }

  /// - Parameter digest: of a document that is no job's.
  package init(digest: [UInt8]) {
    text = "\"\(Hexadecimal.encode(digest))\""
  }

  /// What follows the number in the tags of a store.
  static func suffix(of epoch: String) -> String { ".\(epoch)\"" }

  /// Whether `*` or one of the listed tags matches (RFC 9110 section 13.1.2).
  ///
  /// The comparison is weak: a `W/` before a tag makes no difference.
  package func isMatched(byIfNoneMatch values: [String]) -> Bool {
    // Most requests have no condition.
    guard !values.isEmpty else { return false }
    return values.flatMap { $0.split(separator: ",") }.contains { part in
      let tag = part.trimmed
      return tag == "*" || tag == text || tag == "W/\(text)"
    }
  }
}
