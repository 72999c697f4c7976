internal import Time

/// How one receiver, a host and port, has answered lately. A value; time is an argument.
///
/// It limits the tries in flight. A receiver that keeps failing is probed: one try at a time, after pauses
/// that double.
struct ReceiverState {
  /// The maximum of tries in flight to one receiver.
  static let maxInFlight = 8
  /// The same where answers take more than ``slowAnswer``.
  static let maxInFlightIfSlow = 2
  static let slowAnswer = Duration.seconds(2)
  /// Failures in a row after which a receiver is probed.
  static let maxFailures = 5
  static let firstPause = Duration.seconds(5)
  static let maxPause = Duration.seconds(300)

  enum Change: Equatable {
    /// It keeps failing, and is probed from now on.
    case unreachable
    /// It accepts callbacks again.
    case reachable
  }

  private(set) var inFlight = 0
  private(set) var failures = 0
  /// An average in which the last answer counts for a quarter.
  private var answerTime = Duration.zero
  private var probeAt: MonotonicTime?

  var isProbed: Bool { failures >= Self.maxFailures }
  /// Whether nothing is known that a new value does not know.
  var isForgettable: Bool { inFlight == 0 && failures == 0 && answerTime < Self.slowAnswer }

  /// How many more tries may start.
  func room(at now: MonotonicTime) -> Int {
    if let probeAt, now < probeAt { return 0 }
    if isProbed { return inFlight == 0 ? 1 : 0 }
    let limit = answerTime < Self.slowAnswer ? Self.maxInFlight : Self.maxInFlightIfSlow
    return max(0, limit - inFlight)
  }

  /// When the next try may start. Nil where the end of one decides.
  var nextProbe: MonotonicTime? { inFlight == 0 ? probeAt : nil }

  mutating func noteStart() { inFlight += 1 }

  /// A try that had no result, because the daemon ends or the job was deleted.
  mutating func noteAbandoned() { inFlight -= 1 }

  mutating func noteAcceptance(after duration: Duration) -> Change? {
    inFlight -= 1
    note(duration)
    defer { (failures, probeAt) = (0, nil) }
    return isProbed ? .reachable : nil
  }

  /// - Parameters:
  ///   - pause: the value of `Retry-After`, for the receiver as a whole.
  ///   - jitter: a random number from 0 to 1.
  mutating func noteFailure(
    after duration: Duration, at now: MonotonicTime, pause: Duration? = nil, jitter: Double
  ) -> Change? {
    inFlight -= 1
    note(duration)
    failures += 1
    if let pause { probeAt = max(probeAt ?? now, now + min(pause, Self.maxPause)) }
    guard isProbed else { return nil }
    let doublings = min(failures - Self.maxFailures, 6)
    let wait = min(Self.firstPause * (1 << doublings), Self.maxPause) * (1 + jitter / 5)
    probeAt = max(probeAt ?? now, now + wait)
    return failures == Self.maxFailures ? .unreachable : nil
  }

  private mutating func note(_ duration: Duration) { answerTime = (answerTime * 3 + duration) / 4 }
}
