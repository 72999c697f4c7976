internal import Time

/// The bounds within which a ``Dispatcher`` works.
struct DispatcherRules: Sendable {
  var createsPerMinute: Int
  /// Replicate allows 3000 calls a minute beside those that create; others use the token too.
  var callsPerMinute = 1500
  /// Ended jobs are deleted after that long.
  var retentionMilliseconds: Int64
  /// A delivery whose signature holds may be sent again for so long after it was received, in milliseconds.
  var replayMilliseconds: Int64 = 0
  /// The signing secret was fetched and not set: it is looked at again when signatures fail.
  var fetchesSecret: Bool

  /// Open jobs in one look: one transaction.
  var sweepLimit = 200
  /// Questions that wait for a caller.
  var longestQuestionList = 400
  /// Jobs in one step of deleting: one transaction, which deliveries wait for.
  var pruneLimit = 100
  /// From a start until the first look for jobs to delete.
  var firstPrunePause = PruneSchedule.passPause
  /// For how long a row that cannot be read or written is passed over, in milliseconds.
  var faultyRowPause: Int64 = 3_600_000
  /// When a step that a caller could not finish is due again, in milliseconds: longer than a call takes.
  var stepPatience: Int64 = 35_000
  /// What ended while the daemon was down is asked for within that time, in milliseconds.
  var catchUpSpread: Int64 = 10_000
  /// After the wall clock was set back, nothing waits longer than that for it to come to where it was, in milliseconds.
  var longestWaitAfterJump: Int64 = 60_000
  var pauseAfterFailure = Duration.seconds(1)
  /// Orders whose predictions are looked for together.
  var longestSearchList = 500
  /// How soon the secret may be fetched again: whoever likes can send what is not signed with it.
  var secretPause = Duration.seconds(300)
  /// The same after a fetch that failed.
  var pauseAfterFailedFetch = Duration.seconds(5)
  /// Jumps of the wall clock are noticed within that time.
  var longestPatience = Duration.seconds(5)
}

/// When to look for what is past its retention: a pass an hour, in steps with room for others between them. A value.
struct PruneSchedule {
  static let passPause = Duration.seconds(3600)
  private static let stepPause = Duration.milliseconds(50)

  private var dueAt: MonotonicTime
  private var position: Int64 = 0

  /// The clock may be wrong at a start too, such as on a machine without one of its own.
  init(now: MonotonicTime, pause: Duration = passPause) {
    dueAt = now + pause
  }

  /// Where the step that is due begins; nil while none is.
  func cursor(at now: MonotonicTime) -> Int64? { dueAt <= now ? position : nil }

  /// - Parameter next: where the pass goes on; nil where it is over.
  mutating func note(_ next: Int64?, at now: MonotonicTime) {
    position = next ?? 0
    dueAt = now + (next == nil ? Self.passPause : Self.stepPause)
  }

  /// The wall clock has jumped, perhaps to a time that is wrong: what looks old by it is left alone for a while.
  mutating func postpone(at now: MonotonicTime) {
    dueAt = max(dueAt, now + Self.passPause)
  }

  func patience(at now: MonotonicTime) -> Duration { max(.zero, dueAt - now) }
}

/// After the provider has refused the token one call alone finds out whether it is accepted again. A value.
struct TokenCheck {
  private(set) var isRefused = false
  /// The caller that finds out.
  private var probe: Int?

  /// Calls that may be made at once.
  var room: Int { isRefused ? (probe == nil ? 1 : 0) : .max }

  mutating func noteCall(by caller: Int) {
    if isRefused { probe = caller }
  }

  /// What came of a call: those that were under way when the token was refused say nothing of it.
  mutating func note(caller: Int, isRefused: Bool) {
    if isRefused {
      self.isRefused = true
    } else if probe == caller {
      self.isRefused = false
    }
    if probe == caller { probe = nil }
  }
}
