import EventLoop
internal import Time

/// How long a command that follows something goes on while the daemon does not answer: it may be starting again, and
/// nothing is lost meanwhile.
struct OutageTolerance {
  static let maxDuration = Duration.seconds(60)

  private var lastAnswer: MonotonicTime?

  mutating func noteResponse(at now: MonotonicTime) {
    lastAnswer = now
  }

  /// Gives up where the daemon never answered, not for too long, or does not want to.
  func tolerate(_ failure: CommandFailure, at now: MonotonicTime) throws(CommandFailure) {
    guard failure.code == .unavailable, let lastAnswer, now - lastAnswer < Self.maxDuration else {
      throw failure
    }
  }
}
