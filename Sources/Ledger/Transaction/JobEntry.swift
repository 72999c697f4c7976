internal import StoreSeam
internal import Jobs

/// A job that a transaction has loaded or made.
final class JobEntry {
  let number: Int64
  /// As stored; nil for a new one.
  let stored: JobVersion?
  @exclusivity(unchecked) var version: JobVersion
  let lastChange: Int64
  /// Nil until it is needed.
  @exclusivity(unchecked) var historyLength: Int64?
  /// The body of a new snapshot.
  @exclusivity(unchecked) var body: [UInt8]?
  @exclusivity(unchecked) var isChanged: Bool
  /// Whether the row itself has changed, and not only what other tables add to the job's document.
  @exclusivity(unchecked) var hasRowChanges: Bool
  /// Whether more than the job's revision and its order has changed what its document shows.
  @exclusivity(unchecked) var isShownAnew = false
  /// Why this transaction has deleted it.
  @exclusivity(unchecked) var deletion: DeletedJob.Reason?
  /// Whether its check was claimed or moved, so that the work item must be written.
  @exclusivity(unchecked) var isCheckChanged: Bool

  var isDeleted: Bool { deletion != nil }

  init(_ row: StoredRow) {
    number = row.number
    stored = row.version
    version = row.version
    lastChange = row.change
    historyLength = nil
    isChanged = false
    hasRowChanges = false
    isCheckChanged = false
  }

  init(new version: JobVersion, number: Int64, body: [UInt8]) {
    self.number = number
    stored = nil
    self.version = version
    lastChange = 0
    historyLength = 0
    self.body = body
    isChanged = true
    hasRowChanges = true
    isCheckChanged = true
  }

  var job: Job { version.job }
}
