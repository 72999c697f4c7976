internal import JSONText

/// The member `archive` of a request: whether the files of the job's output are kept.
package enum ArchiveMode: String, CaseIterable, Sendable {
  case off
  /// The job ends as always, and its files are stored meanwhile.
  case bestEffort = "best_effort"
  /// The job succeeds once its files are stored.
  case required
}

extension RequestMembers {
  func archive(in body: Span<UInt8>) throws(PredictionRequestError) -> ArchiveMode? {
    guard let value = self["archive"] else { return nil }
    // The longest one in escapes, and two quotes.
    let text = value.range.count <= 11 * 6 + 2 ? value.text(in: body) ?? "" : ""
    guard let mode = ArchiveMode(rawValue: text) else {
      let modes = ArchiveMode.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw .invalid(field: "archive", reason: "`archive` must be one of \(modes).")
    }
    return mode
  }
}
