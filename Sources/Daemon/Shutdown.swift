internal import EventLoop
internal import System
internal import Time

/// The rules by which the daemon ends. A value that is told what happened and says what to do; time is an argument.
///
/// The first signal drains the deliveries; the jobs API goes on meanwhile, so that readiness can say that the daemon
/// stops, and drains when they are done. What is left when the grace is over, or a second signal comes, is cut.
struct Shutdown {
  enum Event: Sendable {
    case signal(Signal)
    case serverEnded(ServerEnd)
  }

  enum Action: Equatable {
    case nothing
    /// Read again what may change while the daemon runs.
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

  /// How long connections that were cut may take to notice: a part of the grace, so that the end comes within it.
  private static let abortGraces: (shortest: Duration, longest: Duration) = (.milliseconds(100), .seconds(1))

  private let grace: Duration
  private let abortGrace: Duration
  private var phase = Phase.serving
  private var runningServers: Int
  /// Nothing that had come whole was cut, and nothing failed.
  private(set) var isOrderly = true
  private(set) var isOver = false

  init(runningServers: Int, grace: Duration) {
    self.runningServers = runningServers
    abortGrace = max(Self.abortGraces.shortest, min(grace / 4, Self.abortGraces.longest))
    self.grace = max(.zero, grace - abortGrace)
  }

  /// How long to wait for the next event; nil: until it comes.
  func patience(at now: MonotonicTime) -> Duration? {
    switch phase {
    case .serving: nil
    case .draining(let end), .aborting(let end): end - now
    }
  }

  mutating func handle(_ event: Event, at now: MonotonicTime) -> Action {
    switch event {
    case .signal(.hangUp):
      guard case .serving = phase else { return .nothing }
      return .reload
    case .signal:
      // A second one ends the daemon at once, whatever is under way.
      if case .draining = phase { isOrderly = false }
      return advance(at: now)
    case .serverEnded(let end):
      runningServers -= 1
      if end.error != nil || end.cutRequests > 0 { isOrderly = false }
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

  /// Nothing has happened for as long as ``patience(at:)`` said.
  mutating func timePassed(at now: MonotonicTime) -> Action {
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
      // A server that does not end by itself was in the middle of something.
      isOrderly = false
      isOver = true
      return .nothing
    }
  }
}
