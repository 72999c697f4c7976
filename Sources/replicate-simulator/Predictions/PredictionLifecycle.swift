/// One prediction's state machine, from creation to end.
///
/// A value: the time is an argument, the change is the result.
struct PredictionLifecycle: Equatable, Sendable {
  enum End: String, Sendable {
    case succeeded, failed, canceled
    /// It ended before it started.
    case aborted
  }

  enum Phase: Equatable, Sendable {
    case starting
    case processing
    case ended(End)
  }

  enum Change: Equatable, Sendable {
    case started
    /// The logs have grown, and possibly the output.
    case progressed(hasNewOutput: Bool)
    case ended
  }

  /// The status in the API.
  var status: String {
    switch phase {
    case .starting: "starting"
    case .processing: "processing"
    case .ended(let end): end.rawValue
    }
  }

  let behaviour: Behaviour
  let createdAt: Instant
  /// When the prediction is ended, in any phase.
  let deadline: Instant?
  private(set) var phase = Phase.starting
  private(set) var startedAt: Instant?
  private(set) var completedAt: Instant?
  /// Steps done of ``Behaviour/steps``.
  private(set) var stepsDone = 0

  init(_ behaviour: Behaviour, createdAt: Instant, deadline: Instant? = nil) {
    self.behaviour = behaviour
    self.createdAt = createdAt
    self.deadline = deadline
  }

  var hasEnded: Bool { completedAt != nil }

  /// The expected end; a cancellation may come earlier.
  private var expectedEnd: Instant {
    let end = (startedAt ?? createdAt + behaviour.queue) + behaviour.duration
    return deadline.map { min($0, end) } ?? end
  }

  /// The expected time from `time` to the end.
  func remaining(at time: Instant) -> Duration {
    hasEnded ? .zero : expectedEnd - time
  }

  /// When ``advance(to:)`` returns the next change; nil after the end.
  var nextChangeAt: Instant? {
    let planned: Instant
    switch phase {
    case .ended: return nil
    case .starting: planned = createdAt + behaviour.queue
    case .processing:
      planned = (startedAt ?? createdAt) + behaviour.duration.part(stepsDone + 1, of: Behaviour.steps)
    }
    return deadline.map { min($0, planned) } ?? planned
  }

  /// Applies the next change due by `now`, at its due time.
  ///
  /// Call it until it returns nil.
  mutating func advance(to now: Instant) -> Change? {
    guard let due = nextChangeAt, due <= now else { return nil }
    if due == deadline { return end(startedAt == nil ? .aborted : .canceled, at: due) }
    switch phase {
    case .ended: return nil
    case .starting:
      if behaviour.ending == .aborted { return end(.aborted, at: due) }
      phase = .processing
      startedAt = due
      return .started
    case .processing:
      let before = outputCount
      stepsDone += 1
      guard stepsDone == Behaviour.steps else { return .progressed(hasNewOutput: outputCount > before) }
      switch behaviour.ending {
      case .succeeded: return end(.succeeded, at: due)
      case .failed: return end(.failed, at: due)
      case .canceled, .aborted: return end(.canceled, at: due)
      }
    }
  }

  /// Cancels the prediction. Nil if it has ended, because an ended one keeps its state.
  mutating func cancel(at now: Instant) -> Change? {
    // Earlier changes have been applied. A step due exactly now comes too late.
    hasEnded ? nil : end(.canceled, at: now)
  }

  private mutating func end(_ end: End, at time: Instant) -> Change {
    phase = .ended(end)
    completedAt = time
    return .ended
  }

  /// The number of tokens in a growing output.
  private var outputCount: Int {
    guard case .tokens(let tokens) = behaviour.output else { return 0 }
    return tokens.count * stepsDone / Behaviour.steps
  }
}
