internal import EventLoop

/// The rules by which the daemon ends: drain on the first signal, cut what is left when the grace is over or a second
/// signal comes. A value that is told what happened and says what to do; time is an argument.
struct Shutdown {
  enum Event: Sendable {
    case signal(Signal)
    /// A server has ended; nil unless an error was the reason.
    case serverEnded(SystemError?)
  }

  enum Action: Equatable {
    case nothing
    case drain
    case abort
  }

  private enum Phase {
    case serving
    case draining(until: MonotonicTime)
    case aborting(until: MonotonicTime)
  }

  /// How long connections that were cut may take to notice.
  private static let abortGrace: Duration = .seconds(1)

  private let grace: Duration
  private var phase = Phase.serving
  private var runningServers: Int
  /// Nothing was cut short, and nothing failed.
  private(set) var isOrderly = true
  private(set) var isOver = false

  init(runningServers: Int, grace: Duration) {
    self.runningServers = runningServers
    self.grace = grace
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
      return .nothing
    case .signal:
      return advance(at: now)
    case .serverEnded(let error):
      runningServers -= 1
      if error != nil { isOrderly = false }
      if runningServers == 0 { isOver = true }
      guard case .serving = phase else { return .nothing }
      return advance(at: now)
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
      return .drain
    case .draining:
      phase = .aborting(until: now + Self.abortGrace)
      isOrderly = false
      return .abort
    case .aborting:
      isOver = true
      return .nothing
    }
  }
}
