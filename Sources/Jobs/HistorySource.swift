/// The source of a row of a job's history.
package enum HistorySource: String, Sendable {
  // The first four are those of SnapshotSource.
  case webhook
  case poll
  case list
  case answer
  /// The daemon ended the job by its own rules.
  case daemon

  package init(_ source: SnapshotSource) {
    self =
      switch source {
      case .webhook: .webhook
      case .poll: .poll
      case .list: .list
      case .answer: .answer
      }
  }
}
