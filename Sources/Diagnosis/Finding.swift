internal import JSONText

/// One thing that was examined: whether it is as it must be, or what to do.
package struct Finding: Equatable, Sendable {
  package enum Verdict: String, Sendable {
    case ok
    /// It works, and deserves a look.
    case warning
    case failed
    /// It could not be examined, because something else is missing.
    case skipped
  }

  /// One word.
  package let subject: String
  package let verdict: Verdict
  package let detail: String
  /// What to do. Nil where nothing is to be done.
  package let remedy: String?

  package init(_ subject: String, _ verdict: Verdict, _ detail: String, remedy: String? = nil) {
    self.subject = subject
    self.verdict = verdict
    self.detail = detail
    self.remedy = remedy
  }

  /// One line for people.
  package var line: String {
    let label = subject + String(repeating: " ", count: max(1, 12 - subject.count))
    let word =
      switch verdict {
      case .ok: "ok: "
      case .warning: "warning: "
      case .failed: "FAILED: "
      case .skipped: "skipped: "
      }
    return label + word + detail + (remedy.map { ". \($0)" } ?? "")
  }

  /// All findings as one JSON document.
  package static func document(_ findings: [Finding]) -> [UInt8] {
    var writer = JSONWriter()
    writer.object { object in
      object.member("ok", bool: !findings.contains { $0.verdict == .failed })
      object.member("findings") { list in
        list.array(findings) { element, finding in
          element.object { object in
            object.member("subject", string: finding.subject)
            object.member("verdict", string: finding.verdict.rawValue)
            object.member("detail", string: finding.detail)
            object.member("remedy", string: finding.remedy)
          }
        }
      }
    }
    writer.raw([UInt8(ascii: "\n")])
    return writer.bytes
  }
}
