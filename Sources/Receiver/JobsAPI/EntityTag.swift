internal import HTTPWire

/// A strong validator made of a job's revision (RFC 9110 section 8.8.3).
struct EntityTag {
  let text: String

  init(revision: Int64) {
    text = "\"\(revision)\""
  }

  /// RFC 9110 section 13.1.2: `*`, or one of a list, compared weakly: a `W/` before a tag does not matter.
  func isMatched(byIfNoneMatch values: [String]) -> Bool {
    values.flatMap { $0.split(separator: ",") }.contains { part in
      let tag = part.trimmed
      return tag == "*" || tag == text || tag == "W/\(text)"
    }
  }
}
