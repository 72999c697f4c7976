/// The member `archive` of a request: whether the files of the job's output are kept.
package enum ArchiveMode: String, CaseIterable, Sendable {
  case off
  /// The job ends as always, and its files are stored meanwhile.
  case bestEffort = "best_effort"
  /// The job succeeds once its files are stored.
  case required
}
