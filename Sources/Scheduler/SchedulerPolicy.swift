package import Replicate
internal import Time
internal import Work

/// The limits and pauses of a ``Scheduler``.
package struct SchedulerPolicy: Sendable {
  /// May change while the scheduler runs.
  var creationRate: CreationRate
  var createsPerMinute: Int { creationRate.perMinute }
  /// Calls in flight. Enough for Replicate's 600 creates a minute, at half a second each.
  package var maxCalls = 8
  /// Replicate's rate limit is 3000 a minute for other calls. The token's other users count in it too.
  var callsPerMinute = 1500
  /// The time after which ended jobs are deleted.
  var retentionMilliseconds: Int64
  /// The time after a delivery within which its signature stays valid.
  var replayMilliseconds: Int64 = 0
  /// Whether the signing secret is fetched again when signatures fail.
  ///
  /// A configured secret is not.
  var fetchesSecret: Bool

  /// Jobs that one transaction claims for polls.
  var maxClaimedJobs = 200
  /// Claimed polls that wait for a caller.
  var maxWaitingPolls = 400
  /// Jobs that one transaction deletes, which deliveries wait for.
  var maxPrunedJobs = 100
  /// From the start until the first pruning.
  var firstPrunePause = PruneSchedule.passPause
  /// The time for which an unreadable or unwritable row is skipped.
  var faultyRowPauseMilliseconds: Int64 = 3_600_000
  /// The lease of a claimed order step.
  ///
  /// A call starts in its first half, and takes at most 30 seconds.
  var stepLeaseMilliseconds: Int64 = 70_000
  /// The time over which polls are spread after a start.
  ///
  /// They find what ended during the downtime.
  var catchUpSpreadMilliseconds: Int64 = 10_000
  /// The maximum wait after the wall clock was set back.
  var maxWaitAfterJumpMilliseconds: Int64 = 60_000
  var pauseAfterFailure = Duration.seconds(1)
  /// Orders whose predictions one search looks for.
  var maxSearchedOrders = 500
  /// Between two fetches of the secret.
  ///
  /// Anybody can send deliveries with wrong signatures, which cause them.
  var secretPause = Duration.seconds(300)
  /// The same after a failed fetch.
  var pauseAfterFailedFetch = Duration.seconds(5)
  /// Between two looks at what other processes have left, and at what all may do together.
  var takeoverPause = Duration.seconds(5)
  /// The lease of a duty that one process has for all: several times the pause.
  var dutyLease = Duration.seconds(60)
  /// The maximum time between two runs.
  ///
  /// Each run detects jumps of the wall clock.
  var maxDelay = Duration.seconds(5)

  /// The name of the lease for the scheduler's single duties.
  static let duty = "scheduler"

  /// The rate of the create calls of all processes together.
  var createRate: Budget.Rate {
    Budget.Rate(perMinute: createsPerMinute, burst: min(maxCalls, createsPerMinute))
  }
  var stepLease: Duration { .milliseconds(stepLeaseMilliseconds) }

  init(createsPerMinute: Int, retentionMilliseconds: Int64, fetchesSecret: Bool) {
    self.init(
      rate: CreationRate(perMinute: createsPerMinute), retentionMilliseconds: retentionMilliseconds,
      fetchesSecret: fetchesSecret)
  }

  init(rate: CreationRate, retentionMilliseconds: Int64, fetchesSecret: Bool) {
    creationRate = rate
    self.retentionMilliseconds = retentionMilliseconds
    self.fetchesSecret = fetchesSecret
  }

  /// - Parameters:
  ///   - signatureTolerance: the maximum age of a delivery's signature.
  ///   - rate: of creations, which may change.
  ///   - fetchesSecret: whether the webhook secret comes from the provider.
  package init(
    settings: ProviderSettings, signatureTolerance: Duration, rate: CreationRate, fetchesSecret: Bool
  ) {
    self.init(
      rate: rate,
      retentionMilliseconds: settings.retention.wholeMilliseconds, fetchesSecret: fetchesSecret)
    replayMilliseconds = Self.replayTime(tolerance: signatureTolerance).wholeMilliseconds
  }

  /// The time after a delivery within which its signature stays valid.
  ///
  /// It may be signed as far in the future as the tolerance allows, and is accepted until it is as far in the
  /// past.
  static func replayTime(tolerance: Duration) -> Duration { tolerance * 2 + .seconds(60) }
}

/// When to fetch the signing secret again. A value; time is an argument.
struct SecretRefresh {
  private(set) var isDue = false
  private var notBefore: MonotonicTime?

  mutating func noteFailedVerification(at now: MonotonicTime, pause: Duration) {
    if let notBefore, now < notBefore { return }
    notBefore = now + pause
    isDue = true
  }

  mutating func noteAssigned() { isDue = false }

  mutating func noteFailedFetch(at now: MonotonicTime, pause: Duration) {
    notBefore = now + pause
  }
}
