internal import StoreSeam

/// The changes that wait for a loop's next turn, coalesced.
///
/// Its size is bounded, however long the loop takes.
struct PendingChanges: Equatable {
  /// The highest change number. 0 where nothing has changed.
  private(set) var newest: Int64 = 0
  /// The newest change of each job. Nil where too many jobs have changed to list them.
  private(set) var jobs: [Int64: Int64]? = [:]

  /// The maximum number of jobs that are listed. With more, every subscriber is woken.
  static let maxJobs = 1024

  mutating func add(_ changes: [CommittedChange]) {
    for change in changes {
      newest = max(newest, change.change)
      jobs?[change.number] = change.change
    }
    if let count = jobs?.count, count > Self.maxJobs { jobs = nil }
  }

  /// The newest change that may concern `topic`. Nil where there is none.
  func change(of topic: FeedTopic) -> Int64? {
    switch topic {
    case .all: newest
    case .job(let number): change(ofJob: number)
    }
  }

  func change(ofJob number: Int64) -> Int64? {
    guard let jobs else { return newest }
    return jobs[number]
  }
}
