package import System
package import Time

/// The state machine of a graceful shutdown: takes events, returns actions.
///
/// The first signal drains the webhooks listener. The jobs API serves on meanwhile, so that readiness can
/// report the shutdown, and drains afterwards. When the grace expires or a second signal comes, the remaining
/// connections are closed.
package struct Shutdown {
  package enum Event: Sendable {
    case signal(Signal)
    case serverEnded(ServerEnd)
  }

  package enum Action: Equatable {
    case nothing
    /// Read the settings and files again that may change while the daemon runs.
    case reload
    case drainDeliveries
    case drainAll
    case abort
  }

  private enum Phase {
    case serving
    case draining(until: MonotonicTime)
    case aborting(until: MonotonicTime)
  }

  /// The bounds of ``abortGrace``.
  private static let (minAbortGrace, maxAbortGrace) = (Duration.milliseconds(100), Duration.seconds(1))

  /// The time for draining.
  private let grace: Duration
  /// The time in which closed connections end: a part of the grace, so that the daemon ends within it.
  private let abortGrace: Duration
  private var phase = Phase.serving
  private var runningServers: Int
  /// Whether no complete request was cut, and nothing failed.
  package private(set) var isClean = true
  package private(set) var isOver = false

  package init(runningServers: Int, grace: Duration) {
    self.runningServers = runningServers
    abortGrace = max(Self.minAbortGrace, min(grace / 4, Self.maxAbortGrace))
    self.grace = max(.zero, grace - abortGrace)
  }

  /// The time to the end of the phase; nil while serving, which has none.
  package func timeLeft(at now: MonotonicTime) -> Duration? {
    switch phase {
    case .serving: nil
    case .draining(let end), .aborting(let end): end - now
    }
  }

  package mutating func handle(_ event: Event, at now: MonotonicTime) -> Action {
    switch event {
    case .signal(.hangUp):
      guard case .serving = phase else { return .nothing }
      return .reload
    case .signal:
      // A second signal ends the daemon at once, even with requests in flight.
      if case .draining = phase { isClean = false }
      return advance(at: now)
    case .serverEnded(let end):
      runningServers -= 1
      if end.error != nil || end.cutRequests > 0 { isClean = false }
      if runningServers == 0 { isOver = true }
      switch phase {
      case .serving:
        _ = advance(at: now)
        return isOver ? .nothing : .drainAll
      case .draining: return isOver ? .nothing : .drainAll
      case .aborting: return .nothing
      }
    }
  }

  /// To be called if no event came within ``timeLeft(at:)``.
  package mutating func handleTimeout(at now: MonotonicTime) -> Action {
    switch phase {
    case .serving: .nothing
    case .draining(let end), .aborting(let end): end <= now ? advance(at: now) : .nothing
    }
  }

  private mutating func advance(at now: MonotonicTime) -> Action {
    switch phase {
    case .serving:
      phase = .draining(until: now + grace)
      return .drainDeliveries
    case .draining:
      phase = .aborting(until: now + abortGrace)
      return .abort
    case .aborting:
      // A server that has not ended still has requests in flight.
      isClean = false
      isOver = true
      return .nothing
    }
  }
}

/// The end of a server.
package struct ServerEnd: Sendable {
  /// The error that ended it; nil after a shutdown.
  package var error: SystemError?
  /// The number of complete requests that were cut before their response.
  package var cutRequests: Int

  package init(error: SystemError? = nil, cutRequests: Int = 0) {
    self.error = error
    self.cutRequests = cutRequests
  }
}
